"""Dagster's entry point: every asset, check and job, with resources that come from the settings when a run starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets import engagement, funnel, groups, ingest, risk, warehouse
from assets.resources import Clock, Progress
from emberline.services import Services
from emberline.settings import load_settings
from sensors.alerts import check_failure_sensor, run_failure_sensor, staleness_sensor
from sensors.automation import automated, follow_sensor
from sensors.backlog import kafka_backlog_sensor
from sensors.group_alerts import alerts_sensor
from sensors.jobs import pipeline_job
from sensors.maintenance import maintenance_job, maintenance_schedule


def _services() -> Services:
    return Services(load_settings())


def _resources() -> dict[str, Any]:
    """Resources that read the settings, and start what is embedded, only when a run needs them."""
    return {
        "kafka": dg.ResourceDefinition(lambda _: _services().kafka()),
        "lake": dg.ResourceDefinition(lambda _: _services().lake()),
        "warehouse": dg.ResourceDefinition(lambda _: _services().warehouse()),
        "rules": dg.ResourceDefinition(lambda _: _services().rules()),
        "alerting": dg.ResourceDefinition(lambda _: _services().alerting()),
        "upkeep": dg.ResourceDefinition(lambda _: _services().upkeep()),
        "progress": Progress(),
        "clock": Clock(),
    }


def build_defs(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """All definitions; `overrides` replace resources by name."""
    return dg.Definitions(
        assets=automated(dg.load_assets_from_modules([ingest, engagement, funnel, groups, risk, warehouse])),
        asset_checks=[warehouse.check_staging],
        jobs=[pipeline_job, maintenance_job],
        schedules=[maintenance_schedule],
        sensors=[
            kafka_backlog_sensor,
            follow_sensor,
            staleness_sensor,
            run_failure_sensor,
            check_failure_sensor,
            alerts_sensor,
        ],
        resources={**_resources(), **(overrides or {})},
        executor=dg.in_process_executor,
    )


defs = build_defs()
