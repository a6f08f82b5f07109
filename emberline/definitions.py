"""Dagster's entry point: all assets, checks and jobs, with resources created from the settings when a run starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets import engagement, funnel, groups, ingest, risk, sales, warehouse
from assets.resources import Clock, Plots, Progress
from assets.tables import written_by_people
from emberline.report.small_plots import small_plots
from emberline.services import Services
from emberline.settings import load_settings
from sensors.alerts import check_failure_sensor, run_failure_sensor, staleness_sensor
from sensors.backlog import kafka_backlog_sensor
from sensors.follow import follow_sensor
from sensors.freshness import with_freshness
from sensors.group_alerts import alerts_sensor
from sensors.jobs import audit_job, follow_job, group_jobs, pipeline_job
from sensors.maintenance import maintenance_job, maintenance_schedule
from sensors.rebuild import rebuild_job
from sensors.schedule import audit_schedule, pipeline_schedule


def _services() -> Services:
    return Services(load_settings())


def _resources() -> dict[str, Any]:
    """Return resources that read the settings, and start embedded engines, only when a run needs them."""
    return {
        "kafka": dg.ResourceDefinition(lambda _: _services().kafka()),
        "lake": dg.ResourceDefinition(lambda _: _services().lake()),
        "warehouse": dg.ResourceDefinition(lambda _: _services().warehouse()),
        "rules": dg.ResourceDefinition(lambda _: _services().rules()),
        "alerting": dg.ResourceDefinition(lambda _: _services().alerting()),
        "maintenance_policy": dg.ResourceDefinition(lambda _: _services().maintenance_policy()),
        "collector": dg.ResourceDefinition(lambda _: _services().collector()),
        "progress": Progress(),
        "clock": Clock(),
        "plots": Plots(small_plots),
    }


def build_defs(
    overrides: Mapping[str, Any] | None = None,
    *,
    cron: str | None = None,
    zone: str = "UTC",
    sends_lineage: bool = False,
) -> dg.Definitions:
    """Build all definitions.

    Args:
        overrides: replace resources by name.
        cron: schedule of runs; None: runs follow Kafka.
        zone: IANA name of the business zone, the zone of schedules.
        sends_lineage: whether lineage of runs is sent to a collector.
    """
    assets = dg.load_assets_from_modules([ingest, engagement, groups, risk, funnel, sales, warehouse])
    return dg.Definitions(
        # Only the alerts know how fresh assets must be between scheduled runs.
        assets=[*(with_freshness(assets) if cron is None else assets), *written_by_people()],
        jobs=[pipeline_job, follow_job, *group_jobs, rebuild_job, audit_job, maintenance_job],
        schedules=[
            maintenance_schedule,
            audit_schedule(zone),
            *([] if cron is None else [pipeline_schedule(cron, zone)]),
        ],
        sensors=[
            kafka_backlog_sensor,
            follow_sensor,
            staleness_sensor,
            run_failure_sensor,
            check_failure_sensor,
            alerts_sensor,
            *(_lineage_sensors() if sends_lineage else []),
        ],
        resources={**_resources(), **(overrides or {})},
        executor=dg.in_process_executor,
    )


def _lineage_sensors() -> list[dg.SensorDefinition]:
    # Its library is slow to import, and needed by few.
    from sensors.lineage import lineage_sensor

    return [lineage_sensor]


@dg.definitions
def defs() -> dg.Definitions:
    """Return all definitions, with the schedule of the present settings; Dagster loads this."""
    settings = load_settings()
    return build_defs(
        cron=settings.schedule.cron, zone=settings.rules.zone, sends_lineage=settings.lineage.url is not None
    )
