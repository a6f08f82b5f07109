"""Settings of the company's definitions: its zone, attribution, identities and funnels."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from emberline.settings.bounds import COUNT, DAYS, HOURS, MINUTES
from emberline.settings.section import Section
from schemas.attribution import MODELS, Model


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not an IANA time zone such as Europe/Berlin")
    return name


def _distinct(models: tuple[Model, ...]) -> tuple[Model, ...]:
    if len(set(models)) < len(models):
        raise ValueError("a model is named twice")
    return models


class RuleSettings(Section):
    """The company's definitions."""

    zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Shanghai"
    lateness_minutes: int = Field(default=60, ge=0, le=MINUTES)
    idle_feed_hours: int = Field(default=24, ge=1, le=HOURS)
    attribution_models: Annotated[tuple[Model, ...], Field(min_length=1), AfterValidator(_distinct)] = MODELS
    look_back_days: int = Field(default=7, ge=1, le=DAYS)
    half_life_days: int = Field(default=7, ge=1, le=DAYS)


class IdentitySettings(Section):
    """Placeholder ids, and when a person counts as over-merged."""

    blocked_ids: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """Native placeholder ids, beside `null`, `undefined`, zeros and the like; applies to records decoded after the
    change."""
    operators: list[Annotated[str, Field(pattern=r"^[a-z0-9_.-]+:.+", max_length=512)]] = Field(default_factory=list)
    """Accounts that work for the company, such as `qq:10009`, if payloads do not say so; applies to records decoded
    after the change."""
    max_accounts: int = Field(default=50, ge=2, le=COUNT)
    """A person with more accounts is reported as over-merged: an id that many people share links all of them."""


class FunnelSettings(Section):
    """Funnels beside the packaged one."""

    files: list[str] = Field(default_factory=list)
    """YAML files, or patterns such as `funnels/*.yaml`; relative paths start at the settings file."""
