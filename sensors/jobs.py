"""The jobs: selections of assets that run together, in one process."""

from __future__ import annotations

from typing import Final

import dagster as dg

BY_HAND: Final = "__ASSET_JOB"
"""Dagster's name for runs of assets that somebody chose on its page."""

pipeline_job = dg.define_asset_job(
    "pipeline_job",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Drain Kafka, bring facts and warehouse up to date: what `emberline run` does.",
)

follow_job = dg.define_asset_job(
    "follow_job",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets("raw", "events", "quarantine"),
    executor_def=dg.in_process_executor,
    description="Bring facts and warehouse up to date with the events that were read before.",
)
