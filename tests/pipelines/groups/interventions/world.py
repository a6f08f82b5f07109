"""Groups at random, with states, activity and actions that do not follow from each other, as tables of the lake."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipelines.groups.interventions.alike import Past
from schemas.lake import (
    FEED_DAY,
    GROUP,
    GROUP_DAY,
    GROUP_HOUR,
    GROUP_RISK,
    GROUP_STATE,
    GROUP_STATES,
    INTERVENTION,
    LakeTable,
)

FIRST = dt.date(2025, 1, 6)
DAYS = 110

Said = dict[tuple[int, int], int]
"""Messages of a group by day and hour."""
ACTIONS = ("call", "offer")


@dataclass(frozen=True)
class World:
    """By group: its purpose, the state of each day, messages by day and hour, actions by day and hour, risks by day.

    Days are numbers from `FIRST` on; on those in `untold` no feed told anything.
    """

    purpose: dict[str, str | None]
    states: dict[str, list[str]]
    said: dict[str, Said]
    done: dict[str, set[tuple[int, int, str]]]
    risk: dict[str, dict[int, float]]
    untold: frozenset[int]

    @classmethod
    def of(cls, seed: int, groups: int = 7) -> World:
        """Draw one. Need is frequent and volumes are alike, so that there are comparisons to find."""
        rng = np.random.default_rng(seed)
        names = [f"app:{number}" for number in range(groups)]

        def states() -> list[str]:
            spells = rng.choice(GROUP_STATES[1:6], 12, p=[0.3, 0.3, 0.2, 0.1, 0.1])
            lengths = rng.integers(4, 40, 12)
            return ["unborn", "alive", *np.repeat(spells, lengths).tolist()][:DAYS]

        def said() -> Said:
            days = [day for day in range(DAYS) if day == 0 or rng.random() < 0.15]
            return {(day, int(rng.integers(0, 24))): int(rng.integers(1, 5)) for day in days}

        def done() -> set[tuple[int, int, str]]:
            times = rng.integers(0, [DAYS, 24], (int(rng.integers(0, 5)), 2)).tolist()
            return {(day, hour, str(rng.choice(ACTIONS))) for day, hour in times}

        return cls(
            {name: [None, "sales"][int(rng.random() < 0.8)] for name in names},
            {name: states() for name in names},
            {name: said() for name in names},
            {name: done() for name in names},
            {name: {day: float(rng.random() / 5) for day in range(20, DAYS, 9)} for name in names},
            frozenset(rng.choice(DAYS, 4).tolist()),
        )

    def up_to(self, day: int) -> World:
        """The same until the end of a day; then other states, words and actions."""
        other = World.of(day + 1)

        def mixed(own: Said, others: Said) -> Said:
            before = {at: count for at, count in own.items() if at[0] <= day}
            return before | {at: count for at, count in others.items() if at[0] > day}

        return replace(
            self,
            states={name: own[: day + 1] + other.states[name][day + 1 :] for name, own in self.states.items()},
            said={name: mixed(own, other.said[name]) for name, own in self.said.items()},
            done={
                name: {one for one in own if one[0] <= day} | {one for one in other.done[name] if one[0] > day}
                for name, own in self.done.items()
            },
        )

    def past(self, through: int = DAYS - 1) -> Past:
        """Its tables, with what happened after the last complete day."""
        days = [(name, day) for name, own in self.said.items() for day in sorted({day for day, _ in own})]
        group_day = [
            {"group_id": name, "day": on(day), "active_members": 1, "source": "feed",
             "messages": sum(count for (at, _), count in self.said[name].items() if at == day)}
            for name, day in days
        ]  # fmt: skip
        hours = [
            {"group_id": name, "day": on(day), "hour": hour, "messages": count}
            for name, own in self.said.items()
            for (day, hour), count in own.items()
        ]
        acts = [
            {"group_id": name, "day": on(day), "action": action, "intervention_id": f"{day} {hour} {action}",
             "at": dt.datetime.combine(on(day), dt.time(hour), dt.UTC)}
            for name, own in self.done.items()
            for day, hour, action in own
        ]  # fmt: skip
        risks = [
            {"group_id": name, "day": on(day), "risk_28": risk}
            for name, own in self.risk.items()
            for day, risk in own.items()
        ]
        return Past(
            interventions=table_of(INTERVENTION, acts),
            states=table_of(GROUP_STATE, [row for name, own in self.states.items() for row in _spells(name, own)]),
            group_day=table_of(GROUP_DAY, group_day),
            group_hour=table_of(GROUP_HOUR, hours),
            groups=table_of(GROUP, [{"group_id": name, "purpose": purpose} for name, purpose in self.purpose.items()]),
            feed_day=table_of(
                FEED_DAY, [{"source": "feed", "day": on(day)} for day in range(DAYS) if day not in self.untold]
            ),
            risks=table_of(GROUP_RISK, risks),
            through=on(through),
            zone="UTC",
        )


def on(day: int) -> dt.date:
    return FIRST + dt.timedelta(days=day)


def _spells(name: str, states: list[str]) -> list[dict[str, object]]:
    starts = [day for day, state in enumerate(states) if day == 0 or states[day - 1] != state]
    return [
        {"group_id": name, "state": states[start], "since": on(start), "until": None if end is None else on(end)}
        for start, end in zip(starts, [*starts[1:], None], strict=True)
    ]


def table_of(table: LakeTable, rows: list[dict[str, object]]) -> pl.LazyFrame:
    """Rows as a table of the lake has them: counts that are not given are 0, all else null."""
    zeros = {name: 0 for name, dtype in table.columns.items() if dtype.is_integer()}
    frame = pl.LazyFrame([{**dict.fromkeys(table.columns), **zeros, **row} for row in rows], schema=table.schema)
    return frame.with_columns(month=pl.col("day").dt.truncate("1mo")) if "month" in table.columns else frame
