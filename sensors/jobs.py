"""The jobs: selections of assets that run together, in one process."""

from __future__ import annotations

import dagster as dg

pipeline_job = dg.define_asset_job(
    "pipeline_job",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Drain Kafka, bring facts and warehouse up to date: what `emberline run` does.",
)
