"""Runs at set times, in the business zone, where the settings name them."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from emberline.definitions import build_defs
from emberline.settings import SettingsError, load_settings
from sensors.schedule import newest_scheduled

BERLIN = "Europe/Berlin"


def rules(cron: str | None) -> Any:
    return SimpleNamespace(cron=cron, zone=BERLIN)


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        ("2026-03-28T12:00", "2026-03-28T05:00"),
        ("2026-03-29T03:59", "2026-03-28T05:00"),  # the clock goes forward, and 06:00 is an hour sooner
        ("2026-03-29T04:00", "2026-03-29T04:00"),
    ],
)
def test_the_newest_scheduled_time_is_that_of_the_zone(now: str, newest: str):
    found = newest_scheduled(rules("0 6 * * *"), dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC))
    assert found == dt.datetime.fromisoformat(newest).replace(tzinfo=dt.UTC)


def test_without_a_schedule_runs_follow_kafka():
    assert newest_scheduled(rules(None), dt.datetime.now(dt.UTC)) is None
    assert {schedule.name for schedule in build_defs().schedules or []} == {"maintenance_schedule", "audit_schedule"}


def test_the_schedule_of_the_settings_is_one_of_dagsters_and_runs():
    found = {schedule.name: schedule for schedule in build_defs(cron="0 6 * * *", zone=BERLIN).schedules or []}
    daily: Any = found["pipeline_schedule"]
    assert (daily.cron_schedule, daily.execution_timezone) == ("0 6 * * *", BERLIN)
    assert daily.default_status is dg.DefaultScheduleStatus.RUNNING


def test_what_is_no_cron_expression_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBERLINE__SCHEDULE__CRON", "99 6 * * *")
    with pytest.raises(SettingsError, match=r"schedule\.cron: is not a cron expression"):
        load_settings()
