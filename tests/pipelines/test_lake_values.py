"""Values of old records are removed for good, and nothing that was made of them changes."""

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from pipelines.ingest.counts import stored_counts
from pipelines.ingest.feeds import app_id
from pipelines.lake import Handle, Lake, LakeConflict
from pipelines.lake_maintenance import maintain
from pipelines.lake_values import ValuesRemoved, remove_values, values_reach
from pipelines.operations.maintenance import MaintenancePolicy
from schemas.lake import EVENTS, QUARANTINE, RAW, LakeTable
from tests.pipelines.canonical import NOON, TOPIC_ID, encoded, ingest, land, message, records

DAY = dt.timedelta(days=1)
KEPT = 90 * DAY
NOW = NOON + 100 * DAY
AT_ONCE = MaintenancePolicy(small_files=2, keep_versions=dt.timedelta(0))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def value(number: int) -> bytes:
    return encoded(message(id=f"e{number}", time=(NOON + number * DAY).isoformat()))


def arrive(lake: Lake, *days: int, broken: bool = False, kafka_time: dt.datetime | None = None) -> None:
    """A record a day, each a file of its own, at the offset of its day."""
    for day in days:
        sent = b"no json, but somebody's words" if broken else value(day)
        land(lake, records([sent], offsets=[day], kafka_time=kafka_time or NOON + day * DAY))


def rows(lake: Lake, table: LakeTable) -> pl.DataFrame:
    return lake.open(table).scan().collect().sort("offset")


def with_values(lake: Lake, table: LakeTable = RAW) -> list[int]:
    return rows(lake, table).filter(pl.col("value").is_not_null())["offset"].to_list()


def test_values_of_records_older_than_that_are_removed_and_their_hashes_kept(lake: Lake):
    arrive(lake, 0, 9, 10, 11)
    ingest(lake)
    assert remove_values(lake, KEPT, NOW) == {"raw": 2, "quarantine": 0}
    old = rows(lake, RAW).head(2)
    assert old.select("value", "key", "headers").null_count().row(0) == (2, 2, 2)
    assert old["value_sha256"].to_list() == [hashlib.sha256(value(day)).digest() for day in (0, 9)]
    assert old["removed_at"].unique().to_list() == [NOW]
    assert old.select("offset", "kafka_time").rows() == [(0, NOON), (9, NOON + 9 * DAY)]
    assert with_values(lake) == [10, 11]


def test_events_counts_positions_and_content_stay(lake: Lake):
    arrive(lake, *range(5))
    ingest(lake)

    def known() -> tuple[Any, ...]:
        raw = lake.open(RAW)
        return stored_counts(lake), raw.position(app_id(TOPIC_ID, 0)), raw.content, raw.scan().collect().height

    before, events = known(), rows(lake, EVENTS)
    assert remove_values(lake, KEPT, NOW)["raw"] == 5
    assert known() == before
    ingest(lake)
    assert rows(lake, EVENTS).equals(events)


def test_a_record_that_is_not_decoded_keeps_its_value_however_old(lake: Lake):
    arrive(lake, 0, 1)
    ingest(lake)
    arrive(lake, 2, 3)
    assert remove_values(lake, KEPT, NOW)["raw"] == 2
    assert with_values(lake) == [2, 3]
    ingest(lake)
    assert rows(lake, EVENTS)["event_id"].to_list() == ["e0", "e1", "e2", "e3"]
    assert remove_values(lake, KEPT, NOW)["raw"] == 2


def test_quarantined_bytes_go_by_the_same_age(lake: Lake):
    arrive(lake, 0, 20, broken=True)
    ingest(lake)
    assert remove_values(lake, KEPT, NOW) == {"raw": 1, "quarantine": 1}
    assert with_values(lake, QUARANTINE) == [20]
    assert rows(lake, QUARANTINE)["reason"].to_list() == ["bad_json", "bad_json"]


def test_a_record_without_a_time_of_kafka_counts_as_old(lake: Lake):
    land(lake, records([value(0)], kafka_time=None))
    ingest(lake)
    assert remove_values(lake, KEPT, NOW) == {"raw": 1, "quarantine": 1}


def test_a_tombstone_stays_one(lake: Lake):
    land(lake, records([None], kafka_time=NOON))
    ingest(lake)
    remove_values(lake, KEPT, NOW)
    assert rows(lake, RAW).select("value", "value_sha256").row(0) == (None, None)


def test_the_bytes_leave_the_store_with_the_old_files(lake: Lake):
    arrive(lake, 0, broken=True)
    arrive(lake, *range(1, 4), 99)
    ingest(lake)
    remove_values(lake, KEPT, NOW)
    for table in (RAW, QUARANTINE):
        maintain(lake, table, AT_ONCE)
    stored = {file: file.read_bytes() for file in Path(lake.uri).rglob("*") if file.is_file()}
    held = pl.concat(pl.read_parquet(file).select("value") for file in stored if _holds_values(file, lake))
    assert held["value"].drop_nulls().to_list() == [value(99)]
    log = [text for file, text in stored.items() if "_delta_log" in file.parts]
    assert not any(b"somebody's words" in text for text in log)


def _holds_values(file: Path, lake: Lake) -> bool:
    return file.suffix == ".parquet" and any(file.parent == Path(lake.table_uri(t)) for t in (RAW, QUARANTINE))


