"""A record is an event, a tombstone, or in quarantine with the reason; no bytes whatever stop the pipeline."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.carriers import CARRIERS
from pipelines.carriers.cloudevents import CloudEvents
from pipelines.events.decode import CarrierUnknown, DecodedRecords, decode
from schemas.kinds import BLOCKED_NATIVE_IDS, REQUIRED
from schemas.lake import EVENTS, QUARANTINE
from tests.examples import examples
from tests.pipelines.canonical import BY_TOPIC, NOON, PSEUDONYMS, RULES, TOPIC, Event, encoded, link, message, records

ORDER = {"customer_id": "shop:ann", "order_id": "o", "total_minor": 100, "currency": "CNY"}


def order(**data: Any) -> Event:
    return message({**ORDER, "member_id": ..., "message_id": ..., **data}, type="order.paid")


def decoded(*values: bytes | None, kafka_time: dt.datetime | None = NOON) -> DecodedRecords:
    return decode(records(values, kafka_time=kafka_time), BY_TOPIC, RULES)


def verdict(value: bytes, kafka_time: dt.datetime | None = NOON) -> tuple[str, str] | None:
    """Reason and detail of the quarantine, or None for an event."""
    rows = decoded(value, kafka_time=kafka_time).quarantine.select("reason", "detail").rows()
    return rows[0] if rows else None


def event(value: bytes) -> dict[str, Any]:
    frame = decoded(value)
    assert frame.quarantine.is_empty()
    return frame.events.row(0, named=True)


GOOD = encoded(message())
DEEP = b"[" * 100_000 + b"]" * 100_000


def with_field(name: str, value: bytes) -> bytes:
    """A good event with one more field, written as it is."""
    return GOOD[:-1] + b', "' + name.encode() + b'": ' + value + b"}"


UNREADABLE = {
    "no bytes": (b"", "empty_value", ""),
    "blanks": (b" \r\n", "empty_value", ""),
    "no JSON": (b"hello", "bad_json", ""),
    "cut off": (GOOD[:-5], "bad_json", ""),
    "more behind": (GOOD + b"x", "bad_json", ""),
    "two events": (GOOD + GOOD, "bad_json", ""),
    "not a number": (with_field("x", b"NaN"), "bad_json", ""),
    "infinity": (with_field("x", b"-Infinity"), "bad_json", ""),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "bad_json", ""),
    "half a surrogate pair": (with_field("id", b'"\\ud800"'), "bad_json", ""),
    "bytes that are no text": (b"\xff\xfe\x00\x01", "bad_json", ""),
    "bad UTF-8 in a string": (GOOD.replace(b"e1", b"\xff"), "bad_utf8", "0xff"),
    "half a character": (GOOD.replace(b"e1", "é".encode()[:1]), "bad_utf8", "0xc3"),
    "two megabytes": (with_field("x", b'"' + b"x" * 2_000_000 + b'"'), "too_large", "at most 1048576"),
    "deep nesting in an ignored field": (with_field("x", DEEP), "too_deep", "deeply"),
    "deep nesting of objects": (with_field("x", b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "too_deep", "deeply"),
    "deep nesting at the top": (DEEP, "invalid_field", "`object`, got `array`"),
    "null": (b"null", "invalid_field", "got `null`"),
    "an array": (b"[" + GOOD + b"]", "invalid_field", "got `array`"),
    "a string": (b'"event"', "invalid_field", "got `str`"),
    "a number": (b"1", "invalid_field", "got `int`"),
}
WRONG = {
    "empty object": ({}, "invalid_field", "`specversion`"),
    "other version": (message(specversion="0.3"), "invalid_field", "$.specversion"),
    "no id": (message(id=...), "invalid_field", "`id`"),
    "empty id": (message(id=""), "invalid_field", "$.id"),
    "long id": (message(id="x" * 513), "invalid_field", "$.id"),
    "id is a number": (message(id=1), "invalid_field", "$.id"),
    "field renamed": (message(source=..., origin="bridge"), "invalid_field", "`source`"),
    "null type": (message(type=None), "invalid_field", "$.type"),
    "data is text": (message() | {"data": "text"}, "invalid_field", "$.data"),
    "time without zone": (message(time="2025-03-03T04:00:00"), "invalid_field", "$.time"),
    "time is a number": (message(time=1_741_000_000), "invalid_field", "$.time"),
    "time is a day": (message(time="2025-03-03"), "invalid_field", "$.time"),
    "leap second": (message(time="2016-12-31T23:59:60Z"), "invalid_field", "$.time"),
    "no such day": (message(time="2025-02-29T00:00:00Z"), "invalid_field", "$.time"),
    "group without carrier": (message(subject="g"), "invalid_field", "$.subject"),
    "member without carrier": (message({"member_id": "ann"}), "invalid_field", "$.data.member_id"),
    "member without name": (message({"member_id": "app:"}), "invalid_field", "$.data.member_id"),
    "unknown role": (message({"role": "admin"}), "invalid_field", "$.data.role"),
    "null role": (message({"role": None}), "invalid_field", "$.data.role"),
    "unknown message kind": (message({"message_kind": "poem"}), "invalid_field", "$.data.message_kind"),
    "count below zero": (message({"links": -1}), "invalid_field", "$.data.links"),
    "count beyond 32 bits": (message({"text_length": 2**31}), "invalid_field", "$.data.text_length"),
    "count is a truth": (message({"links": True}), "invalid_field", "$.data.links"),
    "money as a float": (order(total_minor=1.5), "invalid_field", "$.data.total_minor"),
    "money as a whole float": (order(total_minor=1.0), "invalid_field", "$.data.total_minor"),
    "money as text": (order(total_minor="100"), "invalid_field", "$.data.total_minor"),
    "money below zero": (order(total_minor=-1), "invalid_field", "$.data.total_minor"),
    "money beyond 62 bits": (order(total_minor=2**62 + 1), "invalid_field", "$.data.total_minor"),
    "currency in small letters": (order(currency="cny"), "invalid_field", "$.data.currency"),
    "currency with a line break": (order(currency="CNY\n"), "invalid_field", "$.data.currency"),
    "operators as text": (message({"operators": "app:ann"}), "invalid_field", "$.data.operators"),
    "operator that is none": (message({"operators": ["app:ann", None]}), "invalid_field", "$.data.operators[1]"),
    "NUL in an id": (message(id="a\0b"), "invalid_field", "event_id"),
    "NUL in a name": (message({"name": "\0"}), "invalid_field", "group_name"),
    "planned end in year 1": (message({"planned_end": "0001-01-01T00:00:00+08:00"}), "invalid_field", "planned_end"),
    "planned end after 9999": (message({"planned_end": "9999-12-31T23:00:00-08:00"}), "invalid_field", "planned_end"),
    "unknown kind": (
        message(type="message.sung"),
        "unknown_kind",
        "message.sung is no kind of event; the nearest is message.sent",
    ),
    "a kind that is like none": (message(type="qqq"), "unknown_kind", "qqq is no kind of event"),
    "year 1": (message(time="0001-01-01T00:00:00Z"), "past_time", "0001-01-01"),
    "year 0": (message(time="0001-01-01T00:00:00+08:00"), "past_time", "before 1990"),
    "a clock never set": (message(time="1970-01-01T00:00:00Z"), "past_time", "before 1990"),
    "year 9999": (message(time="9999-12-31T23:59:59Z"), "future_time", "9999-12-31"),
    "year 10000": (message(time="9999-12-31T23:59:59-08:00"), "future_time", "after Kafka's"),
    "a tick beyond the skew": (message(time="2025-03-03T04:10:00.000001Z"), "future_time", "after Kafka's"),
}


@pytest.mark.parametrize(("value", "reason", "named"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_in_quarantine(value: bytes, reason: str, named: str):
    found = verdict(value)
    assert found is not None
    assert found[0] == reason
    assert named in found[1]


@pytest.mark.parametrize(("wrong", "reason", "named"), WRONG.values(), ids=WRONG)
def test_what_breaks_the_contract_is_in_quarantine_with_the_field(wrong: Event, reason: str, named: str):
    found = verdict(encoded(wrong))
    assert found is not None
    assert found[0] == reason
    assert named in found[1]


FIELDS = {
    "group_id": {"subject": ...},
    "account_id": {"member_id": ..., "customer_id": ...},
    "linked_account_id": {"linked_id": ...},
    "amount_minor": {"total_minor": ...},
}
FULL = {
    **ORDER, "member_id": "app:ann", "message_id": "m", "product_id": "p", "linked_id": "shop:ann",
    "members": [{"id": "app:ann"}], "intervention": "call",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, fields in REQUIRED.items() for field in fields])
def test_a_field_that_its_kind_needs_is_missed_by_name(kind: str, field: str):
    removed = FIELDS.get(field, {field: ...})
    envelope = {"subject": ...} if field == "group_id" else {}
    assert verdict(encoded(message({**FULL, **removed}, type=kind, **envelope))) == (
        "missing_field",
        f"{kind} needs {field}",
    )
    assert verdict(encoded(message(FULL, type=kind))) is None


ZEROS = ("0", "000", "00000000-0000-0000-0000-000000000000", "{0000}", "+00 000 0000", "(000) 000.000", " ", "-")
NOBODY = (*sorted(BLOCKED_NATIVE_IDS), *ZEROS)


@pytest.mark.parametrize("native", NOBODY)
@pytest.mark.parametrize("is_other", [False, True], ids=["own", "other"])
def test_an_id_that_stands_for_nobody_links_nobody(native: str, is_other: bool):
    nobody = f"shop:{native.upper()}"
    pair = ("app:ann", nobody) if is_other else (nobody, "app:ann")
    found = verdict(encoded(link(*pair)))
    assert found is not None
    assert found[0] == "blocked_id"


def test_blanks_around_an_id_that_stands_for_nobody_do_not_hide_it():
    assert [verdict(encoded(link("app:ann", other))) for other in ("shop: null\n", "shop:null x")] == [
        ("blocked_id", "a placeholder id links no accounts"),
        None,
    ]


@pytest.mark.parametrize("native", [*NOBODY, "[ Object\tOBJECT ]", " Null\n", "'null'", '"0"'])
def test_an_event_of_an_id_that_stands_for_nobody_is_kept_and_is_nobodys(native: str):
    row = event(encoded(message({"member_id": f"app:{native}"})))
    assert (row["account_id"], row["role"], row["message_id"]) == (None, None, "m1")


@pytest.mark.parametrize("native", ["0x", "null island", "10", "a:null", "00000000-0000-0000-0000-000000000001"])
def test_an_id_that_only_resembles_one_of_nobody_is_somebodys(native: str):
    assert event(encoded(message({"member_id": f"app:{native}"})))["account_id"] == PSEUDONYMS.of(f"app:{native}")


def test_an_operator_without_an_id_remains_an_operator():
    row = event(encoded(message({"member_id": "app:0", "role": "operator"})))
    assert (row["account_id"], row["role"]) == (None, "operator")


def test_the_company_blocks_ids_of_its_own_in_any_spelling():
    rules = replace(RULES, blocked_ids=frozenset({"Test User"}))
    values = [encoded(message({"member_id": f"app:{name}"}, id=name)) for name in ("testuser", "test user2")]
    found = decode(records([*values, encoded(link("app:ann", "shop:TEST USER"))]), BY_TOPIC, rules)
    assert found.events["account_id"].to_list() == [None, PSEUDONYMS.of("app:test user2")]
    assert found.quarantine["reason"].to_list() == ["blocked_id"]


def test_a_record_without_kafkas_time_cannot_be_of_the_future_unseen():
    found = verdict(encoded(message(time="9000-01-01T00:00:00Z")), kafka_time=None)
    assert found is not None
    assert found[0] == "missing_kafka_time"


PASSING = {
    "unknown fields": message({"new": {"nested": [1]}}, extension="x"),
    "a tick before the skew ends": message(time="2025-03-03T04:10:00Z"),
    "the first instant allowed": message(time="1990-01-01T00:00:00Z"),
    "64 bits of an ignored number": message(x=10**400),
    "an order without group": order() | {"subject": None},
    "the most money": order(total_minor=2**62),
}


@pytest.mark.parametrize("passing", PASSING.values(), ids=PASSING)
def test_what_the_contract_allows_passes(passing: Event):
    assert verdict(encoded(passing)) is None


@pytest.mark.parametrize(
    "text", ["群聊:世界", "Ünï", "a\nb", "\r", "\u202e", "👩‍👩‍👧", "'; DROP TABLE", " "], ids=lambda text: ascii(text)
)
def test_ids_and_names_of_any_script_are_kept_as_they_are(text: str):
    row = event(encoded(message({"message_id": text, "name": text}, id=text, source=text, subject=f"app:x{text}")))
    assert (row["event_id"], row["source"], row["message_id"], row["group_name"]) == (text,) * 4
    assert (row["group_id"], row["carrier"]) == (f"app:x{text}", "app")


@pytest.mark.parametrize(
    "layout",
    [
        json.dumps(message(), indent=4).encode(),
        json.dumps(message(), indent=2).replace("\n", "\r\n").encode(),
        b"\n\t " + GOOD + b"\r\n",
        json.dumps(message(), ensure_ascii=True, sort_keys=True).encode(),
    ],
    ids=["indented", "carriage returns", "blanks around", "sorted"],
)
def test_the_layout_of_the_json_changes_nothing(layout: bytes):
    assert event(layout) == event(GOOD)


def test_of_a_key_given_twice_the_last_counts():
    assert event(with_field("id", b'"e2"'))["event_id"] == "e2"


@pytest.mark.parametrize(
    "time", ["2025-03-03T12:00:00+08:00", "2025-03-03T04:00:00Z", "2025-03-02T23:00:00-05:00", "2025-03-03t04:00:00z"]
)
def test_times_of_any_offset_are_kept_in_utc(time: str):
    assert event(encoded(message(time=time)))["time"] == NOON


def test_a_day_is_that_of_the_business_zone():
    row = event(encoded(message(time="2025-02-28T16:00:00Z")))
    assert (row["day"], row["month"]) == (dt.date(2025, 3, 1), dt.date(2025, 3, 1))


def test_accounts_leave_under_pseudonyms_and_groups_do_not():
    data = {"member_id": "app:ann", "linked_id": "shop:ann", "operators": ["app:bob"]}
    row = event(encoded(message(data)))
    assert row["account_id"] == PSEUDONYMS.of("app:ann")
    assert row["linked_account_id"] == PSEUDONYMS.of("shop:ann")
    assert row["group_operators"] == [PSEUDONYMS.of("app:bob")]
    assert row["group_id"] == "app:g"


def test_a_snapshot_names_members_by_pseudonyms_and_nobody_not_at_all():
    members = [{"id": "app:ann", "role": "operator"}, {"id": "app:null"}, {"id": "app:bob"}]
    row = event(encoded(message({"members": members}, type="group.snapshot")))
    assert row["members"] == [
        {"id": PSEUDONYMS.of("app:ann"), "role": "operator"},
        {"id": PSEUDONYMS.of("app:bob"), "role": "member"},
    ]
    assert event(encoded(message({"members": []}, type="group.snapshot")))["members"] == []


def test_an_event_says_how_much_of_its_group_the_carrier_sees_and_tells_of_its_members():
    class Mentions(CloudEvents):
        coverage, membership = "mentions", "joins_only"

    found = decode(records([GOOD]), {TOPIC: Mentions()}, RULES)
    assert found.events.select("coverage", "membership").rows() == [("mentions", "joins_only")]
    assert (event(GOOD)["coverage"], event(GOOD)["membership"]) == ("full", "events")


def test_tombstones_are_counted_and_nothing_else():
    found = decoded(None, GOOD, None)
    assert (found.tombstones, found.events.height, found.quarantine.height) == (2, 1, 0)


def test_no_records_are_no_events_in_the_columns_of_the_tables():
    found = decoded()
    assert (found.events.schema, found.quarantine.schema) == (EVENTS.schema, QUARANTINE.schema)


def test_a_quarantined_record_keeps_its_bytes_and_its_place():
    found = decoded(GOOD, b"{", GOOD, None, b"").quarantine.sort("offset")
    assert found.select("offset", "value").rows() == [(1, b"{"), (4, b"")]


def test_each_topic_is_read_by_its_own_carrier():
    zulip = {"id": 7, "stream_id": 1, "display_recipient": "s", "sender_id": 2, "timestamp": 1_600_000_000}
    both = pl.concat(
        [
            records([GOOD, encoded({"type": "message", "message": zulip})]),
            records([encoded({"type": "message", "message": zulip}), GOOD], partition=1).with_columns(
                topic=pl.lit("raw.zulip")
            ),
        ]
    )
    found = decode(both, {**BY_TOPIC, "raw.zulip": CARRIERS["zulip"]}, RULES)
    assert sorted(found.events.select("topic", "offset", "event_id").rows()) == [
        ("chat", 0, "e1"),
        ("raw.zulip", 0, "message/7"),
    ]
    assert found.quarantine.select("topic", "offset").rows() == [("chat", 1)]
    assert found.ignored.select("topic", "offset").rows() == [("raw.zulip", 1)]


def test_a_topic_without_carrier_is_an_error_that_names_it():
    with pytest.raises(CarrierUnknown, match="Topic chat "):
        decode(records([GOOD]), {}, RULES)


def each_once(found: DecodedRecords, values: list[bytes | None]) -> None:
    """Every record is in exactly one of the three, and what is kept can be read back."""
    places = [*found.events["offset"], *found.quarantine["offset"]]
    assert sorted(places) == [offset for offset, value in enumerate(values) if value is not None]
    assert found.tombstones == values.count(None)
    assert found.events.null_count().select("source", "event_id", "type", "time", "day", "month").row(0) == (0,) * 6
    assert found.quarantine["reason"].null_count() == 0
    assert len(found.events.rows()) == found.events.height


@given(st.lists(st.none() | st.binary(max_size=40), max_size=6))
def test_no_bytes_stop_the_pipeline(values: list[bytes | None]):
    each_once(decoded(*values), values)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid event of any kind in which a field says something else, or a piece of the text is replaced."""
    data = {**FULL, "operators": ["app:x"], "planned_end": "2026-01-01T00:00:00Z", "name": "n", "text_length": 3}
    whole = message(data, type=draw(st.sampled_from(sorted(REQUIRED))))
    place = draw(st.sampled_from([whole, whole["data"]]))
    changed = draw(st.dictionaries(st.sampled_from(sorted(place)), JSON | st.datetimes().map(str), max_size=3))
    place.update(changed)
    text = json.dumps(whole).encode()
    start, length = draw(st.integers(0, len(text))), draw(st.integers(0, 8))
    return draw(st.just(text) | st.binary(max_size=4).map(lambda b: text[:start] + b + text[start + length :]))


