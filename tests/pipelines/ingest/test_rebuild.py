"""Events can be decoded from raw again, whatever happened to them, and facts follow."""

import dataclasses
import shutil
from pathlib import Path

import polars as pl
import pytest

from pipelines.carriers import CARRIERS
from pipelines.engagement.person_day import person_day
from pipelines.events.event_ids import pseudonym_of
from pipelines.ingest import rebuild as rebuilding
from pipelines.ingest.counts import Counts, stored_counts
from pipelines.ingest.event_writer import BATCH, EventWriter, ZoneChanged
from pipelines.ingest.events import catch_up
from pipelines.ingest.tolerance import USUAL
from pipelines.lake import Lake
from pipelines.lake_damage import LakeDamaged
from pipelines.operations.examine_lake import examine_lake
from pipelines.refresh import refresh_days, refresh_first_seen, refresh_groups, refresh_identity
from pipelines.refresh.written import REBUILT
from schemas.lake import EVENTS, FIRST_SEEN, GROUP, IDENTITY, PERSON_DAY, QUARANTINE, RAW, REBUILD, TOUCHED, LakeTable
from tests.pipelines.canonical import (
    BY_TOPIC,
    PSEUDONYMS,
    RULES,
    TOPIC,
    encoded,
    ingest,
    land,
    link,
    message,
    rebuild,
    records,
)

VALUES = [
    encoded(message(id="e1")),
    encoded(message({"member_id": "app:bob"}, id="e2", time="2025-03-02T04:00:00Z")),
    b"no JSON",
    encoded(message(id="e1")),
    encoded(link("app:ann", "app:bob", id="e3")),
]
FACTS = (PERSON_DAY, FIRST_SEEN, GROUP, IDENTITY)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(str(tmp_path_factory.mktemp("filled") / "lake"))
    land(lake, records(VALUES[:3]))
    ingest(lake, batch_rows=1)
    land(lake, records(VALUES[3:], offsets=[3, 4]))
    ingest(lake)
    refresh(lake)
    return lake


@pytest.fixture
def lake(filled: Lake, tmp_path: Path) -> Lake:
    shutil.copytree(filled.uri, tmp_path / "lake")
    return Lake(str(tmp_path / "lake"))


def refresh(lake: Lake) -> None:
    refresh_identity(lake)
    refresh_days(lake, PERSON_DAY, person_day)
    refresh_first_seen(lake)
    refresh_groups(lake)


def rows(lake: Lake, table: LakeTable) -> pl.DataFrame:
    frame = lake.open(table).scan().collect()
    return frame.drop("batch", strict=False).sort(table.key)


def everything(lake: Lake) -> dict[str, pl.DataFrame]:
    return {table.name: rows(lake, table) for table in (EVENTS, QUARANTINE, *FACTS)}


def lose_a_file(lake: Lake, table: LakeTable) -> None:
    Path(lake.open(table).delta.file_uris()[0]).unlink()


def break_the_log(lake: Lake, table: LakeTable) -> None:
    max((Path(lake.table_uri(table)) / "_delta_log").glob("*.json")).write_text("{")


def lose_the_table(lake: Lake, table: LakeTable) -> None:
    shutil.rmtree(lake.table_uri(table))


def leave(_lake: Lake, _table: LakeTable) -> None:
    pass


def assert_the_same(lake: Lake, before: dict[str, pl.DataFrame]) -> None:
    for name, frame in everything(lake).items():
        assert frame.equals(before[name]), name


@pytest.mark.parametrize("table", [EVENTS, QUARANTINE, TOUCHED, IDENTITY], ids=lambda table: table.name)
@pytest.mark.parametrize("damage", [leave, lose_a_file, break_the_log, lose_the_table])
def test_whatever_is_damaged_between_raw_and_facts_comes_back_the_same(lake: Lake, table: LakeTable, damage):
    before, counts = everything(lake), stored_counts(lake)
    damage(lake, table)
    assert rebuild(lake).decoded.raw == 5
    refresh(lake)
    assert_the_same(lake, before)
    assert stored_counts(lake) == counts
    assert {finding.health for finding in examine_lake(lake)} == {"ok"}