def test_a_second_time_writes_nothing(lake: Lake):
    arrive(lake, *range(3))
    # One file of both, old and new.
    land(lake, pl.concat(records([value(d)], offsets=[d], kafka_time=NOON + d * DAY) for d in (4, 50)))
    ingest(lake)
    assert remove_values(lake, KEPT, NOW)["raw"] == 4
    version = lake.open(RAW).version
    assert remove_values(lake, KEPT, NOW) == {"raw": 0, "quarantine": 0}
    assert lake.open(RAW).version == version


def test_fresh_records_that_arrive_meanwhile_neither_stop_it_nor_are_lost(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    arrive(lake, 0, 1)
    ingest(lake)
    rival(lake, monkeypatch, 100)
    assert remove_values(lake, KEPT, NOW)["raw"] == 2
    assert with_values(lake) == [100]


def test_old_records_that_arrive_meanwhile_are_left_for_the_next_time(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    arrive(lake, 0, 1)
    ingest(lake)
    rival(lake, monkeypatch, 2)
    assert remove_values(lake, KEPT, NOW)["raw"] == 0
    assert with_values(lake) == [0, 1, 2]
    ingest(lake)
    assert remove_values(lake, KEPT, NOW)["raw"] == 3


def rival(lake: Lake, monkeypatch: pytest.MonkeyPatch, day: int) -> None:
    """Another writer appends a record just before the values are removed."""
    update = DeltaTable.update

    def later(table: DeltaTable, *args: Any, **kwargs: Any) -> dict[str, Any]:
        monkeypatch.setattr(DeltaTable, "update", update)
        arrive(lake, day)
        return update(table, *args, **kwargs)

    monkeypatch.setattr(DeltaTable, "update", later)


def test_a_reader_of_kafka_that_was_overtaken_is_refused_and_appends_with_what_there_is_now(lake: Lake):
    arrive(lake, 0)
    ingest(lake)
    stale, batch = lake.open(RAW), records([value(50)], offsets=[50], kafka_time=NOON + 50 * DAY)
    remove_values(lake, KEPT, NOW)
    with pytest.raises(LakeConflict):
        lake.append(stale, batch, {app_id(TOPIC_ID, 0): 51})
    lake.append(lake.open(RAW), batch, {app_id(TOPIC_ID, 0): 51})
    assert with_values(lake) == [50]


def test_a_decoding_that_was_overtaken_in_quarantine_goes_on(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    arrive(lake, 0, broken=True)
    ingest(lake)
    arrive(lake, 50, broken=True)
    append = Lake.append

    def later(self: Lake, handle: Handle, *args: Any, **kwargs: Any) -> None:
        if handle.table is QUARANTINE:
            monkeypatch.setattr(Lake, "append", append)
            assert remove_values(lake, KEPT, NOW)["quarantine"] == 1
        append(self, handle, *args, **kwargs)

    monkeypatch.setattr(Lake, "append", later)
    ingest(lake)
    assert with_values(lake, QUARANTINE) == [50]
    assert rows(lake, QUARANTINE).height == 2


def test_how_far_back_values_reach_is_told(lake: Lake):
    arrive(lake, 0, 9, 10)
    ingest(lake)
    assert values_reach(lake.open(RAW)).since is None
    remove_values(lake, KEPT, NOW)
    told = values_reach(lake.open(RAW))
    assert (told.records, told.since) == (2, NOON + 9 * DAY + dt.timedelta(microseconds=1))
    assert str(told).startswith("Values reach back to 2025-03-12 04:00 UTC. Those of 2 older records were removed")


def test_the_oldest_go_first_where_there_is_too_much_for_one_time(lake: Lake):
    arrive(lake, 3, 2, 1, 0)
    ingest(lake)
    left = []
    while remove_values(lake, KEPT, NOW, most_bytes=1)["raw"]:
        left.append(with_values(lake))
    assert left == [[1, 2, 3], [2, 3], [3], []]


def test_a_file_whose_days_overlap_with_the_next_does_not_stop_those_behind(lake: Lake):
    for days in ((0, 2), (1, 4), (3, 5)):
        land(lake, pl.concat(records([value(d)], offsets=[d], kafka_time=NOON + d * DAY) for d in days))
    ingest(lake)
    times = 0
    while remove_values(lake, KEPT, NOW, most_bytes=1)["raw"]:
        times += 1
    assert with_values(lake) == []
    assert times > 1


def test_old_records_that_are_not_decoded_do_not_keep_those_behind_them(lake: Lake):
    arrive(lake, 5, 6, 7)
    ingest(lake)
    land(lake, records([value(8)], offsets=[8], kafka_time=NOON))
    while remove_values(lake, KEPT, NOW, most_bytes=1)["raw"]:
        pass
    assert with_values(lake) == [8]


def test_events_that_are_gone_are_not_taken_for_tombstones(lake: Lake):
    arrive(lake, 0, 1, 50)
    ingest(lake)
    remove_values(lake, KEPT, NOW)
    lake.replace(lake.open(EVENTS), pl.DataFrame(schema=EVENTS.schema), {app_id(TOPIC_ID, 0): 0})
    with pytest.raises(ValuesRemoved, match=r"Values reach back to[\s\S]*backup"):
        ingest(lake)
