"""Quiet hours are hours by the clock of the business zone."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.alerts.quiet import QuietHours

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = SHANGHAI) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("clock", "is_quiet"),
    [("21:59", False), ("22:00", True), ("23:59", True), ("00:00", True), ("07:59", True), ("08:00", False)],
)
def test_hours_that_pass_midnight(clock: str, is_quiet: bool):
    assert QuietHours.of("22:00-08:00", SHANGHAI).include(at(f"2026-03-02T{clock}")) is is_quiet


@pytest.mark.parametrize(("clock", "is_quiet"), [("11:59", False), ("12:00", True), ("13:00", False)])
def test_hours_within_a_day(clock: str, is_quiet: bool):
    assert QuietHours.of("12:00-13:00", SHANGHAI).include(at(f"2026-03-02T{clock}")) is is_quiet


def test_the_hours_follow_the_clock_when_it_changes():
    hours = QuietHours.of("22:00-08:00", BERLIN)
    assert hours.include(dt.datetime(2026, 3, 28, 6, 30, tzinfo=dt.UTC))
    assert not hours.include(dt.datetime(2026, 3, 29, 6, 30, tzinfo=dt.UTC))


@pytest.mark.parametrize("text", ["22:00", "22:00-22:00", "25:00-08:00", "late-early"])
def test_other_words_are_refused(text: str):
    with pytest.raises(ValueError):
        QuietHours.of(text, SHANGHAI)


@given(st.times(), st.times(), st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 12, 31)))
def test_each_instant_is_quiet_for_the_hours_or_for_their_complement(start: dt.time, end: dt.time, when: dt.datetime):
    if start == end:
        return
    now = when.replace(tzinfo=dt.UTC)
    hours, others = QuietHours(start, end, BERLIN), QuietHours(end, start, BERLIN)
    assert hours.include(now) is not others.include(now)