@examples(200)
@given(st.lists(mutated(), min_size=1, max_size=4))
def test_no_mutation_of_a_valid_event_stops_the_pipeline(values: list[bytes]):
    each_once(decoded(*values), list(values))


@st.composite
def breaking(draw: st.DrawFn) -> bytes:
    """An event that says everything, or misses a field, or has a NUL in one, or is of no kind."""
    whole = message(dict(FULL), type=draw(st.sampled_from(["message.sent", "order.paid", "message.sung"])))
    place = draw(st.sampled_from([whole, whole["data"]]))
    field = draw(st.sampled_from(sorted(place)))
    if (change := draw(st.sampled_from(["kept", "removed", "with a NUL"]))) == "removed":
        del place[field]
    elif change == "with a NUL" and isinstance(place[field], str):
        place[field] += "\0"
    return encoded(whole)


@given(st.lists(breaking(), max_size=5))
def test_the_verdict_on_a_record_does_not_depend_on_those_beside_it(values: list[bytes]):
    found = decoded(*values).quarantine.sort("offset").select("value", "reason", "detail").rows()
    verdicts = [(value, verdict(value)) for value in values]
    assert found == [(value, *broken) for value, broken in verdicts if broken is not None]


def test_accounts_that_work_for_the_company_are_operators_whatever_the_payload_says():
    rules = replace(RULES, operators=frozenset({"wecom:m1"}))
    values = [encoded(message({"member_id": f"wecom:m{n}"}, id=f"e{n}")) for n in (1, 2)]
    events = decode(records(values), BY_TOPIC, rules).events
    assert dict(events.select("event_id", "role").rows()) == {"e1": "operator", "e2": "member"}
