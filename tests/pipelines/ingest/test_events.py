"""`events` and `quarantine` follow from the records of `raw` alone, whatever the batches and whoever crashed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.counts import Counts, stored_counts
from pipelines.ingest.event_writer import BATCH, ZoneChanged
from pipelines.ingest.feeds import app_id, undecoded_offsets
from pipelines.lake import Handle, Lake
from schemas.lake import EVENTS, GAPS, QUARANTINE, RAW, TABLES, TOUCHED, LakeTable
from tests.examples import examples
from tests.pipelines.canonical import NOON, RULES, TOPIC_ID, encoded, ingest, land, make_unreadable, message, records

MONDAY = dt.date(2025, 3, 3)
LATER = NOON + dt.timedelta(hours=1)


def test_quarantine_and_gaps_can_be_queried_before_they_hold_a_row(tmp_path: Path):
    lake = Lake(str(tmp_path))
    land(lake, records([encoded(message())]))
    ingest(lake)
    assert [pl.read_delta(lake.table_uri(table)).height for table in (QUARANTINE, GAPS)] == [0, 0]


def events(lake: Lake) -> list[tuple[object, ...]]:
    """All that `events` says, but for the numbers of the batches."""
    frame = lake.open(EVENTS).scan().drop("batch").sort(EVENTS.key).collect()
    return [tuple(map(str, row)) for row in frame.rows()]


def quarantine(lake: Lake) -> list[tuple[int, int, str]]:
    frame = lake.open(QUARANTINE).scan().select("partition", "offset", "reason").sort("partition", "offset")
    return frame.collect().rows()


def touched(lake: Lake, batch: int) -> set[dt.date]:
    return set(lake.open(TOUCHED).scan().filter(pl.col("batch") == batch).collect()["day"])


def counted(lake: Lake) -> Counts:
    """The counts that can be read off the rows; duplicates are the rest."""
    kept, bad = lake.open(EVENTS).scan().collect().height, len(quarantine(lake))
    stored = stored_counts(lake)
    return replace(stored, events=kept, quarantined=bad, duplicates=stored.raw - kept - bad - stored.tombstones)


@dataclass(frozen=True)
class Dying(Lake):
    """A lake in which a writer dies just before it writes one of the tables."""

    before: LakeTable = EVENTS

    def append(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], **options: bool) -> None:
        self._die(handle)
        super().append(handle, rows, positions, **options)

    def replace_months(
        self, handle: Handle, rows: pl.DataFrame, months: pl.Series, positions: Mapping[str, int]
    ) -> None:
        self._die(handle)
        super().replace_months(handle, rows, months, positions)

    def _die(self, handle: Handle) -> None:
        if handle.table is self.before:
            raise KeyboardInterrupt


@contextmanager
def dying_before(lake: Lake, table: LakeTable) -> Iterator[Lake]:
    with pytest.raises(KeyboardInterrupt):
        yield Dying(lake.uri, before=table)


BAD = b"{"
MIXED = records(
    [
        encoded(message(id="a")),
        BAD,
        encoded(message({"message_id": "m2"}, id="a")),
        None,
        encoded(message(id="b")),
        encoded(message(id="a")),
    ]
)


def test_every_record_is_counted_once_by_what_became_of_it(lake: Lake):
    land(lake, MIXED)
    expected = Counts(raw=6, events=2, duplicates=2, conflicts=1, quarantined=1, tombstones=1)
    assert ingest(lake) == expected
    assert stored_counts(lake) == expected
    assert counted(lake) == expected


def test_nothing_new_changes_nothing(lake: Lake):
    land(lake, MIXED)
    ingest(lake)
    before = {name: lake.open(table).version for name, table in TABLES.items()}
    assert ingest(lake) == Counts()
    assert {name: lake.open(table).version for name, table in TABLES.items()} == before


def test_a_quarantined_record_keeps_its_place_its_bytes_and_the_reason(lake: Lake):
    land(lake, MIXED)
    ingest(lake)
    columns = ("topic", "partition", "offset", "kafka_time", "reason", "value", "batch")
    row = lake.open(QUARANTINE).scan().select(columns).collect().row(0)
    assert row == ("chat", 0, 1, NOON, "bad_json", BAD, 1)


def test_events_of_nobody_are_counted_until_an_earlier_copy_tells_who_it_was(lake: Lake):
    nobodys = [encoded(message({"member_id": "app:null"}, id=name)) for name in "ab"]
    land(lake, records([*nobodys, encoded(message(id="c"))], kafka_time=LATER))
    assert ingest(lake) == Counts(raw=3, events=3, placeholders=2)
    land(lake, records([encoded(message(id="a"))], partition=1))
    ingest(lake)
    assert stored_counts(lake).placeholders == 1


def test_a_copy_that_arrives_later_changes_no_event(lake: Lake):
    land(lake, records([encoded(message())]))
    ingest(lake)
    before = events(lake)
    land(lake, records([encoded(message({"message_id": "m2"}))], offsets=[1], kafka_time=LATER))
    assert ingest(lake) == Counts(raw=1, duplicates=1, conflicts=1)
    assert events(lake) == before


def test_an_earlier_copy_of_a_stored_event_replaces_it(lake: Lake):
    land(lake, records([encoded(message())], offsets=[1], kafka_time=LATER))
    ingest(lake)
    land(lake, records([encoded(message({"message_id": "m2"}))], partition=1))
    assert ingest(lake) == Counts(raw=1, events=0, duplicates=1, conflicts=1)
    kept = lake.open(EVENTS).scan().select("message_id", "kafka_time", "batch").collect().rows()
    assert kept == [("m2", NOON, 2)]


def test_a_replaced_event_marks_the_day_it_leaves_and_the_day_it_enters(lake: Lake):
    land(lake, records([encoded(message(time="2025-02-28T04:00:00Z"))], offsets=[1], kafka_time=LATER))
    ingest(lake)
    land(lake, records([encoded(message())], partition=1, kafka_time=NOON))
    ingest(lake)
    assert touched(lake, batch=2) == {dt.date(2025, 2, 28), MONDAY}
    assert lake.open(EVENTS).scan().collect()["day"].to_list() == [MONDAY]


def test_a_replacement_leaves_the_other_events_of_the_month_alone(lake: Lake):
    others = [encoded(message(id=f"other {number}")) for number in range(5)]
    land(lake, records([encoded(message()), *others], offsets=range(1, 7), kafka_time=LATER))
    ingest(lake)
    land(lake, records([encoded(message())], partition=1, kafka_time=NOON))
    ingest(lake)
    rows = lake.open(EVENTS).scan().select("event_id", "batch").collect().rows()
    assert sorted(rows) == [("e1", 2), *((f"other {number}", 1) for number in range(5))]


@pytest.mark.parametrize("table", [TOUCHED, QUARANTINE, EVENTS], ids=lambda table: table.name)
@pytest.mark.parametrize("batch_rows", [250_000, 2], ids=["same batches after", "smaller batches after"])
def test_a_crash_between_any_two_writes_doubles_and_loses_nothing(tmp_path: Path, table: LakeTable, batch_rows: int):
    crashed, whole = Lake(str(tmp_path / "crashed")), Lake(str(tmp_path / "whole"))
    second = records([BAD, encoded(message(id="c")), BAD, BAD], partition=1)
    for lake in (crashed, whole):
        land(lake, MIXED, second)
    with dying_before(crashed, table) as dying:
        ingest(dying)
    ingest(crashed, batch_rows)
    ingest(whole)
    assert events(crashed) == events(whole)
    assert quarantine(crashed) == quarantine(whole)
    assert counted(crashed) == stored_counts(crashed)


def test_records_that_arrive_after_a_crash_double_no_quarantined_one(lake: Lake):
    land(lake, records([BAD] * 4))
    with dying_before(lake, EVENTS) as dying:
        ingest(dying)
    land(lake, records([BAD] * 12, partition=1))
    ingest(lake, batch_rows=8)
    assert quarantine(lake) == [
        *((0, offset, "bad_json") for offset in range(4)),
        *((1, offset, "bad_json") for offset in range(12)),
    ]


def test_a_crash_leaves_no_day_changed_and_unmarked(lake: Lake):
    land(lake, MIXED)
    with dying_before(lake, EVENTS) as dying:
        ingest(dying)
    assert touched(lake, batch=1) == {MONDAY}
    assert lake.open(EVENTS).position(BATCH) is None


@pytest.mark.parametrize("batch_rows", [1, 2, 5])
def test_gaps_in_the_offsets_leave_no_record_behind(lake: Lake, batch_rows: int):
    land(lake, *(records([encoded(message(id=str(n)))] * 2, partition=n, offsets=[n, 1000]) for n in range(3)))
    assert ingest(lake, batch_rows).raw == 6


def test_a_log_that_begins_late_is_cut_into_batches_all_the_same(lake: Lake):
    values = [encoded(message(id=str(n))) for n in range(8)]
    land(lake, records(values, offsets=range(1_000_000, 1_000_008)))
    seen: list[int] = []
    ingest(lake, 2, on_progress=lambda done, _todo: seen.append(done))
    assert seen == [2, 4, 6, 8]


def test_nothing_is_read_of_the_records_that_are_decoded(lake: Lake):
    land(lake, MIXED)
    ingest(lake)
    for file in lake.open(RAW).delta.file_uris():
        make_unreadable(Path(file))
    land(lake, records([encoded(message(id="new"))], offsets=[6]))
    assert ingest(lake) == Counts(raw=1, events=1)


def test_a_span_of_markers_alone_moves_the_position(lake: Lake):
    land(lake, MIXED)
    ingest(lake)
    before = stored_counts(lake)
    lake.append(lake.open(RAW), pl.DataFrame(schema=RAW.schema), {app_id(TOPIC_ID, 0): 9})
    assert undecoded_offsets(lake) == 3
    assert ingest(lake) == Counts()
    assert undecoded_offsets(lake) == 0
    assert stored_counts(lake) == before


def test_progress_ends_where_all_is_done(lake: Lake):
    land(lake, records([encoded(message(id=str(n))) for n in range(5)]))
    seen: list[tuple[int, int]] = []
    ingest(lake, 2, on_progress=lambda done, todo: seen.append((done, todo)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


copies = st.tuples(st.sampled_from("ab"), st.sampled_from(["m1", "m2"]), st.integers(0, 2), st.integers(0, 40))
"""Event id, body, partition, and the day of Kafka's time."""


