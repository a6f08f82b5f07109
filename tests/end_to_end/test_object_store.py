"""Runs on a lake in an object store, and what they say of objects that were spoiled there."""

import pytest

from emberline.services import Services
from emberline.settings import LakeSettings
from schemas.lake import EVENTS, PERSON_DAY, RAW
from tests.end_to_end.conftest import Pipeline
from tests.end_to_end.test_restatement import said, sent
from tests.object_store import Bucket
from tests.pipelines.test_lake_damage import cut_off, overwritten


@pytest.mark.slow
def test_runs_name_what_is_spoiled_in_an_object_store_and_go_on_once_it_is_mended(pipeline: Pipeline, bucket: Bucket):
    settings = pipeline.services.settings
    stored = LakeSettings(uri=f"{bucket.uri}/lake", storage_options=bucket.options)
    pipeline.services = Services(settings.model_copy(update={"lake": stored}))
    lake = pipeline.services.lake()
    pipeline.send(sent(said("app:ann", 0), said("app:bob", 1)))
    assert pipeline.run().version == 1

    def failure(uri: str, how: object) -> str:
        """What a run says that meets a spoiled object."""
        with bucket.spoiled(uri, how):  # type: ignore[arg-type]
            failed = pipeline.run()
        assert failed.failure is not None
        assert failed.failure.trace is None
        assert failed.failure.text.count("Next: ") == 1
        return failed.failure.text

    pipeline.send(sent(said("app:cem", 1)))
    [file] = lake.open(EVENTS).delta.file_uris()
    assert f"Lake table events: 1 file is not what was written: {file.rpartition('/')[2]}" in failure(file, cut_off)
    commit = bucket.below(f"{lake.table_uri(PERSON_DAY)}/_delta_log")[-1]
    told = failure(commit, overwritten)
    assert f"Where: {commit}" in told
    assert "move the table's folder away" in told
    assert pipeline.run().version == 2
    with pytest.raises(Exception, match="move it away: raw then"):
        failure(bucket.below(f"{lake.table_uri(RAW)}/_delta_log")[-1], lambda _: b"")
