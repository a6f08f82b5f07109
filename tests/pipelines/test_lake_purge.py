"""After an erasure no file of the lake names the person: not in data, nor in the log, its statistics or checkpoints."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.events.pseudonym import Pseudonyms
from pipelines.ingest.erased import suppression_of
from pipelines.lake import Lake
from pipelines.lake_purge import all_traces, drop_rest, purge
from pipelines.refresh import refresh_identity
from schemas.lake import EVENTS, IDENTITY, IDENTITY_CHANGE, QUARANTINE, RAW, TOUCHED
from tests.pipelines.canonical import PSEUDONYMS, ingest
from tests.pipelines.ingest.test_erased import BROKEN, GROUP, HERS, HIS, erase, follow, send


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake that holds her in every table before facts, and of which she was erased."""
    lake = Lake(str(tmp_path / "lake"))
    send(lake, *HERS, *HIS, GROUP, BROKEN)
    ingest(lake)
    refresh_identity(lake)
    erase(lake)
    return lake


def test_every_file_that_names_her_is_found_and_gone_in_the_end(lake):
    suppression = suppression_of(lake, PSEUDONYMS)
    assert set(all_traces(lake, suppression)) == {RAW, EVENTS, QUARANTINE, TOUCHED, IDENTITY, IDENTITY_CHANGE}
    follow(lake)
    refresh_identity(lake)
    drop_rest(lake, suppression)
    logged = [file for files in all_traces(lake, suppression).values() for file in files if "_delta_log" in file]
    assert logged, "Delta keeps least and greatest values of what was deleted"
    for table in all_traces(lake, suppression):
        purge(lake, table)
    assert all_traces(lake, suppression) == {}
    assert lake.open(EVENTS).scan().collect().height == 3


def test_a_purged_table_is_read_and_written_as_before(lake):
    follow(lake)
    before = lake.open(EVENTS).scan().sort(EVENTS.key).collect()
    positions = lake.open(EVENTS).content
    purge(lake, EVENTS)
    assert lake.open(EVENTS).scan().sort(EVENTS.key).collect().equals(before, null_equal=True)
    assert lake.open(EVENTS).content == positions
    send(lake, HIS[0] | {"id": "e20"}, first=7)
    ingest(lake)
    assert lake.open(EVENTS).scan().collect().height == before.height + 1


def test_under_another_key_nothing_is_found(lake):
    other = suppression_of(lake, Pseudonyms(b"another key"))
    assert all_traces(lake, other) == {}


def test_a_file_that_no_version_names_is_searched_too(lake):
    suppression = suppression_of(lake, PSEUDONYMS)
    folder = Path(lake.uri) / EVENTS.name
    left = pl.DataFrame({"account_id": [PSEUDONYMS.of("app:ann-7731")]})
    left.write_parquet(folder / "part-of-a-writer-that-died.parquet")
    assert "part-of-a-writer-that-died.parquet" in all_traces(lake, suppression)[EVENTS]