@examples(8)
@given(st.lists(st.lists(copies | st.none(), min_size=1, max_size=4), min_size=1, max_size=3), st.integers(1, 4))
def test_events_rebuilt_in_one_batch_are_those_of_many(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[list[tuple[str, str, int, int] | None]], batch_rows: int
):
    """Arrivals are landed and decoded one after another, then all at once in a lake of their own."""
    folder = tmp_path_factory.mktemp("rebuild")
    grown, rebuilt = Lake(str(folder / "grown")), Lake(str(folder / "rebuilt"))
    offset = 0
    for arrival in arrivals:
        for copy in arrival:
            name, body, partition, day = copy or ("", "", 0, 0)
            value = encoded(message({"message_id": body}, id=name)) if copy else BAD
            row = records([value], partition=partition, offsets=[offset], kafka_time=NOON + dt.timedelta(days=day))
            offset += 1
            for lake in (grown, rebuilt):
                land(lake, row)
        ingest(grown, batch_rows)
    ingest(rebuilt)
    assert events(grown) == events(rebuilt)
    assert quarantine(grown) == quarantine(rebuilt)
    assert counted(grown) == stored_counts(grown)
    assert replace(stored_counts(grown), conflicts=0) == replace(stored_counts(rebuilt), conflicts=0)


def test_another_business_zone_is_refused_as_stored_days_are_of_the_old_one(tmp_path: Path):
    lake = Lake(str(tmp_path))
    land(lake, records([encoded(message())]))
    ingest(lake)
    with pytest.raises(ZoneChanged, match="Europe/Berlin"):
        ingest(lake, rules=replace(RULES, zone="Europe/Berlin"))
