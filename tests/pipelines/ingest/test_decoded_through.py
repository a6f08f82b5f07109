"""How far events had come at an earlier batch is found after all of them were decoded again."""

import shutil
from pathlib import Path

import pytest

from pipelines.engagement.person_day import person_day
from pipelines.ingest.decoded_through import decoded_through
from pipelines.ingest.event_writer import BATCH
from pipelines.lake import Lake
from pipelines.refresh import refresh_days
from schemas.lake import EVENTS, PERSON_DAY
from tests.pipelines.canonical import TOPIC_ID, encoded, ingest, land, message, rebuild, records


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Events of offsets 0 to 5, in three batches."""
    lake = Lake(str(tmp_path / "lake"))
    for first in (0, 2, 4):
        add(lake, first, 2)
    return lake


def add(lake: Lake, first: int, number: int) -> None:
    offsets = range(first, first + number)
    land(lake, records([encoded(message(id=f"e{offset}")) for offset in offsets], offsets=offsets))
    ingest(lake)


def ends(lake: Lake, batch: int) -> dict[int, int] | None:
    found = decoded_through(lake, batch)
    assert found is None or set(found["topic_id"]) <= {TOPIC_ID}
    return None if found is None else dict(found.select("partition", "end").iter_rows())


def test_later_batches_hold_what_came_later_while_nothing_is_decoded_again(lake: Lake):
    assert [ends(lake, batch) for batch in range(4)] == [None] * 4


def test_each_batch_of_before_is_found_however_often_events_are_decoded_again(lake: Lake):
    rebuild(lake, batch_rows=3)
    add(lake, 6, 1)
    newest = lake.open(EVENTS).position(BATCH) or 0
    assert ends(lake, newest) is None
    lake.open(EVENTS).to_write().optimize.compact()
    rebuild(lake, batch_rows=1)
    assert [ends(lake, batch) for batch in (0, 1, 2, 3, newest)] == [{}, {0: 2}, {0: 4}, {0: 6}, {0: 7}]


def test_all_counts_as_decoded_where_the_table_of_that_batch_was_lost(lake: Lake):
    refresh_days(lake, PERSON_DAY, person_day)
    shutil.rmtree(lake.table_uri(EVENTS))
    rebuild(lake)
    found = ends(lake, 3)
    assert found is not None
    assert found[0] > 1_000_000
