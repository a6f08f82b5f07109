"""A lake that version 0.1.0 wrote: its records are kept, and every fact becomes what a computation from nothing gives.

`lake_0_1_0.tar.xz` is what commit 86c345d left of the company of `test_incremental`: two batches of events, refreshed
after each, with a link between accounts, orders, a refund, an offer, a value that is no JSON and a tombstone between.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from pipelines.lake import Lake
from schemas.lake import EVENTS, FUNNEL_ENTRY, PERSON_VALUE, QUARANTINE, RAW, TABLES
from tests.pipelines.canonical import ingest, land
from tests.pipelines.test_behind import MART, Followed
from tests.pipelines.test_incremental import said

OLD = Path(__file__).with_name("lake_0_1_0.tar.xz")
KEPT = (RAW, EVENTS, QUARANTINE)
RETYPED = {FUNNEL_ENTRY.name, PERSON_VALUE.name}
"""Facts that have columns of other types since: `matches` names groups, `net_minor` is wider."""


@pytest.fixture
def old(tmp_path: Path) -> Lake:
    """A lake as version 0.1.0 left it."""
    with tarfile.open(OLD) as archive:
        archive.extractall(tmp_path / "lake", filter="data")
    return Lake(str(tmp_path / "lake"))


def plain(lake: Lake, name: str) -> pl.DataFrame:
    """The rows and columns of a table as they are stored."""
    return pl.read_delta(f"{lake.uri}/{name}")


def test_every_table_opens_and_what_nothing_can_compute_again_is_kept(old: Lake):
    before = {path.name: plain(old, path.name) for path in Path(old.uri).iterdir()}
    assert before.keys() >= {table.name for table in KEPT} | RETYPED
    for table in TABLES.values():
        old.open(table)
    heights = {name: old.open(TABLES[name]).scan().collect().height for name in before}
    assert heights == {name: 0 if name in RETYPED else rows.height for name, rows in before.items()}
    for table in KEPT:
        rows = before[table.name]
        assert rows.height > 0
        assert old.open(table).scan().select(rows.columns).collect().equals(rows, null_equal=True)


def test_the_next_run_brings_every_fact_to_what_a_computation_from_nothing_gives(old: Lake, tmp_path: Path):
    company = Followed(old, landed=old.open(RAW).scan().collect().height)
    assert company.behind() >= RETYPED | {MART}
    ingest(old)  # replaces ids that name accounts
    company.tick()
    company.run()
    assert company.behind() == set()
    company.assert_exact()
    assert not plain(old, FUNNEL_ENTRY.name).is_empty()
    assert not plain(old, PERSON_VALUE.name).is_empty()

    new = Lake(str(tmp_path / "new"))
    land(new, old.open(RAW).scan().collect())
    ingest(new)
    said_since = ("batch", "time_quality", "coverage", "membership")
    rows, expected = (lake.open(EVENTS).scan().drop(said_since).sort(EVENTS.key).collect() for lake in (old, new))
    assert rows.equals(expected, null_equal=True)


def test_events_that_arrive_after_the_upgrade_are_followed(old: Lake):
    company = Followed(old, landed=old.open(RAW).scan().collect().height)
    company.send(said("app:d", 2), said("app:a", 33))
    company.tick()
    company.run()
    assert company.behind() == set()
    company.assert_exact()


def test_a_fact_is_emptied_once_and_stays_behind_until_it_is_computed(old: Lake):
    versions = {name: DeltaTable(f"{old.uri}/{name}").version() for name in RETYPED}
    opened = {name: old.open(TABLES[name]) for name in RETYPED}
    again = {name: old.open(TABLES[name]).version for name in RETYPED}
    assert again == {name: version + 1 for name, version in versions.items()}
    assert Followed(old).behind() >= RETYPED
    assert all(old.at(opened[name], versions[name]) is None for name in RETYPED)
