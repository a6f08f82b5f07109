"""Schedules: the nightly audit, and runs at set times instead of following Kafka, if set."""

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
    """Return a schedule of `pipeline_job` by the cron expression in the zone."""
    return _running(
        zone,
        name="pipeline_schedule",
        job=pipeline_job,
        cron_schedule=cron,
        description="Starts a run at the times of schedule.cron; kafka_backlog_sensor starts further runs for what is "
        "left.",
    )


def audit_schedule(zone: str) -> dg.ScheduleDefinition:
    """Return a schedule of a full audit of the warehouse every night in the zone."""
    return _running(
        zone,
        name="audit_schedule",
        job=audit_job,
        cron_schedule=_NIGHTLY,
        description="Starts a full audit once a night: other runs only check what changed.",
    )


def _running(zone: str, **schedule: Any) -> dg.ScheduleDefinition:
    """Return a schedule in the zone that is on by default."""
    running = dg.DefaultScheduleStatus.RUNNING
    return dg.ScheduleDefinition(execution_timezone=zone, default_status=running, **schedule)


def newest_scheduled(rules: Rules, now: dt.datetime) -> dt.datetime | None:
    """Return the newest scheduled time up to now, UTC; None if runs follow Kafka."""
    if rules.cron is None:
        return None
    times = dg.TimeWindowPartitionsDefinition(
        start=_LONG_AGO, fmt=_MINUTE, cron_schedule=rules.cron, timezone=rules.zone
    )
    window = times.get_prev_partition_window(now)
    return None if window is None else window.end.astimezone(dt.UTC)
