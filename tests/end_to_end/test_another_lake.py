"""A new lake beside a filled warehouse empties nothing that somebody reads."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from assets.resources import Progress
from emberline.cli.errors import ExitCode
from emberline.cli.pipeline import code_of, print_outcome
from emberline.runner import run_pipeline
from schemas import warehouse as mart


@pytest.mark.soak
def test_a_new_lake_beside_a_filled_warehouse_publishes_only_when_told_to(pipeline, world, topic, capsys):
    pipeline.send(world.records.head(3_000))
    assert code_of(pipeline.run()) is ExitCode.OK
    warehouse = pipeline.services.warehouse()
    published = {table.name: warehouse.read(table).height for table in mart.DATA_TABLES}

    shutil.rmtree(Path(pipeline.services.lake().uri))
    fresh = _of_new_topics(pipeline, topic)
    fresh.send(world.records.head(5))
    refused = fresh.run()
    assert code_of(refused) is ExitCode.BLOCKED
    assert refused.version is None
    capsys.readouterr()
    print_outcome(refused)
    shown = capsys.readouterr()
    assert "--accept-loss" in shown.err
    assert "The last good version stays published" in shown.out
    assert {table.name: warehouse.read(table).height for table in mart.DATA_TABLES} == published

    accepted = run_pipeline(fresh.services, Progress(), accept_loss=True)
    assert code_of(accepted) is ExitCode.OK
    assert accepted.version == 2
    assert code_of(fresh.run()) is ExitCode.OK


def _of_new_topics(pipeline, topic):
    """The same services over topics that were made anew."""
    names = {usual: topic(1) for usual in pipeline.names}
    carriers = {names[usual]: pipeline.services.settings.kafka.topics[old] for usual, old in pipeline.names.items()}
    settings = pipeline.services.settings
    kafka = settings.kafka.model_copy(update={"topics": carriers})
    services = dataclasses.replace(pipeline.services, settings=settings.model_copy(update={"kafka": kafka}))
    return type(pipeline)(services, names)
