"""Days belong to the business zone: they can have 23 or 25 hours, and a zone can skip one."""

from __future__ import annotations

import datetime as dt
from zoneinfo import available_timezones

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.time import business_day, business_days, day_end, last_complete_day, month_of

ZONES = ["Asia/Shanghai", "UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "America/Havana", "Pacific/Apia"]
TICK = dt.timedelta(microseconds=1)


def day_of(time: dt.datetime, zone: str) -> dt.date:
    return pl.select(business_day(pl.lit(time, pl.Datetime("us", "UTC")), zone)).item()


@pytest.mark.parametrize(
    ("time", "zone", "day"),
    [
        ("2025-03-03T15:59:59.999999Z", "Asia/Shanghai", "2025-03-03"),
        ("2025-03-03T16:00:00Z", "Asia/Shanghai", "2025-03-04"),
        ("2025-12-31T16:00:00Z", "Asia/Shanghai", "2026-01-01"),
        ("2025-03-03T16:00:00Z", "UTC", "2025-03-03"),
    ],
)
def test_a_day_begins_at_midnight_of_the_zone(time: str, zone: str, day: str):
    assert day_of(dt.datetime.fromisoformat(time), zone) == dt.date.fromisoformat(day)


@given(st.lists(st.dates()))
def test_a_month_is_named_by_its_first_day(days: list[dt.date]):
    found = pl.DataFrame({"day": days}, schema={"day": pl.Date}).select(month_of(pl.col("day"))).to_series()
    assert found.to_list() == [day.replace(day=1) for day in days]


SEVERAL_SHIFTS = [dt.datetime(2011, 11, 6, 2, 30, 30), dt.datetime(2011, 11, 6, 2, 31), dt.datetime(2026, 7, 1)]
"""The first is of the 6th in St. John's, where at one minute past midnight the clocks went back to the 5th."""


@given(
    st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1)),
    st.lists(st.timedeltas(dt.timedelta(days=-3), dt.timedelta(days=3))),
    st.sampled_from(ZONES),
)
@example(SEVERAL_SHIFTS[0], [time - SEVERAL_SHIFTS[0] for time in SEVERAL_SHIFTS], "America/St_Johns")
@example(dt.datetime(2026, 3, 29), [dt.timedelta(), dt.timedelta(hours=22)], "Europe/Berlin")
def test_the_days_of_many_instants_are_those_of_each(start: dt.datetime, since: list[dt.timedelta], zone: str):
    times = pl.Series([start.replace(tzinfo=dt.UTC) + each for each in since], dtype=pl.Datetime("us", "UTC"))
    assert business_days(times, zone).to_list() == [day_of(time, zone) for time in times]


def test_no_zone_puts_its_clocks_forth_and_back_between_two_midnights_of_utc():
    times = pl.datetime_range(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1), "6h", time_zone="UTC", eager=True)
    read = times.dt.replace_time_zone(None)
    for zone in sorted(available_timezones() - {"Factory", "localtime"}):
        shift = times.dt.convert_time_zone(zone).dt.replace_time_zone(None) - read
        is_midnight = read.dt.time() == dt.time()
        at_midnight = pl.DataFrame({"is_midnight": is_midnight, "shift": shift}).select(
            before=pl.when("is_midnight").then("shift").forward_fill(),
            after=pl.when("is_midnight").then("shift").backward_fill(),
        )
        alike = at_midnight["before"] == at_midnight["after"]
        assert (shift.filter(alike) == at_midnight["before"].filter(alike)).all(), zone


@pytest.mark.parametrize(
    ("day", "hours"), [("2025-03-29", 24), ("2025-03-30", 23), ("2025-10-26", 25)], ids=["usual", "spring", "autumn"]
)
def test_a_day_has_as_many_hours_as_the_clocks_say(day: str, hours: int):
    today = dt.date.fromisoformat(day)
    length = day_end(today, "Europe/Berlin") - day_end(today - dt.timedelta(days=1), "Europe/Berlin")
    assert length == dt.timedelta(hours=hours)


@given(st.dates(dt.date(1995, 1, 1), dt.date(2035, 1, 1)), st.sampled_from(ZONES))
@example(dt.date(2018, 11, 3), "America/Sao_Paulo")
@example(dt.date(2022, 3, 26), "Asia/Beirut")
@example(dt.date(2024, 11, 2), "America/Havana")
@example(dt.date(2011, 12, 29), "Pacific/Apia")
def test_the_end_of_a_day_is_its_last_instant_and_one_tick(day: dt.date, zone: str):
    end = day_end(day, zone)
    assert day_of(end, zone) > day
    assert day_of(end - TICK, zone) <= day


@given(st.dates(dt.date(2012, 1, 1), dt.date(2035, 1, 1)), st.sampled_from(ZONES))
def test_a_day_is_complete_exactly_from_its_end_on(day: dt.date, zone: str):
    end = day_end(day, zone)
    assert last_complete_day(end, zone) == day
    assert last_complete_day(end - TICK, zone) < day


@given(st.datetimes(dt.datetime(1995, 1, 1), dt.datetime(2035, 1, 1)), st.sampled_from(ZONES))
def test_the_last_complete_day_is_over_and_the_next_is_not(time: dt.datetime, zone: str):
    now = time.replace(tzinfo=dt.UTC)
    day = last_complete_day(now, zone)
    assert day_end(day, zone) <= now < day_end(day + dt.timedelta(days=1), zone)
