"""Settings of the life of groups: when one declines, is dying, recovers and is dead."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, ValidationError, model_validator

from emberline.settings.bounds import COUNT, DAYS, WEEKS, Share
from emberline.settings.section import Section, in_words
from pipelines.groups.thresholds import LifeRules, Thresholds

_DEFAULTS: Final = Thresholds()
_ASCENDING: Final = (
    ("least_baseline_weeks", "baseline_weeks"), ("dying_enter", "declining_enter"), ("dying_enter", "dying_leave"),
    ("declining_enter", "declining_leave"), ("dying_leave", "declining_leave"),
    ("declining_chance", "dying_chance"),
)  # fmt: skip


class ThresholdSettings(Section):
    """When a group declines, is dying, recovers and is dead, by its own past."""

    dead_after_days: int = Field(default=_DEFAULTS.dead_after_days, ge=1, le=DAYS)
    baseline_weeks: int = Field(default=_DEFAULTS.baseline_weeks, ge=1, le=WEEKS)
    least_baseline_weeks: int = Field(default=_DEFAULTS.least_baseline_weeks, ge=1, le=WEEKS)
    least_messages: float = Field(default=_DEFAULTS.least_messages, gt=0, le=COUNT)
    deviations: float = Field(default=_DEFAULTS.deviations, ge=0, le=COUNT)
    confirm_days: int = Field(default=_DEFAULTS.confirm_days, ge=1, le=DAYS)
    stay_days: int = Field(default=_DEFAULTS.stay_days, ge=1, le=DAYS)
    declining_enter: Share = _DEFAULTS.declining_enter
    declining_leave: Share = _DEFAULTS.declining_leave
    dying_enter: Share = _DEFAULTS.dying_enter
    dying_leave: Share = _DEFAULTS.dying_leave
    silent_days: int = Field(default=_DEFAULTS.silent_days, ge=1, le=DAYS)
    declining_chance: Share = _DEFAULTS.declining_chance
    dying_chance: Share = _DEFAULTS.dying_chance

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for low, high in _ASCENDING:
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} is above {high}")
        return self

    def thresholds(self) -> Thresholds:
        """Return the settings as the pipeline's type."""
        return Thresholds(**{name: getattr(self, name) for name in Thresholds._fields})


class GroupSettings(ThresholdSettings):
    """When a group declines, is dying, recovers and is dead, measured against its own past.

    `[groups.purposes.NAME]` overrides these keys for groups of that purpose: `[groups.purposes.sales]`,
    `declining_enter = 0.5`. The risk model is one for all groups, and trained again when it is `risk_retrain_days` old.
    """

    risk_retrain_days: int = Field(default=91, ge=1, le=DAYS)
    purposes: dict[str, dict[str, int | float]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _purposes_agree(self) -> Self:
        for purpose in self.purposes:
            try:
                self.of(purpose)
            except ValidationError as error:
                wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {in_words(e['msg'])}" for e in error.errors())
                raise ValueError(f"purposes.{purpose}: {wrong}") from None
        return self

    def of(self, purpose: str) -> ThresholdSettings:
        """Return the settings for groups of a purpose."""
        return ThresholdSettings(**{**self.thresholds()._asdict(), **self.purposes[purpose]})

    def life(self) -> LifeRules:
        """Return the settings as the pipeline's type."""
        return LifeRules(self.thresholds(), {purpose: self.of(purpose).thresholds() for purpose in self.purposes})
