"""Runs on a lake in an object store, and what they say of objects that were spoiled there."""

from collections.abc import Callable

import pytest

from emberline.services import Services
from emberline.settings import LakeSettings
from schemas.lake import EVENTS, PERSON_DAY, RAW
from tests.end_to_end.conftest import Pipeline
from tests.end_to_end.test_restatement import said, sent
from tests.object_store import Bucket
from tests.pipelines.test_lake_damage import cut_off, overwritten


@pytest.fixture
def stored(pipeline: Pipeline, bucket: Bucket) -> Pipeline:
    """A pipeline whose lake is in an object store and whose first version is published."""
    settings = pipeline.services.settings
    lake = LakeSettings(uri=f"{bucket.uri}/lake", storage_options=bucket.options)
    pipeline.services = Services(settings.model_copy(update={"lake": lake}))
    pipeline.send(sent(said("app:ann", 0), said("app:bob", 1)))
    assert pipeline.run().version == 1
    return pipeline


def failure(pipeline: Pipeline, bucket: Bucket, uri: str, how: Callable[[bytes], bytes]) -> str:
    """What a run says that meets a spoiled object."""
    with bucket.spoiled(uri, how):
        failed = pipeline.run()
    assert failed.failure is not None
    assert failed.failure.trace is None
    assert failed.failure.text.count("Next: ") == 1
    return failed.failure.text


@pytest.mark.soak
@pytest.mark.slow
def test_a_run_on_an_object_store_publishes_and_one_that_meets_a_spoiled_file_names_it(
    stored: Pipeline, bucket: Bucket
):
    stored.send(sent(said("app:cem", 1)))
    [file] = stored.services.lake().open(EVENTS).delta.file_uris()
    told = failure(stored, bucket, file, cut_off)
    assert f"Lake table events: 1 file is not what was written: {file.rpartition('/')[2]}" in told


# Without runs: tests/pipelines/test_lake_in_a_store.py, and test_lake_damage.py beside it for what goes on.
@pytest.mark.soak
def test_a_run_names_the_spoiled_commit_in_an_object_store_and_the_next_goes_on_once_it_is_mended(
    stored: Pipeline, bucket: Bucket
):
    lake = stored.services.lake()
    stored.send(sent(said("app:cem", 1)))
    commit = bucket.below(f"{lake.table_uri(PERSON_DAY)}/_delta_log")[-1]
    told = failure(stored, bucket, commit, overwritten)
    assert f"Where: {commit}" in told
    assert "move the table's folder away" in told
    assert stored.run().version == 2
    with pytest.raises(Exception, match="move it away: raw then"):
        failure(stored, bucket, bucket.below(f"{lake.table_uri(RAW)}/_delta_log")[-1], lambda _: b"")
