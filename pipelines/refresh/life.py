"""Refresh `group_health` and `group_state`: groups with changed complete days; all of them on a new complete day."""

from __future__ import annotations

import datetime as dt
import zlib
from dataclasses import dataclass, replace

import polars as pl

from pipelines.groups.concentration import with_half_writers
from pipelines.groups.health import group_health, judged_days
from pipelines.groups.state import group_state
from pipelines.groups.thresholds import LifeRules
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import (
    BATCH_INPUT,
    IDENTITY_INPUT,
    MEMBER_CHANGE_INPUT,
    Changes,
    Sources,
    changed_groups,
)
from pipelines.refresh.first_seen import first_days
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, recorded_inputs, through_input, unchanged, write
from schemas.lake import FEED_DAY, GROUP, GROUP_DAY, GROUP_HEALTH, GROUP_STATE, PERSON_DAY

_POSITIONS = (BATCH_INPUT, IDENTITY_INPUT)
_ALL_POSITIONS = (*_POSITIONS, MEMBER_CHANGE_INPUT)


@dataclass(frozen=True)
class LifeInputs:
    """The input facts of group lives, and the numbers recorded of them.

    `flowing` are the rows of `feed_day` on complete days. `positions` are those that all inputs include; changes that
    only some of them include are computed now, and again later.
    """

    days: Handle
    people: Handle
    groups: Handle
    flowing: pl.DataFrame
    positions: dict[str, int]
    of_rules: dict[str, int]
    of_all: dict[str, int]

    @classmethod
    def of(cls, lake: Lake, through: dt.date | None, settings: int) -> LifeInputs:
        """Load them."""
        facts = days, people, groups = tuple(lake.open(table) for table in (GROUP_DAY, PERSON_DAY, GROUP))
        until = pl.col("day") <= pl.lit(through, pl.Date)
        flowing = lake.open(FEED_DAY).scan().filter(until).sort(FEED_DAY.key).collect(engine="streaming")
        return cls(
            days,
            people,
            groups,
            flowing,
            positions={
                **{name: min(fact.position(name) or 0 for fact in facts) for name in _POSITIONS},
                MEMBER_CHANGE_INPUT: days.position(MEMBER_CHANGE_INPUT) or 0,
            },
            of_rules={input_id(SETTINGS): settings},
            of_all=through_input(through) | {input_id(FEED_DAY.name): zlib.crc32(flowing.write_csv().encode())},
        )

    def seen(self) -> dict[str, int]:
        """Return the inputs that `group_health` and `group_state` record."""
        return self.positions | self.of_rules | self.of_all


def refresh_life(
    lake: Lake, through: dt.date | None, zone: str, rules: LifeRules, settings: int
) -> dict[str, Refreshed]:
    """Recompute the lives of groups that changed.

    A group changes with events on its complete days, its attributes, and the persons in it. All groups change with a
    new complete day, or if late events show that a source did send something on an earlier day.

    Args:
        lake: The lake with the facts and their inputs: `group`, `group_day`, `person_day`, `feed_day`.
        through: Last complete day; None: there is none.
        zone: The business zone.
        rules: The thresholds.
        settings: Fingerprint of zone and thresholds; a change recomputes everything.

    Returns:
        The result by lake table.
    """
    facts = [lake.open(table) for table in (GROUP_HEALTH, GROUP_STATE)]
    inputs, sources = LifeInputs.of(lake, through, settings), Sources.of(lake, GROUP_HEALTH)
    rebuilds = [rebuild_due(lake, fact) for fact in facts]
    seen = inputs.seen() | rebuilds[0].seen()
    done = [recorded_inputs(fact, seen) for fact in facts]
    if all(position == seen for position in done):
        return {fact.table.name: unchanged(fact) for fact in facts}

    health = facts[0].scan().collect(engine="streaming")
    is_changed, counted, known = pl.lit(value=True), Refreshed(is_changed=False, rows=0), health.clear()
    is_whole = any(rebuild.is_whole for rebuild in rebuilds)
    if not is_whole and all(position[name] == seen[name] for position in done for name in inputs.of_rules):
        oldest = {name: min(position[name] or 0 for position in done) for name in _ALL_POSITIONS}
        changed = changed_groups(sources, Changes.since(lake, sources, oldest), through)
        is_before = (pl.col("day") < pl.col("since")).fill_null(value=True)
        known = health.join(changed, on="group_id", how="left").filter(is_before)
        if all(position[name] == seen[name] for position in done for name in inputs.of_all):
            is_changed = pl.col("group_id").is_in(changed["group_id"].implode())
            counted = replace(counted, groups=changed.height)
    judged = judged_days(
        inputs.days.scan().filter(is_changed), first_days(lake, inputs.people).filter(is_changed),
        inputs.flowing.lazy(), inputs.groups.scan().filter(is_changed), through, zone, rules,
    )  # fmt: skip
    life = with_half_writers(judged, inputs.people.scan().filter(is_changed), known).lazy()
    refreshed = {}
    for fact, fresh in zip(facts, (group_health(life), group_state(life)), strict=True):
        rows = fresh.collect(engine="streaming")
        refreshed[fact.table.name] = write(lake, fact, rows, seen, counted, is_changed)
    return refreshed
