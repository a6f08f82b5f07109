"""How far the lake's events are complete, for the assets that judge complete days only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from assets.resources import Rules
from pipelines.events.watermark import watermark
from pipelines.lake import Handle, Lake
from pipelines.refresh import FactRules, recent_events
from pipelines.time import last_complete_day
from schemas.lake import EVENTS

_NO_EVENTS: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)


def fact_rules(lake: Lake, rules: Rules) -> FactRules:
    """Return the inputs of facts other than tables, as their assets pass them."""
    reached = lake_watermark(lake, rules)
    return FactRules(
        settings=rules.settings,
        funnels=rules.funnels,
        watermark=reached or _NO_EVENTS,
        through=None if reached is None else last_complete_day(reached, rules.zone),
    )


def lake_watermark(lake: Lake, rules: Rules) -> dt.datetime | None:
    """The watermark of `events`, UTC; None while there are none."""
    events = lake.open(EVENTS)
    return _watermark(_Reached(events.id, events.files_id, rules.lateness, rules.idle_timeout, events))


@dataclass(frozen=True)
class _Reached:
    """Cache key of the watermark: data files of `events` and settings; and `events` to compute it (not compared)."""

    table_id: str
    files_id: str
    lateness: dt.timedelta
    idle_timeout: dt.timedelta
    events: Handle = field(compare=False)


@lru_cache(maxsize=1)
def _watermark(reached: _Reached) -> dt.datetime | None:
    """Compute the watermark once for all assets of a run, which ask for it one after the other."""
    # A source that is idle for longer than its timeout has no say.
    recent = recent_events(reached.events, reached.idle_timeout)
    return watermark(recent, reached.lateness, reached.idle_timeout)


def complete_through(lake: Lake, rules: Rules) -> dt.date | None:
    """The last complete day of the business zone; None while there are no events."""
    return fact_rules(lake, rules).through
