"""Each law of the kit finds a carrier that breaks it, and has nothing against a sound one."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

import msgspec
import polars as pl
import pytest

from emberline.conformance import Broken, Case, check, check_mutations
from emberline.conformance import laws as law
from emberline.conformance.cases import Rejected
from pipelines.carriers import Carrier, Decoded
from pipelines.carriers.base import IGNORED_SCHEMA, columns, parse
from pipelines.carriers.texts import Texts
from schemas.table import UTC_TIME

T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NOTHING = pl.lit(None, pl.String)
AS_FLOAT = pl.col("event_id").cast(pl.Float64).cast(pl.Int64, strict=False).cast(pl.String).fill_null("")
BY_ID = pl.format("plain:{}", "message_id")
SENT = {"id": 1001, "room": 1, "text": "Good morning"}

CASES = [
    Case("a message", SENT, events=[{"event_id": "1001", "text_length": 12}]),
    Case("one of another room", {"id": 1002, "room": 2, "text": "Sold out?"}, events=[{"group_id": "plain:2"}]),
    Case("a heartbeat", {"id": 1003, "room": 1}, ignored="a heartbeat"),
    Case("no room", {"id": 1004, "text": "Hi"}, rejected=Rejected("invalid_field", "`room`")),
]


class Measures(msgspec.Struct):
    """What stands in the place of a text."""

    length: int


class Message(msgspec.Struct):
    """A message of a room; a heartbeat has no text."""

    id: int
    room: int
    text: str | Measures | None = None

    @property
    def length(self) -> int:
        """Characters of the text."""
        return self.text.length if isinstance(self.text, Measures) else len(self.text or "")


deliveries = count()

Spoil = Callable[[Decoded], Decoded]


def unspoilt(decoded: Decoded) -> Decoded:
    """The outcome as it is."""
    return decoded


def events(**changes: pl.Expr) -> Spoil:
    """Other values in columns of the events."""
    return lambda decoded: replace(decoded, events=decoded.events.with_columns(**changes))


def events_of_other_columns(decoded: Decoded) -> Decoded:
    return decoded if decoded.events.is_empty() else replace(decoded, events=decoded.events.drop("links"))


def ignored_lost(decoded: Decoded) -> Decoded:
    return replace(decoded, ignored=decoded.ignored.clear())


def rejected_lost(decoded: Decoded) -> Decoded:
    return replace(decoded, rejected=decoded.rejected.clear())


def rejected_twice(decoded: Decoded) -> Decoded:
    return replace(decoded, rejected=pl.concat([decoded.rejected] * 2))


def rejected_of_another_type(decoded: Decoded) -> Decoded:
    return replace(decoded, rejected=decoded.rejected.cast({"row": pl.Int64}))


def rejected_without_detail(decoded: Decoded) -> Decoded:
    return replace(decoded, rejected=decoded.rejected.with_columns(detail=pl.lit("wrong")))


def events_twice(decoded: Decoded) -> Decoded:
    return replace(decoded, events=pl.concat([decoded.events] * 2).sort("row"))


def identities_of_the_delivery(decoded: Decoded) -> Decoded:
    return replace(decoded, events=decoded.events.with_columns(event_id=pl.lit(f"delivery {next(deliveries)}")))


class Plain(Carrier):
    """A carrier that keeps all laws, but for what is done to what it decodes, and to what it measures."""

    name, title, coverage, membership, kinds = "plain", "Plain", "full", "none", ("message.sent",)

    def __init__(self, rows: Spoil = unspoilt, by_columns: Spoil = unspoilt, *, forgets_texts: bool = False) -> None:
        self._rows, self._by_columns, self._forgets_texts = rows, by_columns, forgets_texts

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:  # noqa: ARG002
        rows, parsed, rejected = parse(values, msgspec.json.Decoder(Message).decode)
        sent = [(row, message) for row, message in zip(rows, parsed, strict=True) if message.text is not None]
        silent = [(row, "a heartbeat") for row, message in zip(rows, parsed, strict=True) if message.text is None]
        decoded = columns(
            [row for row, _ in sent],
            {
                "event_id": [str(message.id) for _, message in sent],
                "message_id": [str(message.id) for _, message in sent],
                "group_id": [f"plain:{message.room}" for _, message in sent],
                "text_length": [min(max(message.length, 0), 1_000) for _, message in sent],
                "type": pl.lit("message.sent"),
                "source": pl.lit("plain"),
                "account_id": pl.lit("plain:7"),
                "role": pl.lit("member"),
                "time": pl.lit(T0),
            },
        )
        return self._rows(Decoded(decoded, rejected, pl.DataFrame(silent, schema=IGNORED_SCHEMA, orient="row")))

    def decode_column(self, values: pl.Series, headers: pl.Series | None = None) -> Decoded:
        return self._by_columns(self.decode(values.to_list(), headers))

    def measured(self, values: Sequence[bytes], texts: Texts) -> list[bytes]:
        return [self._measured(value, texts) for value in values]

    def _measured(self, value: bytes, texts: Texts) -> bytes:
        try:
            payload = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return value
        if not isinstance(payload, dict) or not isinstance(payload.get("text"), str):
            return value
        return msgspec.json.encode(payload | {"text": "" if self._forgets_texts else texts.of(payload["text"])})


# A law, what it says, and a carrier that breaks it.
BROKEN: list[tuple[law.Law, str, Carrier]] = [
    (law.every_payload_is_in_one_place, "0 ignored", Plain(ignored_lost)),
    (law.every_payload_is_in_one_place, "a payload is rejected twice", Plain(rejected_twice)),
    (law.any_split_gives_the_same, "events of payloads 0 to 0", Plain(events(text_length=pl.len().cast(pl.Int32)))),
    (law.any_batch_has_all_columns, "events of 4 payloads", Plain(events_of_other_columns)),
    (law.any_batch_has_all_columns, "rejected of 0 payloads", Plain(by_columns=rejected_of_another_type)),
    (law.columns_equal_rows, "rejected of .*1004.* differ", Plain(by_columns=rejected_without_detail)),
    (law.delivered_twice_is_one, "second delivery has other identities", Plain(identities_of_the_delivery)),
    (law.delivered_twice_is_one, "two events of one payload", Plain(events_twice)),
    (law.order_makes_no_difference, "the events are others", Plain(events(group_id=pl.col("group_id").first()))),
    (law.what_a_kind_needs_is_there, "1001 has no message_id", Plain(events(message_id=NOTHING))),
    (law.what_a_kind_needs_is_there, "1001 has no time", Plain(events(time=pl.lit(None, UTC_TIME)))),
    (law.what_a_kind_needs_is_there, "chat.said is no kind of event", Plain(events(type=pl.lit("chat.said")))),
    (law.what_a_kind_needs_is_there, "1001 is of 1970", Plain(events(time=pl.lit(EPOCH, UTC_TIME)))),
    (law.no_text_leaves, "measures in the place of texts", Plain(forgets_texts=True)),
    (law.large_numbers_survive, "a message: event_id became", Plain(events(event_id=AS_FLOAT))),
    (law.accounts_stay_out_of_ids, "id is an account, and in event_id of", Plain(events(account_id=BY_ID))),
]


def test_a_sound_carrier_breaks_no_law():
    check(Plain(), CASES)
    check_mutations(Plain(), CASES, 200)


@pytest.mark.parametrize(("broken", "breach", "carrier"), BROKEN, ids=lambda of: getattr(of, "__name__", ""))
def test_a_law_finds_a_carrier_that_breaks_it(broken: law.Law, breach: str, carrier: Carrier):
    found = broken(law.Tried(carrier, CASES))
    assert found is not None
    assert re.search(breach, found)


def test_each_law_is_tried_on_a_carrier_that_breaks_it():
    assert {broken for broken, *_ in BROKEN} == set(law.LAWS)


@pytest.mark.parametrize("carrier", [carrier for *_, carrier in BROKEN])
def test_no_broken_carrier_passes(carrier: Carrier):
    with pytest.raises(Broken):
        check(carrier, CASES)


def test_a_wrong_payload_that_is_lost_is_found():
    with pytest.raises(Broken, match="changed payloads of seed 0"):
        check_mutations(Plain(rejected_lost), CASES, 50)


@pytest.mark.parametrize(
    ("case", "breach"),
    [
        (Case("", SENT, events=[{"text_length": 13}]), "event 0: text_length is 12, expected 13"),
        (Case("", SENT, events=[{"colour": "red"}]), "there is no column colour"),
        (Case("", SENT), "expected 0 events, got 1"),
        (Case("", SENT, events=[{}], ignored="a heartbeat"), "expected to be ignored: a heartbeat"),
        (Case("", SENT, events=[{}], numbers=[{"number": 1}]), "expected 1 numbers, got 0"),
        (Case("", SENT, events=[{}], rejected=Rejected("bad_json")), "expected Rejected"),
        (Case("", {"id": 1}), "Object missing required field `room`"),
        (Case("", {"id": 1}, rejected=Rejected("invalid_field", "`id`")), "expected Rejected"),
    ],
)
def test_what_becomes_of_a_case_is_compared_with_what_it_says(case: Case, breach: str):
    with pytest.raises(Broken, match=breach):
        check(Plain(), [case])
