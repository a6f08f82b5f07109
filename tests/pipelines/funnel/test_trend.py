import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.calendar import Unit
from pipelines.funnel.reached import reached_steps
from pipelines.funnel.trend import trend
from tests.pipelines.funnel.entries import ABC, WINDOW, Entry, entry, entry_lists, frame_of
from tests.pipelines.funnel.samples import MONDAY, ZONE, at

FIRST_DAY = MONDAY.astimezone(ZONE).date()
UNITS: tuple[Unit, ...] = ("day", "week", "month")
CELL = ("start", "step_number", "reached_so_far", "reached", "rate_overall", "rate_step", "is_mature")


def day(number: int) -> dt.date:
    return FIRST_DAY + dt.timedelta(days=number)


def counted(entries: list[Entry], unit: Unit, watermark: dt.datetime, zone: str = ZONE.key) -> pl.DataFrame:
    """With maturity told at the watermark, as entries in the lake have it."""
    told = [e | {"is_mature": e["entered_at"] + WINDOW <= watermark} for e in entries]
    return trend(reached_steps(frame_of(*told)), ABC, unit, zone, watermark).collect()


def of_step(table: pl.DataFrame, step: int) -> list[tuple]:
    return table.filter(step_number=step).select("start", "reached_so_far", "reached", "rate_overall").rows()


def test_an_entry_counts_on_its_day_whenever_it_converts():
    table = counted([entry(0, 9), entry(0.5)], "day", watermark=at(11))
    assert of_step(table, 2)[0] == (day(0), 1, 1, 0.5)


def test_a_day_matures_a_window_after_its_end_and_not_before():
    before, after = (counted([entry(0.5, 1)], "day", at(11, minutes)) for minutes in (-0.1, 0))
    assert of_step(before, 2)[0] == (day(0), 1, None, None)
    assert of_step(after, 2)[0] == (day(0), 1, 1, 1.0)


def test_a_unit_without_entries_is_null_while_it_is_not_mature_and_0_without_a_rate_then():
    table = counted([entry(0)], "day", watermark=at(12.5))
    assert of_step(table, 1)[:3] == [(day(0), 1, 1, 1.0), (day(1), 0, 0, None), (day(2), 0, None, None)]
    assert of_step(table, 1)[-1] == (day(11), 0, None, None)


def test_an_entry_after_the_last_complete_day_opens_its_unit():
    assert of_step(counted([entry(0), entry(3)], "day", watermark=at(2)), 1)[-1] == (day(3), 1, None, None)


def test_days_are_those_of_the_business_zone():
    late_in_utc = [entry(0.1) | {"entered_at": dt.datetime(2024, 1, 1, 20, tzinfo=dt.UTC)}]
    starts = [counted(late_in_utc, "day", at(2), zone)["start"].min() for zone in ("UTC", "Asia/Shanghai")]
    assert starts == [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]


def test_a_day_of_23_hours_is_over_at_its_midnight():
    zone = ZoneInfo("Europe/Berlin")
    midnight = dt.datetime(2024, 4, 1, tzinfo=zone).astimezone(dt.UTC)
    entered = {"entered_at": midnight - dt.timedelta(hours=1)}
    table = counted([entry(90) | entered], "day", midnight + WINDOW, zone.key)
    assert table.filter(start=dt.date(2024, 3, 31))["is_mature"].all()


@pytest.mark.parametrize("unit", UNITS)
def test_nobody_has_no_trend(unit):
    assert counted([], unit, at(20)).is_empty()


def _start(date: dt.date, unit: Unit) -> dt.date:
    return {"day": date, "week": date - dt.timedelta(days=date.weekday()), "month": date.replace(day=1)}[unit]


def _next(start: dt.date, unit: Unit) -> dt.date:
    return _start(start + dt.timedelta(days={"day": 1, "week": 7, "month": 31}[unit]), unit)


@pytest.mark.parametrize("unit", UNITS)
@given(entries=entry_lists(), days=st.sampled_from([-1, 0, 1, 9.99, 10, 41, 42, 60, 80]))
def test_every_cell_is_what_reading_entry_by_entry_gives(unit, entries, days):
    watermark = at(days)
    through = (watermark.astimezone(ZONE) - dt.timedelta(days=1)).date()
    dates = [e["entered_at"].astimezone(ZONE).date() for e in entries]
    expected = []
    start, last = (_start(min(dates), unit), _start(max(*dates, through), unit)) if dates else (FIRST_DAY, dt.date.min)
    while start <= last:
        end = _next(start, unit)
        inside = [len(e["matches"]) for e, date in zip(entries, dates, strict=True) if start <= date < end]
        is_mature = dt.datetime.combine(end, dt.time(), ZONE) + WINDOW <= watermark
        reached = [sum(length >= step for length in inside) for step in (1, 2, 3)]
        for step, count in enumerate(reached, start=1):
            before = reached[max(step - 2, 0)]
            rates = [count / whole if is_mature and whole else None for whole in (reached[0], before)]
            expected.append((start, step, count, count if is_mature else None, *rates, is_mature))
        start = end
    assert counted(entries, unit, watermark).select(CELL).rows() == expected
