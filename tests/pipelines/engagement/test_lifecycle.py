"""Lifecycle says where the active came from, and proves that its counts hang together."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given

from pipelines.engagement.calendar import Unit
from pipelines.engagement.lifecycle import LifecycleBroken, assert_invariant, lifecycle
from schemas.lake import LIFECYCLE
from tests.pipelines.engagement import oracle
from tests.pipelines.engagement.frames import (
    MONDAY,
    activity_days,
    last_complete_days,
    person_days,
    rows_of,
)

SPAN = 100
UNITS: tuple[Unit, ...] = ("day", "week", "month")


def day(number: int) -> dt.date:
    """A day counted from the first Monday."""
    return MONDAY + dt.timedelta(days=number)


def weeks(*rows: tuple[str, str, dt.date], through: dt.date | None) -> list[tuple[int, ...]]:
    """The counts of every week in order: active, new, returning, resurrecting, dormant."""
    counts = lifecycle(person_days(*rows), "week", through).sort("start")
    return counts.select("active", "new", "returning", "resurrecting", "dormant").collect().rows()


def test_a_person_is_new_then_returns_then_is_dormant_then_resurrects():
    days = [("ann", "app:g", day(n)) for n in (0, 7, 21)]
    assert weeks(*days, through=day(27)) == [
        (1, 1, 0, 0, 0),
        (1, 0, 1, 0, 0),
        (0, 0, 0, 0, 1),
        (1, 0, 0, 1, 0),
    ]


def test_two_groups_of_one_person_count_once():
    days = [("ann", "app:g", day(0)), ("ann", "app:h", day(0)), ("ann", "app:h", day(8))]
    assert weeks(*days, through=day(13)) == [(1, 1, 0, 0, 0), (1, 0, 1, 0, 0)]


def test_silent_weeks_up_to_the_last_complete_day_are_there():
    assert weeks(("ann", "app:g", day(0)), through=day(20)) == [
        (1, 1, 0, 0, 0),
        (0, 0, 0, 0, 1),
        (0, 0, 0, 0, 0),
    ]


def test_the_running_week_is_counted_so_far_and_flagged():
    cells = lifecycle(person_days(("ann", "app:g", day(0)), ("ann", "app:g", day(7))), "week", day(6))
    assert rows_of(cells, "start", "active", "is_complete") == {
        (day(0), 1, True),
        (day(7), 1, False),
    }


def test_the_schema_is_that_of_the_table():
    assert lifecycle(person_days(), "day", None).collect().schema == LIFECYCLE.schema


def test_counts_that_contradict_each_other_are_named():
    sound = lifecycle(person_days(("ann", "app:g", day(0)), ("ann", "app:g", day(7))), "week", day(13))
    wrong = sound.with_columns(dormant=pl.when(pl.col("start") == day(7)).then(1).otherwise("dormant").cast(pl.Int64))
    with pytest.raises(LifecycleBroken, match=r"active is 1(?s:.*)unit week starting 2025-03-10") as error:
        assert_invariant(wrong)
    assert (error.value.unit, error.value.start, error.value.expected) == ("week", day(7), 0)


def test_the_first_unit_has_nobody_before_it():
    sound = lifecycle(person_days(("ann", "app:g", day(0))), "week", day(6))
    with pytest.raises(LifecycleBroken):
        assert_invariant(sound.with_columns(new=pl.col("new") - 1))


def test_the_units_are_checked_each_on_its_own():
    days = person_days(("ann", "app:g", day(0)), ("bob", "app:g", day(0)))
    assert_invariant(pl.concat([lifecycle(days, unit, day(0)) for unit in UNITS]))


@pytest.mark.parametrize("unit", UNITS)
@given(activity=activity_days(SPAN), through=last_complete_days(SPAN))
def test_lifecycle_equals_the_oracle_and_keeps_the_invariant(
    unit: Unit, activity: list[oracle.Activity], through: dt.date | None
):
    found = lifecycle(person_days(*activity), unit, through)
    assert_invariant(found)
    assert rows_of(found) == oracle.lifecycle(activity, unit, through)


@pytest.mark.parametrize("unit", UNITS)
def test_what_a_wrong_clock_dates_before_1970_counts_as_all_else(unit: Unit):
    days = [dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(1969, 11, 30), dt.date(1970, 2, 3)]
    activity = [(person, "app:g", one) for person in ("ann", "bob") for one in days]
    found = lifecycle(person_days(*activity), unit, days[-1])
    assert rows_of(found) == oracle.lifecycle(activity, unit, days[-1])
