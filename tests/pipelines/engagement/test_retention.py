"""Retention counts who started when, and who of them returned how much later."""

import datetime as dt
import doctest
import sys

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement import retention
from pipelines.engagement.calendar import Unit
from pipelines.engagement.first_seen import first_seen
from pipelines.engagement.retention import COHORTS, Cohort, Mode, Periods
from pipelines.engagement.retention_table import retention_table
from schemas.lake import UTC_TIME
from tests.examples import examples
from tests.pipelines.engagement import retention_oracle as oracle
from tests.pipelines.engagement.frames import MONDAY, ZONE, activity_days, last_complete_days, person_days, rows_of

UNITS: tuple[Unit, ...] = ("day", "week", "month")
BOTH = {"person_id": pl.String(), "time": UTC_TIME, "starts": pl.Boolean(), "returns": pl.Boolean()}
STARTS, RETURNS = pl.col("starts"), pl.col("returns")
NOON = dt.datetime(2025, 3, 3, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def frame(*events: tuple[str | None, dt.datetime, bool | None, bool | None]) -> pl.LazyFrame:
    return pl.LazyFrame(list(events), schema=BOTH, orient="row")


def daily(events: pl.LazyFrame, days: int = 3, **options) -> list[int | None]:
    """Who returned, period by period, of the cohort of the first day; so many days are complete."""
    through = NOON.date() + dt.timedelta(days=days - 1)
    asked = {"unit": "day", "zone": "UTC", "complete_through": through, **options}
    cells = retention(events, STARTS, RETURNS, **asked).filter(pl.col("cohort") == NOON.date())
    return cells.sort("period").collect()["returned"].to_list()


def test_a_return_before_the_start_is_none():
    events = frame(("ann", NOON, True, False), ("ann", NOON - HOUR, False, True))
    assert daily(events) == [0, 0, 0]


def test_a_return_at_the_time_of_the_start_is_one():
    assert daily(frame(("ann", NOON, True, False), ("ann", NOON, False, True))) == [1, 0, 0]


def test_a_start_that_satisfies_both_is_a_return():
    assert daily(frame(("ann", NOON, True, True))) == [1, 0, 0]


def test_on_or_after_counts_a_late_return_in_every_period_before_it():
    events = frame(("ann", NOON, True, False), ("ann", NOON + 48 * HOUR, False, True))
    assert daily(events, days=4) == [0, 0, 1, 0]
    assert daily(events, days=4, mode="on_or_after") == [1, 1, 1, 0]


def test_a_return_after_the_last_complete_day_is_not_known_yet():
    events = frame(("ann", NOON, True, False), ("ann", NOON + 24 * HOUR, False, True))
    assert daily(events, days=1, mode="on_or_after") == [0, None]


def test_rows_without_a_person_and_unknown_predicates_count_for_nothing():
    events = frame((None, NOON, True, True), ("ann", NOON, True, None), ("bob", NOON, None, True))
    assert daily(events) == [0, 0, 0]


def test_every_start_makes_a_person_a_member_of_several_cohorts():
    events = frame(("ann", NOON, True, True), ("ann", NOON + HOUR, True, True), ("ann", NOON + 24 * HOUR, True, True))
    cells = retention(
        events, STARTS, RETURNS, unit="day", zone="UTC", complete_through=dt.date(2025, 3, 4), cohort="every_start"
    )
    assert rows_of(cells, "cohort", "period", "cohort_size", "returned") == {
        (dt.date(2025, 3, 3), 0, 1, 1),
        (dt.date(2025, 3, 3), 1, 1, 1),
        (dt.date(2025, 3, 4), 0, 1, 1),
    }


def test_first_starts_of_all_history_make_the_cohorts_of_a_range():
    events = frame(("ann", NOON, True, True), ("bob", NOON, True, True))
    firsts = pl.LazyFrame({"person_id": ["ann", "bob"], "time": [NOON - 24 * HOUR, NOON]})
    asked = {"unit": "day", "zone": "UTC", "complete_through": NOON.date()}
    cells = retention(events, STARTS, RETURNS, first_starts=firsts, **asked)
    assert rows_of(cells, "cohort", "period", "returned") == {
        (dt.date(2025, 3, 2), 0, 0),
        (dt.date(2025, 3, 2), 1, 1),
        (dt.date(2025, 3, 3), 0, 1),
    }
    with pytest.raises(ValueError, match="first_starts"):
        retention(events, STARTS, RETURNS, first_starts=firsts, cohort="every_start", **asked)


def test_nobody_makes_no_cohort():
    found = retention(frame(), STARTS, RETURNS, unit="week", zone=ZONE, complete_through=MONDAY).collect()
    assert (found.height, found.schema) == (0, COHORTS)


@pytest.mark.parametrize("unit", UNITS)
@given(activity=activity_days(100), through=last_complete_days(100))
def test_the_table_of_retention_is_that_of_first_ever_activity_by_calendar(
    unit: Unit, activity: list[tuple[str, str, dt.date]], through: dt.date | None
):
    days = person_days(*activity)
    active = days.select("person_id", time="first_time")
    found = retention(active, pl.lit(value=True), pl.lit(value=True), unit=unit, zone=ZONE, complete_through=through)
    assert rows_of(found) == rows_of(retention_table(first_seen(days), days, unit, through))


ZONES = {
    "Asia/Shanghai": dt.datetime(2025, 3, 4, tzinfo=dt.UTC),
    "Europe/Berlin": dt.datetime(2025, 3, 29, 20, tzinfo=dt.UTC),
    "America/New_York": dt.datetime(2025, 11, 1, 20, tzinfo=dt.UTC),
    "America/Havana": dt.datetime(2025, 3, 8, 20, tzinfo=dt.UTC),
    "Australia/Lord_Howe": dt.datetime(2025, 4, 5, 8, tzinfo=dt.UTC),
}
"""A zone, and an instant shortly before its clock changes; in Havana there is no midnight then."""


@st.composite
def histories(draw: st.DrawFn, near: dt.datetime) -> list[oracle.Event]:
    """Events of three persons some of whose times are equal, around a change of the clock or months from it."""
    time = st.one_of(
        st.integers(-30, 30).map(lambda n: n * HOUR / 2), st.integers(-50, 50).map(lambda n: n * 24 * HOUR)
    )
    flags = st.sampled_from([(True, False), (False, True), (True, True), (False, False)])
    events = draw(st.lists(st.tuples(st.sampled_from("abc"), time, flags), max_size=12))
    return [(person, near + offset, *kinds) for person, offset, kinds in events]


@pytest.mark.parametrize("zone", ZONES)
@examples(150)
@given(data=st.data())
def test_retention_equals_the_oracle(zone: str, data: st.DataObject):
    near = ZONES[zone]
    events = data.draw(histories(near))
    unit: Unit = data.draw(st.sampled_from(UNITS))
    through = data.draw(st.none() | st.integers(-60, 60).map(lambda n: near.date() + dt.timedelta(days=n)))
    cohort: Cohort = data.draw(st.sampled_from(["first_ever", "every_start"]))
    mode: Mode = data.draw(st.sampled_from(["on", "on_or_after"]))
    periods: Periods = data.draw(st.sampled_from(["calendar", "rolling"]))
    found = retention(
        frame(*events), STARTS, RETURNS,
        unit=unit, zone=zone, complete_through=through, cohort=cohort, mode=mode, periods=periods,
    )  # fmt: skip
    assert rows_of(found) == oracle.retention(events, unit, zone, through, cohort, mode, periods)


def test_the_example_of_the_docstring_holds():
    module = sys.modules[retention.__module__]
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0
