"""Schedules: the nightly audit; and runs at set times in place of following Kafka, where the settings name them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import dagster as dg

from assets.resources import Rules
from sensors.jobs import audit_job, pipeline_job

_MINUTE: Final = "%Y-%m-%dT%H:%M"
_NIGHTLY: Final = "17 3 * * *"
_LONG_AGO: Final = "2000-01-01T00:00"


def pipeline_schedule(cron: str, zone: str) -> dg.ScheduleDefinition:
    """Ask for a run of `pipeline_job` at the times that the cron expression names in the zone."""
    return _running(
        zone,
        name="pipeline_schedule",
        job=pipeline_job,
        cron_schedule=cron,
        description="Asks for a run at the times of schedule.cron. What it leaves, kafka_backlog_sensor asks for.",
    )


def audit_schedule(zone: str) -> dg.ScheduleDefinition:
    """Ask for a full audit of the warehouse every night in the zone."""
    return _running(
        zone,
        name="audit_schedule",
        job=audit_job,
        cron_schedule=_NIGHTLY,
        description="Asks for a full audit once a night: runs check only what changed.",
    )


def _running(zone: str, **schedule: Any) -> dg.ScheduleDefinition:
    """A schedule in the zone that runs without anybody turning it on."""
    running = dg.DefaultScheduleStatus.RUNNING
    return dg.ScheduleDefinition(execution_timezone=zone, default_status=running, **schedule)


def newest_scheduled(rules: Rules, now: dt.datetime) -> dt.datetime | None:
    """The newest scheduled time that is not after now, UTC; None where runs follow Kafka."""
    if rules.cron is None:
        return None
    times = dg.TimeWindowPartitionsDefinition(
        start=_LONG_AGO, fmt=_MINUTE, cron_schedule=rules.cron, timezone=rules.zone
    )
    window = times.get_prev_partition_window(now)
    return None if window is None else window.end.astimezone(dt.UTC)
