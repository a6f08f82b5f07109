"""A run reads a bounded part of the backlog, except for the one a person asks for."""

import polars as pl

from assets.resources import Progress
from emberline.runner import run_pipeline
from emberline.services import Services
from emberline.settings import IngestSettings
from pipelines.ingest.raw import ingest_raw


def test_what_a_bounded_pass_left_the_command_reads_whole(pipeline):
    pipeline.send(pl.DataFrame({"topic": "group.messages", "key": None, "value": [b"{}"] * 7}))
    settings = pipeline.services.settings.model_copy(update={"ingest": IngestSettings(run_rows=2)})
    services = Services(settings)
    rules = services.rules()
    assert ingest_raw(services.kafka(), services.lake(), rules.topics, rules.limits).rows == 2
    assert run_pipeline(services, Progress()).totals.raw == 7
