"""Numbers of sequences from `raw` into the lake, and what is said of those that are missing."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from pipelines.carriers import CARRIERS
from pipelines.events.sequences import MISSING
from pipelines.ingest.missing import Lateness, by_sequence, missing_numbers, sentence
from pipelines.ingest.sequences import put_together, record_ranges
from pipelines.lake import Lake
from pipelines.lake_additions import MOST_COMMITS
from schemas.lake import EVENTS, SEQUENCE_RANGE
from tests.pipelines.canonical import NOON, TOPIC, ingest, land, rebuild, records
from tests.pipelines.events.test_sequences import of_group
from tests.pipelines.ingest.test_events import dying_before

MILKY = {TOPIC: CARRIERS["milky"]}
HOUR = dt.timedelta(hours=1)
SOON = Lateness(dt.timedelta(0), 24 * HOUR)


def sent(number: int, group: int = 20001) -> bytes:
    seconds = int(NOON.timestamp()) + number
    data = {
        "message_scene": "group",
        "peer_id": group,
        "message_seq": number,
        "sender_id": 10001,
        "time": seconds,
        "segments": [],
    }
    return json.dumps({"time": seconds, "self_id": 10009, "event_type": "message_receive", "data": data}).encode()


def land_numbers(lake: Lake, *numbers: int, offset: int = 0) -> None:
    batch = records([sent(number) for number in numbers], offsets=range(offset, offset + len(numbers)))
    land(lake, batch.with_columns(kafka_time=pl.lit(NOON + HOUR)))


def lost(lake: Lake) -> list[tuple[str | None, int, int]]:
    return missing_numbers(lake, SOON).select("group_id", "from_number", "to_number").rows()


def test_what_did_not_arrive_is_found_until_it_does(lake: Lake):
    land_numbers(lake, 1, 2, 5, 6)
    ingest(lake, carriers=MILKY)
    assert lost(lake) == [("qq:20001", 3, 5)]
    land_numbers(lake, 4, offset=4)
    ingest(lake, carriers=MILKY)
    assert lost(lake) == [("qq:20001", 3, 4)]
    land_numbers(lake, 3, offset=5)
    ingest(lake, carriers=MILKY)
    assert lost(lake) == []


def test_a_run_that_dies_loses_no_number(lake: Lake):
    land_numbers(lake, 1, 2, 5)
    with dying_before(lake, EVENTS) as dying:
        ingest(dying, carriers=MILKY)
    ingest(lake, carriers=MILKY)
    assert lost(lake) == [("qq:20001", 3, 5)]


def test_what_is_newer_than_the_watermark_is_still_under_way(lake: Lake):
    land_numbers(lake, 1, 5)
    ingest(lake, carriers=MILKY)
    assert missing_numbers(lake, Lateness(HOUR, 24 * HOUR)).is_empty()


def test_a_gap_is_shown_for_four_weeks(lake: Lake):
    last = 3 + 28 * 86_400
    land_numbers(lake, 1, 3)
    batch = records([sent(last, group=2), sent(last + 1, group=2)], offsets=[2, 3])
    land(lake, batch.with_columns(kafka_time=pl.lit(NOON + 29 * 24 * HOUR)))
    ingest(lake, carriers=MILKY)
    assert lost(lake) == []
    shown = missing_numbers(lake, Lateness(2 * HOUR, 24 * HOUR))
    assert shown["group_id"].to_list() == ["qq:20001"]


def test_numbers_of_a_rebuild_follow_the_carrier_as_it_is(lake: Lake):
    land_numbers(lake, 1, 2, 5)
    ingest(lake, carriers=MILKY)
    rebuild(lake, carriers=MILKY)
    assert lost(lake) == [("qq:20001", 3, 5)]
    rebuild(lake, carriers={TOPIC: CARRIERS["onebot11"]})
    assert lake.open(SEQUENCE_RANGE).scan().collect().is_empty()


def test_many_small_ranges_are_put_together(lake: Lake):
    for number in range(MOST_COMMITS):
        record_ranges(lake, of_group(2 * number))
    put_together(lake, MOST_COMMITS + 1)
    assert len(lake.open(SEQUENCE_RANGE).delta.file_uris()) == MOST_COMMITS
    put_together(lake)
    handle = lake.open(SEQUENCE_RANGE)
    assert (len(handle.delta.file_uris()), handle.scan().collect().height) == (1, MOST_COMMITS)
    version = handle.version
    put_together(lake)
    assert lake.open(SEQUENCE_RANGE).version == version


def test_a_lake_without_numbers_misses_none_and_gets_no_table(lake: Lake):
    assert missing_numbers(lake, SOON).schema == MISSING
    assert not lake.has(SEQUENCE_RANGE)


@pytest.mark.parametrize(("n_gaps", "said"), [(1, "in 1 gap"), (2, "in 2 gaps")])
def test_what_is_missing_is_said_in_a_sentence(n_gaps: int, said: str):
    row = ("qq", "qq:1\x1b", "qq:1", 3, 10, 20, NOON, NOON + HOUR)
    found = by_sequence(pl.DataFrame([row] * n_gaps, schema=MISSING, orient="row"))
    [told] = [sentence(one) for one in found.iter_rows(named=True)]
    expected = (
        rf"{3 * n_gaps} numbers of qq:1\x1b (qq), 10 to 19 {said}, sent from 2025-03-03 04:00 to 2025-03-03 05:00 UTC."
    )
    assert told == expected
