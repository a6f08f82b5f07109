"""Units start, follow each other and end where a calendar says."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.calendar import (
    Unit,
    is_complete,
    next_unit_start,
    unit_start,
    unit_starts,
    units_between,
)
from tests.pipelines.engagement import oracle

UNITS: tuple[Unit, ...] = ("day", "week", "month")
DAYS = st.dates(dt.date(2023, 12, 1), dt.date(2025, 3, 31))


def value(expression: pl.Expr):
    """What an expression of literals evaluates to."""
    return pl.select(expression).item()


@pytest.mark.parametrize(
    ("unit", "day", "start"),
    [
        ("day", "2025-03-09", "2025-03-09"),
        ("week", "2025-03-09", "2025-03-03"),
        ("week", "2025-03-10", "2025-03-10"),
        ("week", "2025-01-01", "2024-12-30"),
        ("month", "2024-02-29", "2024-02-01"),
    ],
)
def test_a_unit_starts_on_its_first_day(unit: Unit, day: str, start: str):
    found = value(unit_start(pl.lit(dt.date.fromisoformat(day)), unit))
    assert found == dt.date.fromisoformat(start)


@pytest.mark.parametrize(("unit", "last_day"), [("day", "2025-02-24"), ("week", "2025-03-02"), ("month", "2025-02-28")])
def test_a_unit_is_complete_with_its_last_day_and_not_before(unit: Unit, last_day: str):
    last = dt.date.fromisoformat(last_day)
    start = unit_start(pl.lit(last), unit)
    through = (last - dt.timedelta(days=1), last)
    assert [value(is_complete(start, unit, day)) for day in through] == [False, True]


@pytest.mark.parametrize("unit", UNITS)
def test_without_a_complete_day_no_unit_is_complete(unit: Unit):
    assert value(is_complete(pl.lit(dt.date(2020, 1, 1)), unit, None)) is False


@pytest.mark.parametrize("unit", UNITS)
@given(day=DAYS)
def test_the_next_unit_is_the_one_a_walk_by_days_comes_to(unit: Unit, day: dt.date):
    start = oracle.start_of(day, unit)
    assert value(next_unit_start(pl.lit(start), unit)) == oracle.next_start(start, unit)


@pytest.mark.parametrize("unit", UNITS)
@given(days=st.tuples(DAYS, DAYS).map(sorted))
def test_units_between_two_days_are_the_steps_from_start_to_start(unit: Unit, days: list[dt.date]):
    first, last = days
    steps = len(oracle.starts(first, last, unit)) - 1
    assert value(units_between(pl.lit(first), pl.lit(last), unit)) == steps


@pytest.mark.parametrize("unit", UNITS)
@given(days=st.tuples(DAYS, DAYS).map(sorted))
def test_the_starts_between_two_units_are_all_there(unit: Unit, days: list[dt.date]):
    starts = oracle.starts(days[0], days[1], unit)
    found = value(unit_starts(pl.lit(starts[0]), pl.lit(starts[-1]), unit))
    assert found.to_list() == starts
