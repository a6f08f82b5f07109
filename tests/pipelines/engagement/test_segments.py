"""Activity by segment: counted with sets, day by day, by a loop that is slow and plain."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.calendar import Unit
from pipelines.engagement.segments import segment_activity, segment_retention
from schemas.lake import GROUP, PERSON_DAY, SEGMENT_ACTIVITY, SEGMENT_RETENTION
from tests.examples import examples

DAY = dt.timedelta(days=1)
FIRST = dt.date(2025, 1, 20)
GROUPS = {"qq:1": ("qq", "sales"), "qq:2": ("qq", None), "app:1": ("app", "sales")}
UNITS: tuple[Unit, ...] = ("day", "week", "month")

Rows = set[tuple[str, str, dt.date]]
"""Person, group and day."""


def groups() -> pl.LazyFrame:
    rows = [{"group_id": key, "carrier": carrier, "purpose": purpose} for key, (carrier, purpose) in GROUPS.items()]
    return pl.LazyFrame(rows, schema_overrides={"purpose": pl.String}).select(
        pl.col(name) if name in {"group_id", "carrier", "purpose"} else pl.lit(None, dtype).alias(name)
        for name, dtype in GROUP.columns.items()
    )


def person_day(rows: Rows) -> pl.LazyFrame:
    given = [
        {"person_id": person, "group_id": group, "day": day, "month": day.replace(day=1)} for person, group, day in rows
    ]
    filled = [{name: row.get(name) for name in PERSON_DAY.columns} for row in given]
    return pl.LazyFrame(filled, schema=PERSON_DAY.schema)


def start_of(day: dt.date, unit: Unit) -> dt.date:
    return {"day": day, "week": day - day.weekday() * DAY, "month": day.replace(day=1)}[unit]


def next_start(start: dt.date, unit: Unit) -> dt.date:
    return start_of(start + {"day": 1, "week": 7, "month": 31}[unit] * DAY, unit)


def segments(rows: Rows) -> dict[tuple[str, str], dict[str, set[dt.date]]]:
    """The days of each person in each segment."""
    found: dict[tuple[str, str], dict[str, set[dt.date]]] = defaultdict(lambda: defaultdict(set))
    for person, group, day in rows:
        carrier, purpose = GROUPS[group]
        for segment in (
            ("company", "company"), ("group", group), ("purpose", purpose or "unknown"), ("carrier", carrier)
        ):  # fmt: skip
            found[segment][person].add(day)
    return found


def expected_activity(rows: Rows, through: dt.date) -> list[dict[str, Any]]:
    found = []
    for (breakdown, segment), persons in segments(rows).items():
        for unit in UNITS:
            active = {person: {start_of(day, unit) for day in days} for person, days in persons.items()}
            start = start_of(min(min(days) for days in persons.values()), unit)
            before: set[str] = set()
            earlier: set[str] = set()
            while (end := next_start(start, unit)) <= through + DAY:
                now = {person for person, starts in active.items() if start in starts}
                rolling = [
                    sum(any(start - days * DAY < day <= start for day in own) for own in persons.values())
                    if unit == "day" else None
                    for days in (7, 28)
                ]  # fmt: skip
                counts = (
                    len(now), len(now - earlier), len(now & before), len(now & earlier - before), len(before - now),
                    *rolling,
                )  # fmt: skip
                if any(counts):
                    found.append(
                        dict(zip(SEGMENT_ACTIVITY.columns, (breakdown, segment, unit, start, *counts), strict=True))
                    )
                before, earlier, start = now, earlier | now, end
    return found


def expected_retention(rows: Rows, through: dt.date) -> list[dict[str, Any]]:
    found = []
    for (breakdown, segment), persons in segments(rows).items():
        cohorts: dict[dt.date, set[str]] = defaultdict(set)
        for person, days in persons.items():
            cohorts[min(days).replace(day=1)].add(person)
        for cohort, members in cohorts.items():
            start, period = cohort, 0
            while (end := next_start(start, "month")) <= through + DAY:
                active = sum(any(start <= day < end for day in persons[person]) for person in members)
                values = (breakdown, segment, cohort, period, len(members), active)
                found.append(dict(zip(SEGMENT_RETENTION.columns, values, strict=True)))
                start, period = end, period + 1
    return found


ROWS = st.sets(
    st.tuples(
        st.sampled_from(["p", "q", "r"]),
        st.sampled_from(sorted(GROUPS)),
        st.sampled_from([FIRST + days * DAY for days in (0, 1, 2, 6, 7, 8, 11, 27, 28, 29, 36, 41, 64, 90)]),
    ),
    max_size=20,
)


@given(ROWS, st.sampled_from([FIRST + days * DAY for days in (-5, 0, 7, 11, 41, 69, 95, 130)]))
@examples(100)
def test_activity_and_retention_are_what_sets_of_persons_say(rows: Rows, through: dt.date):
    counted = segment_activity(person_day(rows), groups(), through).sort(SEGMENT_ACTIVITY.key).collect()
    expected = pl.DataFrame(expected_activity(rows, through), schema=SEGMENT_ACTIVITY.schema)
    assert counted.equals(expected.sort(SEGMENT_ACTIVITY.key), null_equal=True)
    kept = segment_retention(person_day(rows), groups(), through).sort(SEGMENT_RETENTION.key).collect()
    expected = pl.DataFrame(expected_retention(rows, through), schema=SEGMENT_RETENTION.schema)
    assert kept.equals(expected.sort(SEGMENT_RETENTION.key), null_equal=True)


def test_while_no_day_is_complete_there_is_nothing():
    rows = person_day({("p", "qq:1", FIRST)})
    assert segment_activity(rows, groups(), None).collect().is_empty()
    assert segment_retention(rows, groups(), None).collect().is_empty()
