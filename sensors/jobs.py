"""The jobs: selections of assets that run together, in one process."""

from __future__ import annotations

from typing import Final

import dagster as dg

from assets.ingest import INGESTED
from assets.tables import WAREHOUSE

BY_HAND: Final = "__ASSET_JOB"
"""Dagster's job name for runs of manually chosen assets."""

pipeline_job = dg.define_asset_job(
    "pipeline_job",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Read new records from Kafka, refresh facts and warehouse: the same as `emberline run`.",
)

_FACTS: Final = dg.AssetSelection.all() - dg.AssetSelection.assets(*(table.name for table in INGESTED))

follow_job = dg.define_asset_job(
    "follow_job",
    selection=_FACTS,
    executor_def=dg.in_process_executor,
    description="Refresh facts and warehouse with events that were read before.",
)

_GROUPS: Final = {
    "ingest": "Read new records from Kafka and refresh the persons.",
    "engagement": "Refresh activity and engagement of persons.",
    "groups": "Refresh what happened in groups, and their states.",
    "risk": "Refresh how likely groups are to die.",
    "funnel": "Refresh the entries of all funnels, and their summaries.",
    "sales": "Refresh orders, credit of sales to groups, and value of buyers.",
    WAREHOUSE: "Stage, check and publish what changed.",
}

group_jobs: Final = [
    dg.define_asset_job(
        f"{group}_job",
        selection=dg.AssetSelection.groups(group),
        executor_def=dg.in_process_executor,
        description=description,
    )
    for group, description in _GROUPS.items()
]
"""A job for each group of assets. It uses the stored version of its inputs, without refreshing them."""

audit_job = dg.define_asset_job(
    "audit_job",
    selection=dg.AssetSelection.groups(WAREHOUSE),
    config={"ops": {"publish": {"config": {"is_audit": True}}}},
    executor_def=dg.in_process_executor,
    description="Let Great Expectations check all rows of the warehouse, and repair rows that differ from the lake.",
)
