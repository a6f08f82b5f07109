"""The jobs: selections of assets that run together, in one process."""

from __future__ import annotations

from typing import Final

import dagster as dg

WHOLE_GRAPH: Final = {"emberline/whole_graph": "true"}
"""Tag of runs that update every asset that needs it: nothing has to follow them."""

pipeline_job = dg.define_asset_job(
    "pipeline_job",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    tags=WHOLE_GRAPH,
    description="Drain Kafka, bring facts and warehouse up to date: what `emberline run` does.",
)
