"""Maintenance of the lake changes no row, moves no position, and leaves its readers what they read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from pipelines.engagement.person_day import person_day
from pipelines.lake import Lake
from pipelines.lake_maintenance import data_files, maintain, prune_change_log
from pipelines.operations.maintenance import MaintenancePolicy
from pipelines.refresh import refresh_days
from schemas.lake import EVENTS, PERSON_DAY, RAW, TOUCHED
from tests.pipelines.canonical import NOON, encoded, ingest, land, message, records

AT_ONCE = MaintenancePolicy(small_files=2, keep_versions=dt.timedelta(0))
LATER = MaintenancePolicy(small_files=2, keep_versions=dt.timedelta(hours=1))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def say(lake: Lake, *days: int) -> None:
    """One batch a day."""
    for day in days:
        time = NOON + dt.timedelta(days=day)
        sent = encoded(message(id=f"e{day}", time=time.isoformat()))
        land(lake, records([sent], offsets=[day], kafka_time=time))
        ingest(lake)


def log_of(lake: Lake) -> list[Path]:
    return list(Path(lake.table_uri(EVENTS), "_delta_log").glob("*.json"))


def test_small_files_are_put_together_and_old_ones_removed_with_their_log(lake: Lake):
    say(lake, *range(25))
    before = lake.open(EVENTS)
    rows, positions = before.scan().collect().sort(EVENTS.key), (before.position("batch"), before.content)
    done = maintain(lake, EVENTS, AT_ONCE)
    assert (done.compacted, done.into, done.removed, done.prevented) == (25, 1, 25, None)
    after = lake.open(EVENTS)
    assert len(data_files(after)) == 1
    assert len(log_of(lake)) < 25
    assert after.scan().collect().sort(EVENTS.key).equals(rows)
    assert (after.position("batch"), after.content) == positions
    assert maintain(lake, EVENTS, AT_ONCE).compacted == 0


def test_upkeep_makes_nothing_be_recomputed(lake: Lake):
    say(lake, *range(5))
    refresh_days(lake, PERSON_DAY, person_day)
    maintain(lake, EVENTS, AT_ONCE)
    maintain(lake, PERSON_DAY, AT_ONCE)
    prune_change_log(lake)
    assert not refresh_days(lake, PERSON_DAY, person_day).is_changed


def test_who_reads_a_version_that_is_still_kept_goes_on_reading_it(lake: Lake):
    say(lake, *range(5))
    reader = lake.open(EVENTS)
    assert maintain(lake, EVENTS, LATER).compacted == 5
    assert reader.scan().collect().height == 5
    assert DeltaTable(lake.table_uri(EVENTS), version=reader.version).version() == reader.version


def test_a_writer_that_began_before_a_compaction_appends_after_it(lake: Lake):
    maintain(lake, RAW, LATER)  # the first time sets how long the past is kept, which a writer must not miss
    say(lake, *range(5))
    writer = lake.open(RAW)
    assert maintain(lake, RAW, LATER).compacted == 5
    lake.append(writer, records([b"{}"], offsets=[9]), {})
    assert lake.open(RAW).scan().collect().height == 6


def test_marks_are_forgotten_once_every_fact_that_follows_them_includes_their_batch(lake: Lake):
    say(lake, 0, 1)
    assert prune_change_log(lake) == 0  # nobody has seen them
    refresh_days(lake, PERSON_DAY, person_day)
    say(lake, 2)
    assert prune_change_log(lake) == 2
    assert lake.open(TOUCHED).scan().select("batch").collect()["batch"].to_list() == [3]
    assert refresh_days(lake, PERSON_DAY, person_day).days == 1
    assert lake.open(PERSON_DAY).scan().select(pl.len()).collect().item() == 3
