"""Records of several events, and ignored ones: exactly once in `events`, `quarantine` and `ignored`, and counted."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.carriers.base import Decoded
from pipelines.ingest.counts import Counts, stored_counts
from pipelines.lake import Lake
from pipelines.quarantine import rule_on_event
from schemas.lake import EVENTS, IGNORED, QUARANTINE, LakeTable
from tests.examples import examples
from tests.pipelines.canonical import NOON, TOPIC, ingest, land, message, rebuild, records
from tests.pipelines.ingest.test_events import dying_before
from tests.pipelines.several import SEVERAL, Several, ignored, several


def rows(lake: Lake, table: LakeTable) -> list[tuple[object, ...]]:
    names = {
        EVENTS: ("offset", "position", "event_id"),
        QUARANTINE: ("offset", "reason"),
        IGNORED: ("offset", "reason"),
    }
    return lake.open(table).scan().select(names[table]).sort(names[table]).collect().rows()


SONG = message(type="message.sung")
MIXED = records(
    [
        several(message(id="a"), message(id="b"), message(id="a")),
        ignored("a heartbeat"),
        several(message(id="b"), SONG, SONG),
        None,
        several(message({"message_id": "m2"}, id="c")),
        ignored("a note"),
    ]
)


def test_of_a_record_of_several_events_each_is_counted(lake: Lake):
    land(lake, MIXED)
    counts = ingest(lake, carriers=SEVERAL)
    assert counts == Counts(raw=6, events=3, duplicates=2, quarantined=1, tombstones=1, ignored=2, further=3)
    assert (counts.unaccounted, stored_counts(lake)) == (0, counts)
    assert rows(lake, EVENTS) == [(0, 0, "a"), (0, 1, "b"), (4, 0, "c")]
    assert rows(lake, QUARANTINE) == [(2, "unknown_kind")]
    assert rows(lake, IGNORED) == [(1, "a heartbeat"), (5, "a note")]


@pytest.mark.parametrize("before", [QUARANTINE, IGNORED, EVENTS], ids=lambda table: table.name)
def test_a_run_that_dies_leaves_nothing_twice(lake: Lake, before: LakeTable):
    land(lake, MIXED)
    with dying_before(lake, before) as dying:
        ingest(dying, carriers=SEVERAL)
    counts = ingest(lake, carriers=SEVERAL)
    assert counts.unaccounted == 0
    assert [len(rows(lake, table)) for table in (EVENTS, QUARANTINE, IGNORED)] == [3, 1, 2]


class Mended(Several):
    """Several, but what was ignored is an event."""

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:
        said = [several(message(id=value.decode())) if value.startswith(b'"') else value for value in values]
        return super().decode(said, headers)


def test_what_was_ignored_becomes_events_when_they_are_rebuilt_by_a_carrier_that_reads_it(lake: Lake):
    land(lake, MIXED)
    ingest(lake, carriers=SEVERAL)
    rebuild(lake, carriers={TOPIC: Mended()})
    assert [event for offset, _, event in rows(lake, EVENTS) if offset in {1, 5}] == ['"a heartbeat"', '"a note"']
    assert (rows(lake, IGNORED), stored_counts(lake).ignored, stored_counts(lake).unaccounted) == ([], 0, 0)


def test_an_event_of_a_record_is_taken_out_and_put_back_alone(lake: Lake):
    land(lake, MIXED)
    ingest(lake, carriers=SEVERAL)
    for is_quarantined in (True, False):
        rule_on_event(lake, "bridge", "b", is_quarantined=is_quarantined, actor="ann", reason="wrong", now=NOON)
        ingest(lake, carriers=SEVERAL)
        assert ("b" in {event for *_, event in rows(lake, EVENTS)}) is not is_quarantined
        assert stored_counts(lake).unaccounted == 0


PART = st.sampled_from("abcd")
RECORD = st.one_of(st.none(), st.sampled_from(["a note", "a ping"]), st.lists(PART | st.just("song"), max_size=4))


@examples(60)
@given(st.lists(RECORD, max_size=8), st.integers(1, 4), st.integers(0, 8))
def test_what_records_become_does_not_depend_on_how_they_are_batched(
    held: list[list[str] | str | None], batch_rows: int, cut: int
):
    values = [
        several(*(SONG if part == "song" else message(id=part) for part in record))
        if isinstance(record, list)
        else ignored(record)
        if record
        else None
        for record in held
    ]
    first: dict[str, tuple[int, int]] = {}
    given_events = 0
    for offset, record in enumerate(held):
        for position, part in enumerate(record if isinstance(record, list) else ()):
            given_events += part != "song"
            if part != "song":
                first.setdefault(part, (offset, position))
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        for start, stop in ((0, cut), (cut, len(values))):
            if values[start:stop]:
                land(lake, records(values[start:stop], offsets=range(start, min(stop, len(values)))))
            ingest(lake, batch_rows=batch_rows, carriers=SEVERAL)
        assert rows(lake, EVENTS) == sorted((*place, event) for event, place in first.items())
        counts = stored_counts(lake)
        assert counts.duplicates == given_events - len(first)
        assert (
            counts.ignored
            == sum(isinstance(record, str) or record == [] for record in held)
            == len(rows(lake, IGNORED))
        )
        assert (counts.raw, counts.unaccounted) == (len(held), 0)
