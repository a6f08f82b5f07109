"""The jobs: selections of assets that run together, in one process."""

from __future__ import annotations

from typing import Final

import dagster as dg

from assets.ingest import INGESTED
from assets.tables import WAREHOUSE

BY_HAND: Final = "__ASSET_JOB"
"""Dagster's name for runs of assets that somebody chose on its page."""

pipeline_job = dg.define_asset_job(
    "pipeline_job",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Drain Kafka, bring facts and warehouse up to date: what `emberline run` does.",
)

_FACTS: Final = dg.AssetSelection.all() - dg.AssetSelection.assets(*(table.name for table in INGESTED))

follow_job = dg.define_asset_job(
    "follow_job",
    selection=_FACTS,
    executor_def=dg.in_process_executor,
    description="Bring facts and warehouse up to date with the events that were read before.",
)

_GROUPS: Final = {
    "ingest": "Drain Kafka and bring the persons up to date.",
    "engagement": "Bring up to date who was active when, and how engaged.",
    "groups": "Bring up to date what happened in groups, and how they live and die.",
    "risk": "Bring up to date how likely groups are to die.",
    "funnel": "Bring up to date the entries of all funnels, and their summaries.",
    "sales": "Bring up to date what was sold from where, and what buyers are worth.",
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
"""A job for each group of assets. It reads its inputs as they are: what these do not include yet follows later."""

FULL_AUDIT: Final = {"stage": {"config": {"is_whole": True}}, "check_staging": {"config": {"is_full": True}}}
"""How the steps of `audit_job` are configured: they stage all rows, and judge each by every expectation."""

audit_job = dg.define_asset_job(
    "audit_job",
    selection=dg.AssetSelection.groups(WAREHOUSE),
    config={"ops": FULL_AUDIT},
    executor_def=dg.in_process_executor,
    description="Let Great Expectations judge all rows of the warehouse, and mend rows that differ from the lake.",
)
