"""The table of retention counts a cohort in every period that is over, and says which are not."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.calendar import Unit
from pipelines.engagement.first_seen import first_seen
from pipelines.engagement.retention_table import retention_table
from schemas.lake import RETENTION
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
CELL = ("cohort", "period", "cohort_size", "active", "is_complete")


def day(number: int) -> dt.date:
    """A day counted from the first Monday."""
    return MONDAY + dt.timedelta(days=number)


def weekly(days: pl.LazyFrame, through: dt.date | None) -> pl.LazyFrame:
    """Weekly retention of all the person days there are."""
    return retention_table(first_seen(days), days, "week", through)


def test_a_silent_period_that_is_over_is_zero_and_one_that_runs_is_null():
    cells = weekly(person_days(("ann", "app:g", day(0))), through=day(14))
    assert rows_of(cells, *CELL) == {
        (MONDAY, 0, 1, 1, True),
        (MONDAY, 1, 1, 0, True),
        (MONDAY, 2, 1, None, False),
    }


def test_a_cohort_whose_week_runs_has_its_size_so_far():
    cells = weekly(person_days(("ann", "app:g", day(0)), ("bob", "app:g", day(2))), through=day(1))
    assert rows_of(cells, *CELL) == {(MONDAY, 0, 2, None, False)}


def test_activity_after_the_last_complete_day_opens_its_period():
    cells = weekly(person_days(("ann", "app:g", day(0)), ("ann", "app:g", day(7))), through=day(6))
    assert rows_of(cells, *CELL) == {(MONDAY, 0, 1, 1, True), (MONDAY, 1, 1, None, False)}


def test_a_second_group_makes_no_second_first_time():
    days = person_days(("ann", "app:g", day(0)), ("ann", "app:h", day(7)))
    assert rows_of(weekly(days, through=day(13)), *CELL) == {
        (MONDAY, 0, 1, 1, True),
        (MONDAY, 1, 1, 1, True),
    }


def test_the_size_of_a_cohort_is_independent_of_activity_in_period_zero():
    seen = first_seen(person_days(("ann", "app:g", day(0)), ("bob", "app:g", day(1))))
    days = person_days(("ann", "app:g", day(0)))
    assert rows_of(retention_table(seen, days, "week", day(6)), *CELL) == {(MONDAY, 0, 2, 1, True)}


def test_nobody_makes_no_cohort():
    assert weekly(person_days(), through=day(6)).collect().height == 0


def test_the_schema_is_that_of_the_table():
    assert weekly(person_days(), through=None).collect().schema == RETENTION.schema


@pytest.mark.parametrize("unit", UNITS)
@given(activity=activity_days(SPAN), through=last_complete_days(SPAN), data=st.data())
def test_the_table_equals_the_oracle_in_any_row_order(
    unit: Unit,
    activity: list[oracle.Activity],
    through: dt.date | None,
    data: st.DataObject,
):
    days = person_days(*data.draw(st.permutations(activity)))
    found = rows_of(retention_table(first_seen(days), days, unit, through))
    assert found == oracle.retention(activity, unit, through)
