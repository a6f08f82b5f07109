"""Settings of alerts: channels, times and rules."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, model_validator

from emberline.settings.bounds import DAYS, HOURS, Share
from emberline.settings.metric_alerts import MetricAlertSettings
from emberline.settings.section import Section, refuse_wrong_name
from pipelines.alerts.decide import Policy
from pipelines.alerts.messages import KAFKA
from pipelines.alerts.quiet import QuietHours
from pipelines.alerts.rules import RULES, Limits

_LIMITS: Final = Limits()
AlertLevel = Literal["critical", "warning", "off"]


def _quiet_hours(text: str | None) -> str | None:
    if text is not None:
        QuietHours.of(text, ZoneInfo("UTC"))
    return text


def _no_reserved_name(channels: dict[str, SecretStr]) -> dict[str, SecretStr]:
    if KAFKA in channels:
        raise ValueError(f"{KAFKA!r} is reserved for the channel of alerts.topic")
    return channels


class AlertSettings(Section):
    """Alerts on groups, feeds and the pipeline: channels, times and rules.

    A channel is one Apprise URL, which has a secret: `EMBERLINE__ALERTS__CHANNELS__OPS=wecombot://...` defines the
    channel `ops`.
    """

    channels: Annotated[dict[str, SecretStr], AfterValidator(_no_reserved_name)] = Field(
        default_factory=dict, repr=False
    )
    """Apprise URLs by the name of the channel, from the environment: EMBERLINE__ALERTS__CHANNELS__NAME."""
    topic: str = "group.alerts"
    pipeline_channels: list[str] | None = None
    """Names of the channels for alerts on the pipeline itself; empty: all."""
    group_dying: AlertLevel = "critical"
    group_dead: AlertLevel = "warning"
    group_declining: AlertLevel = "warning"
    group_silent: AlertLevel = "warning"
    group_at_risk: AlertLevel = "warning"
    stale_feed: AlertLevel = "critical"
    silent_days: int = Field(default=14, ge=1, le=DAYS)
    target_precision: Share = _LIMITS.target_precision
    renotify_hours: int = Field(default=72, ge=0, le=HOURS)
    news_days: int = Field(default=14, ge=1, le=DAYS)
    quiet_hours: Annotated[str | None, AfterValidator(_quiet_hours)] = None
    link_base: str | None = None
    metrics: list[MetricAlertSettings] = Field(default_factory=list)
    """A table each: see below."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        refuse_wrong_name("metrics", names := [one.name for one in self.metrics])
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"metrics: the name {twice[0]} is given twice")
        known = {*self.channels, *([KAFKA] if self.topic else [])}
        if not known.issuperset(self.pipeline_channels or ()):
            raise ValueError(
                f"pipeline_channels has an unknown channel; known channels: {', '.join(sorted(known)) or 'none'}"
            )
        return self

    def policy(self) -> Policy:
        """Return the settings as the pipeline's type."""
        levels = {rule: getattr(self, rule) for rule in RULES}
        return Policy(
            severities={rule: level for rule, level in levels.items() if level != "off"},
            renotify=dt.timedelta(hours=self.renotify_hours) if self.renotify_hours else None,
            news=dt.timedelta(days=self.news_days),
        )