def _without_bob(self: object, values: pl.Series, headers: pl.Series | None = None):
    is_bob = values.bin.contains(b"app:bob").to_list()
    spared = [None if bob else value for bob, value in zip(is_bob, values, strict=True)]
    return CARRIERS["cloudevents"].decode_column(pl.Series(values.name, spared, pl.Binary).fill_null(b"{}"))


def test_facts_lose_what_a_mended_adapter_no_longer_makes(lake: Lake):
    carrier = CARRIERS["cloudevents"]
    mended = type("Mended", (type(carrier),), {"decode_column": _without_bob})()
    rebuild(lake, carriers={TOPIC: mended})
    refresh(lake)
    assert rows(lake, EVENTS)["event_id"].to_list() == ["e1"]
    assert rows(lake, PERSON_DAY).height == 1
    assert rows(lake, FIRST_SEEN).height == 1


def test_events_that_were_deleted_are_decoded_again_by_the_next_run_and_facts_follow(lake: Lake):
    before, newest = everything(lake), lake.open(EVENTS).position(BATCH)
    lose_the_table(lake, EVENTS)
    ingest(lake)
    assert (lake.open(EVENTS).position(BATCH) or 0) > (newest or 0)
    refresh(lake)
    assert_the_same(lake, before)


def test_a_rebuild_that_is_interrupted_is_gone_on_with_by_the_next_run(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    before = everything(lake)

    class Interrupted(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(rebuilding, "EventWriter", interrupt)
    with pytest.raises(Interrupted):
        rebuild(lake)
    assert stored_counts(lake) == Counts()
    ingest(lake)
    refresh(lake)
    assert_the_same(lake, before)


def test_another_zone_is_adopted(lake: Lake):
    rules = dataclasses.replace(RULES, zone="America/New_York")
    with pytest.raises(ZoneChanged, match="emberline rebuild events"):
        EventWriter(lake, BY_TOPIC, rules, USUAL)
    rebuild(lake, rules=rules)
    assert rows(lake, EVENTS)["day"].dt.day().to_list() == [2, 1, 2]


def test_nothing_is_taken_back_while_files_of_raw_are_gone(lake: Lake):
    version = lake.open(EVENTS).version
    lose_a_file(lake, RAW)
    with pytest.raises(LakeDamaged, match="raw: 1 file is gone"):
        rebuild(lake)
    assert lake.open(EVENTS).version == version


def test_records_that_come_after_a_rebuild_are_decoded_once(lake: Lake):
    rebuild(lake)
    land(lake, records([encoded(message(id="e9"))], offsets=[5]))
    writer = EventWriter(lake, BY_TOPIC, RULES, USUAL)
    catch_up(lake.open(RAW), writer, 100)
    assert writer.counts.raw == 1
    assert rows(lake, EVENTS)["event_id"].to_list() == ["e1", "e2", "e9", pseudonym_of("e3", PSEUDONYMS)]


def test_a_rebuild_is_recorded_and_facts_that_come_out_otherwise_name_it(lake: Lake):
    rebuild(lake)
    refresh(lake)
    asked = lake.open(REBUILD).scan().select("rebuild", "fact", "since", "actor", "reason").collect()
    assert asked.rows() == [(1, "events", None, "ann", "mended")]
    assert [lake.open(fact).position(REBUILT) for fact in FACTS] == [None] * len(FACTS)
    carrier = CARRIERS["cloudevents"]
    mended = type("Mended", (type(carrier),), {"decode_column": _without_bob})()
    rebuild(lake, carriers={TOPIC: mended})
    refresh(lake)
    assert lake.open(PERSON_DAY).position(REBUILT) == 2
    assert lake.open(FIRST_SEEN).position(REBUILT) == 2
