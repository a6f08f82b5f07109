"""Retention's traps (docs/definitions.md#traps), by number."""

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipelines.engagement import retention
from pipelines.engagement.retention import Periods
from tests.pipelines.engagement.frames import rows_of

JOINED, SPOKE = pl.col("type") == "joined", pl.col("type") == "spoke"


def history(zone: str, **persons: list[tuple[str, str]]) -> pl.LazyFrame:
    """Events of persons from (local time, type)."""
    rows = [
        {"person_id": person, "type": kind, "time": dt.datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))}
        for person, events in persons.items()
        for at, kind in events
    ]
    return pl.LazyFrame(
        [{**row, "time": row["time"].astimezone(dt.UTC)} for row in rows],
        schema={"person_id": pl.String(), "type": pl.String(), "time": pl.Datetime("us", "UTC")},
    )


def returned_in(events: pl.LazyFrame, zone: str, through: str, periods: Periods = "calendar") -> set[tuple]:
    """The cohorts and days in which anybody returned."""
    through_day = dt.date.fromisoformat(through)
    cells = retention(
        events, JOINED, SPOKE, unit="day", zone=zone, complete_through=through_day, periods=periods
    ).filter(pl.col("returned") > 0)
    return rows_of(cells.with_columns(pl.col("cohort").dt.to_string()), "cohort", "period")


@pytest.mark.parametrize(
    ("joined", "spoke"),
    [
        ("2025-03-20 23:30", "2025-04-03 00:30"),
        ("2025-03-20 00:30", "2025-04-03 23:30"),
        ("2025-10-20 23:30", "2025-11-03 00:30"),
        ("2025-10-20 00:30", "2025-11-03 23:30"),
    ],
)
def test_trap_8_fourteen_days_over_a_change_of_the_clock_are_fourteen_calendar_days(joined: str, spoke: str):
    events = history("Europe/Berlin", ann=[(joined, "joined"), (spoke, "spoke")])
    assert returned_in(events, "Europe/Berlin", spoke[:10]) == {(joined[:10], 14)}


def test_trap_8_a_rolling_day_has_24_hours_also_where_the_calendar_has_23():
    events = history("Europe/Berlin", ann=[("2025-03-29 12:00", "joined"), ("2025-03-30 12:30", "spoke")])
    assert returned_in(events, "Europe/Berlin", "2025-04-02", "calendar") == {("2025-03-29", 1)}
    assert returned_in(events, "Europe/Berlin", "2025-04-02", "rolling") == {("2025-03-29", 0)}


@pytest.mark.parametrize("hour", ["00:10", "07:50", "08:10", "23:50"])
def test_trap_9_retention_at_utc_plus_8_is_not_a_day_off(hour: str):
    events = history("Asia/Shanghai", ann=[(f"2025-03-03 {hour}", "joined"), (f"2025-03-05 {hour}", "spoke")])
    assert returned_in(events, "Asia/Shanghai", "2025-03-06") == {("2025-03-03", 2)}


def test_trap_10_first_time_means_lifetime_and_not_the_range_of_the_report():
    everything = history(
        "UTC", ann=[("2025-01-01 12:00", "joined"), ("2025-03-03 12:00", "joined"), ("2025-03-04 12:00", "spoke")]
    )
    in_range = everything.filter(pl.col("time") >= pl.datetime(2025, 3, 1, time_zone="UTC"))
    firsts = everything.filter(JOINED).group_by("person_id").agg(pl.col("time").min())
    cells = retention(
        in_range, JOINED, SPOKE, unit="month", zone="UTC", complete_through=dt.date(2025, 3, 31), first_starts=firsts
    )
    assert rows_of(cells, "cohort", "period", "cohort_size", "returned") == {
        (dt.date(2025, 1, 1), 0, 1, 0),
        (dt.date(2025, 1, 1), 1, 1, 0),
        (dt.date(2025, 1, 1), 2, 1, 1),
    }


def test_trap_14_from_20_00_to_06_00_is_day_1_by_calendar_and_day_0_rolling():
    events = history("Asia/Shanghai", ann=[("2025-03-03 20:00", "joined"), ("2025-03-04 06:00", "spoke")])
    assert returned_in(events, "Asia/Shanghai", "2025-03-06", "calendar") == {("2025-03-03", 1)}
    assert returned_in(events, "Asia/Shanghai", "2025-03-06", "rolling") == {("2025-03-03", 0)}
