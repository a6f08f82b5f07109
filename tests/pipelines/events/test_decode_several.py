"""A record gives several events, or none for a reason; it is in quarantine once, and everything is accounted for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.carriers.base import Decoded
from pipelines.events.decode import NOTHING, DecodedRecords, decode
from schemas.lake import EVENTS, HEADERS, IGNORED, QUARANTINE
from tests.examples import examples
from tests.pipelines.canonical import NOON, RULES, TOPIC, message, records
from tests.pipelines.several import SEVERAL, Several, ignored, several


def decoded(*values: bytes | None) -> DecodedRecords:
    return decode(records(values), SEVERAL, RULES)


def places(events: pl.DataFrame) -> list[tuple[int, int, str]]:
    return sorted(events.select("offset", "position", "event_id").rows())


def test_the_events_of_a_record_have_their_places_in_it():
    found = decoded(several(message(id="a"), message(id="b")), several(message(id="c")))
    assert places(found.events) == [(0, 0, "a"), (0, 1, "b"), (1, 0, "c")]
    assert found.further == 1


def test_events_of_one_record_and_one_instant_lie_in_the_order_of_their_places():
    found = decoded(several(*(message(id=name) for name in "cab")))
    assert found.events["event_id"].to_list() == ["c", "a", "b"]


def test_a_record_that_is_ignored_is_named_with_the_reason():
    found = decoded(several(message()), ignored("a heartbeat"), ignored("a private note"))
    assert found.ignored.select("offset", "reason").rows() == [(1, "a heartbeat"), (2, "a private note")]
    assert (found.ignored.schema, found.further) == (IGNORED.schema, 0)


def test_a_record_that_its_carrier_makes_nothing_of_is_ignored():
    found = decoded(several(), several(message()))
    assert found.ignored.select("offset", "reason").rows() == [(0, NOTHING)]


def test_a_record_with_good_and_bad_events_has_the_good_ones_and_one_reason():
    bad, wrong = message(type="message.sung"), message({"message_id": ...})
    found = decoded(several(message(id="a"), bad, message(id="b"), wrong), several(wrong, bad))
    assert places(found.events) == [(0, 0, "a"), (0, 2, "b")]
    assert found.quarantine.select("offset", "reason").rows() == [(0, "unknown_kind"), (1, "missing_field")]
    assert found.further == 2


def test_a_record_that_its_carrier_refuses_in_part_is_in_quarantine_once():
    found = decoded(several(message(id=1), message(id="a"), message(type="message.sung")))
    assert found.quarantine.select("offset", "reason").rows() == [(0, "invalid_field")]
    assert (places(found.events), found.further) == ([(0, 1, "a")], 1)


def test_a_carrier_is_given_the_headers_of_its_records():
    batch = records([several(message(id="a")), several(message(id="b")), None])
    pinged = [None, [{"key": "kind", "value": b"ping"}], [{"key": "kind", "value": b"ping"}]]
    found = decode(batch.with_columns(headers=pl.Series(pinged, dtype=HEADERS).fill_null([])), SEVERAL, RULES)
    assert (found.ignored["offset"].to_list(), found.events["event_id"].to_list()) == ([1], ["a"])


class Timed(Several):
    """Several, whose times are known as their `source` says; where that is no word of it, without a time."""

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:
        events = super().decode(values, headers).events
        timed = events.with_columns(
            time=pl.when(pl.col("source") == "second").then("time"), time_quality=pl.col("source")
        )
        return Decoded(timed, super().decode(values, headers).rejected)


def test_a_time_of_arrival_is_kafkas_and_any_other_event_needs_its_own():
    sent = [message(id=word, source=word, time="2025-03-03T01:00:00Z") for word in ("second", "arrival", "minute")]
    found = decode(records([several(*sent)]), {TOPIC: Timed()}, RULES)
    assert found.events.sort("position").select("time_quality", "time").rows() == [
        ("second", NOON - dt.timedelta(hours=3)),
        ("arrival", NOON),
    ]
    assert found.quarantine.select("reason", "detail").rows() == [("missing_field", "an event needs time")]


PART = st.sampled_from(["good", "unknown kind", "no message", "no id"])
RECORD = st.one_of(
    st.none(), st.sampled_from([b"{", b""]), st.sampled_from(["a heartbeat", "a note"]), st.lists(PART, max_size=4)
)
REASONS = {"unknown kind": "unknown_kind", "no message": "missing_field", "no id": "invalid_field"}
BROKEN = {
    "unknown kind": {"type": "message.sung"},
    "no message": {"data": {"member_id": "app:ann"}},
    "no id": {"id": 1},
}


def value_of(place: int, record: object) -> bytes | None:
    match record:
        case list():
            sent = [message(id=f"{place}/{n}") | BROKEN.get(part, {}) for n, part in enumerate(record)]
            return several(*sent)
        case str():
            return ignored(record)
        case _:
            return record  # type: ignore[return-value]


def expected(held: list[object]) -> tuple[list[tuple[int, int, str]], list[tuple[int, str]], list[tuple[int, str]]]:
    """Places of events, reasons of quarantine and reasons of what is ignored, a record at a time."""
    events, quarantine, passed = [], [], []
    for place, record in enumerate(held):
        match record:
            case list():
                events += [(place, n, f"{place}/{n}") for n, part in enumerate(record) if part == "good"]
                # What the adapter itself refuses comes first.
                bad = sorted((part != "no id", n, part) for n, part in enumerate(record) if part != "good")
                quarantine += [(place, REASONS[bad[0][2]])] if bad else []
                passed += [] if record else [(place, NOTHING)]
            case str():
                passed.append((place, record))
            case bytes():
                quarantine.append((place, "bad_json"))
    return events, quarantine, passed


@examples(400)
@example([["good", "unknown kind"], []], [])
@given(st.lists(RECORD, max_size=8), st.lists(st.integers(0, 8), max_size=3))
def test_each_record_becomes_what_it_holds_however_the_batch_is_split(held: list[object], cuts: list[int]):
    batch = records([value_of(place, record) for place, record in enumerate(held)])
    ends = sorted({0, *(min(cut, len(held)) for cut in cuts), len(held)})
    parts = [decode(batch[start:end], SEVERAL, RULES) for start, end in zip([0, *ends], ends, strict=False)]
    events, quarantine, passed = expected(held)
    for table, rows in ((EVENTS, "events"), (QUARANTINE, "quarantine"), (IGNORED, "ignored")):
        assert {getattr(part, rows).schema == table.schema for part in parts} == {True}
    assert sorted(row for part in parts for row in places(part.events)) == events
    found = [
        sorted(row for part in parts for row in frame(part).select("offset", "reason").rows())
        for frame in (lambda part: part.quarantine, lambda part: part.ignored)
    ]
    assert found == [quarantine, passed]
    tombstones = sum(part.tombstones for part in parts)
    made = len(events) + len(quarantine) + len(passed) + tombstones
    assert len(held) + sum(part.further for part in parts) == made
