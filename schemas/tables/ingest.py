"""What Kafka held, the events decoded from it, and which persons the accounts belong to."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.columns import ALWAYS, MINOR, ORDINAL, Meaning
from schemas.table import UTC_TIME, LakeTable, copied, each
from schemas.tables.requests import IDENTITY_RULING, QUARANTINE_RULING, SUPPRESSION

COORDINATES: Final[dict[str, pl.DataType]] = {
    "topic": pl.String(),
    "topic_id": pl.String(),
    "partition": pl.Int32(),
    "offset": pl.Int64(),
    "kafka_time": UTC_TIME,
}
"""Where a record stands in Kafka. `topic_id` tells a topic from its namesake that was created again."""

ORDERING_KEY: Final[tuple[str, ...]] = ("time", "topic_id", "partition", "offset", "position")
"""The one order of events, everywhere (docs/definitions.md#time)."""

HEADERS: Final = pl.List(pl.Struct({"key": pl.String(), "value": pl.Binary()}))

REMOVED: Final[dict[str, pl.DataType]] = {"value_sha256": pl.Binary(), "removed_at": UTC_TIME}
"""What is left of the value of a record whose value, key and headers were removed; null: nothing was."""

RAW: Final = LakeTable(
    name="raw",
    group="ingest",
    description="""Records as Kafka held them, exactly once. Nothing is parsed here, so nothing can poison it.

Of old records that are decoded, key, headers and value are removed (`privacy.keep_raw_days`).""",
    columns={
        **COORDINATES,
        "key": pl.Binary(),
        "headers": HEADERS,
        "value": pl.Binary(),
        **REMOVED,
    },
    key=("topic_id", "partition", "offset"),
    distinct=("offset", "kafka_time", "key", "value", "value_sha256"),
    unsought=("key", "value", "value_sha256"),
)

FEED: Final = LakeTable(
    name="feed",
    group="ingest",
    description="Partitions that `raw` has records of, or may soon have: noted before their first record, with its "
    "least offset.",
    columns={
        "topic": pl.String(),
        "topic_id": pl.String(),
        "partition": pl.Int32(),
        "from_offset": pl.Int64(),
    },
    key=("topic_id", "partition"),
)

GAPS: Final = LakeTable(
    name="gaps",
    group="ingest",
    description="Offsets `[from_offset, to_offset)` that Kafka removed before they were read, and that a person agreed "
    "to miss.",
    columns={
        "topic": pl.String(),
        "topic_id": pl.String(),
        "partition": pl.Int32(),
        "from_offset": pl.Int64(),
        "to_offset": pl.Int64(),
        "accepted_at": UTC_TIME,
    },
    key=("topic_id", "partition", "from_offset"),
    meanings={"accepted_at": Meaning("when a person agreed to go on without these records, UTC")},
)

_UNSOUGHT_OF_EVENTS: Final = (
    "source", "event_id", "carrier", "role", "message_id", "message_kind", "reply_to", "text_length", "links",
    "mentions", "product_id", "amount_minor", "currency", "group_name", "group_purpose", "group_planned_end", "items",
    "members", "intervention", "intervention_note", "time_quality", "coverage", "topic", "kafka_time", "position",
)  # fmt: skip

ITEMS: Final = pl.List(pl.Struct({"product_id": pl.String(), "quantity": pl.Int64(), "amount_minor": pl.Int64()}))
"""What an order is made of."""

MEMBERS: Final = pl.List(pl.Struct({"id": pl.String(), "role": pl.String()}))
"""Who is in a group: accounts, and as what."""

_PAYLOAD: Final[dict[str, pl.DataType]] = {
    "source": pl.String(),
    "event_id": pl.String(),
    "type": pl.String(),
    "time": UTC_TIME,
    "day": pl.Date(),
    "carrier": pl.String(),
    "group_id": pl.String(),
    "account_id": pl.String(),
    "role": pl.String(),
    "message_id": pl.String(),
    "message_kind": pl.String(),
    "reply_to": pl.String(),
    "text_length": pl.Int32(),
    "links": pl.Int32(),
    "mentions": pl.Int32(),
    "product_id": pl.String(),
    "order_id": pl.String(),
    "amount_minor": pl.Int64(),
    "currency": pl.String(),
    "linked_account_id": pl.String(),
    "group_name": pl.String(),
    "group_purpose": pl.String(),
    "group_operators": pl.List(pl.String()),
    "group_planned_end": UTC_TIME,
    "items": ITEMS,
    "members": MEMBERS,
    "intervention": pl.String(),
    "intervention_note": pl.String(),
    "time_quality": pl.String(),
}
"""What is decoded from the value of a record."""

_MEANINGS_OF_EVENTS: Final[dict[str, Meaning]] = {
    "message_kind": Meaning("kind of message, such as text, image, product, red_packet, broadcast or system"),
    "reply_to": Meaning("message that this one answers"),
    "text_length": Meaning("characters of the text; the text itself is not kept", "characters", ALWAYS),
    "links": Meaning("number of links in the text", "links", ALWAYS),
    "mentions": Meaning("number of members mentioned", "mentions", ALWAYS),
    "amount_minor": Meaning(
        "amount of the order, payment or refund, in minor units of the currency", MINOR, ("type", "currency")
    ),
    "group_name": Meaning("name that a group event tells"),
    "group_purpose": Meaning("purpose that a group event tells"),
    "group_operators": Meaning("pseudonyms of the operators that a group event tells, all of them"),
    "group_planned_end": Meaning("planned end that a group event tells, UTC"),
    "items": Meaning("what the order is made of: product, quantity, and amount in minor units of the currency"),
    "members": Meaning("who is in the group, all of them: pseudonyms, and member, operator or bot"),
    "intervention": Meaning("what somebody noted that the company did for the group, one of a few words"),
    "intervention_note": Meaning("the same in that person's words; null: none, or they name an erased person"),
    "time_quality": Meaning(
        "how well its time is known: exact, second, minute, bound (it happened by then), arrival (Kafka's time); null: "
        "decoded by a version that did not say"
    ),
    "position": Meaning("place of the event in its record, from 0", ORDINAL),
}

EVENTS: Final = LakeTable(
    name="events",
    group="ingest",
    description="""Decoded, valid, distinct events. `account_id` (of a member or a customer) is a keyed hash, `batch` \
counts commits.

Where the id stands for nobody `account_id` is null, and so is `role` unless it is that of an operator or a bot.""",
    columns={
        **_PAYLOAD,
        "coverage": pl.String(),
        **COORDINATES,
        "position": pl.Int32(),
        "batch": pl.Int64(),
        "month": pl.Date(),
    },
    key=("source", "event_id"),
    partition_by=("month",),
    sort_by=("account_id", *ORDERING_KEY),
    distinct=("event_id", "account_id", "message_id", "time", "offset", "kafka_time"),
    unsought=_UNSOUGHT_OF_EVENTS,
    before={"position": 0},
    meanings=_MEANINGS_OF_EVENTS,
    made_of={
        **each((*_PAYLOAD, "position"), RAW.of("value", "headers")),
        **copied(RAW, *COORDINATES),
        "coverage": RAW.of("topic"),
        "batch": (),
        "month": RAW.of("value"),
    },
    guided_by=(QUARANTINE_RULING, SUPPRESSION),
)

_BESIDE_BODY: Final = {
    *COORDINATES,
    "position",
    "source",
    "event_id",
    "day",
    "month",
    "batch",
    "time_quality",
    "coverage",
}
EVENT_BODY: Final[tuple[str, ...]] = tuple(name for name in EVENTS.columns if name not in _BESIDE_BODY)
"""What an event says. Two copies of one event that differ in it are a conflict."""

QUARANTINE: Final = LakeTable(
    name="quarantine",
    group="ingest",
    description="""Records that are no valid event, with the reason, the field concerned and the bytes.

Of old ones key, headers and value are removed, as in `raw`.""",
    columns={
        **COORDINATES,
        "reason": pl.String(),
        "detail": pl.String(),
        "key": pl.Binary(),
        "headers": HEADERS,
        "value": pl.Binary(),
        **REMOVED,
        "batch": pl.Int64(),
    },
    key=("topic_id", "partition", "offset"),
    unsought=("key", "value", "value_sha256"),
    meanings={
        "reason": Meaning("why it is no valid event, one of a few words"),
        "detail": Meaning("the field concerned, and what is wrong with it"),
        "batch": Meaning("number of the commit to `events` it was decoded for, from 1", ORDINAL),
    },
    made_of={
        **copied(RAW, *COORDINATES, "key", "headers", "value", *REMOVED),
        **each(("reason", "detail"), RAW.of("value")),
        "batch": (),
    },
)

IGNORED: Final = LakeTable(
    name="ignored",
    group="ingest",
    description="""Records that are as their carrier expects them and hold nothing an event is made of: signs of life,
kinds of no interest, private notes.

Their values stay in `raw` as those of all records do: a carrier that reads more makes events of them when `events` are
rebuilt.""",
    columns={**COORDINATES, "reason": pl.String(), "batch": pl.Int64()},
    key=("topic_id", "partition", "offset"),
    distinct=("offset", "kafka_time"),
    meanings={
        "reason": Meaning("why no event is made of it, in the words of its carrier"),
        "batch": Meaning("number of the commit to `events` it was decoded for, from 1", ORDINAL),
    },
    made_of={**copied(RAW, *COORDINATES), "reason": RAW.of("value", "headers"), "batch": ()},
)

SEQUENCE_RANGE: Final = LakeTable(
    name="sequence_range",
    group="ingest",
    description="""Numbers `[from_number, to_number)` that a platform gave what it sent, and that arrived, be they of \
events or not.

Ranges may overlap: a run puts them together. What lies between those of a sequence has not arrived.""",
    columns={
        "source": pl.String(),
        "sequence": pl.String(),
        "group_id": pl.String(),
        "from_number": pl.Int64(),
        "to_number": pl.Int64(),
        "given_up": pl.Int64(),
        "first_at": UTC_TIME,
        "last_at": UTC_TIME,
    },
    key=("source", "sequence", "from_number", "to_number"),
    meanings={
        "source": Meaning("source of the events: the connector that sent them"),
        "sequence": Meaning("what is numbered: a group, or all that is in a topic"),
        "group_id": Meaning("group whose sequence it is, carrier:native_id; null: that of a topic"),
        "from_number": Meaning("first number, inclusive", ORDINAL),
        "to_number": Meaning("last number, exclusive", ORDINAL),
        "given_up": Meaning("numbers in it that never came, and are waited for no more", "numbers"),
        "first_at": Meaning("the earliest time of what has these numbers, UTC"),
        "last_at": Meaning("the latest time of what has these numbers, UTC"),
    },
    made_of={
        **each(("source", "group_id", "from_number", "to_number"), RAW.of("value", "headers")),
        "sequence": RAW.of("value", "headers", "topic"),
        **each(("first_at", "last_at"), RAW.of("value", "headers", "kafka_time")),
        "given_up": RAW.of("value", "headers"),
    },
)

PAYLOAD_CENSUS: Final = LakeTable(
    name="payload_census",
    group="ingest",
    description="""What payloads look like by topic and day, of the newest 60 days: paths and types, never a value.

Paths are counted in a sample of each batch; records, and those that are ignored or in quarantine, one by one.
A name that is data, such as an id, is `*`.""",
    columns={
        "topic": pl.String(),
        "day": pl.Date(),
        "subject": pl.String(),
        "name": pl.String(),
        "kind": pl.String(),
        "records": pl.Int64(),
        "batch": pl.Int64(),
    },
    key=("batch", "topic", "day", "subject", "name", "kind"),
    meanings={
        "day": Meaning("day of Kafka's time, UTC"),
        "subject": Meaning("what is counted: records, sampled (those read), path, ignored, quarantined"),
        "name": Meaning("the path, empty for the payload itself; the reason of what is ignored or quarantined"),
        "kind": Meaning("type of the value at the path, such as string or list"),
        "records": Meaning("number of records", "records", ("subject", "name", "kind")),
        "batch": Meaning("number of the commit to `events` it was counted for, from 1; 0: put together since", ORDINAL),
    },
    made_of={
        "topic": RAW.of("topic"),
        "day": RAW.of("kafka_time"),
        **each(("subject", "name", "kind", "records"), RAW.of("value", "headers")),
        "batch": (),
    },
)

QUARANTINED_EVENT: Final = LakeTable(
    name="quarantined_event",
    group="ingest",
    description="""Copies of valid events that people put in quarantine: not in `events` while the newest ruling on \
one says so.

A copy stays here when its event is put back. `batch` is the one that took it out of `events`; null: it came after \
that.""",
    columns=EVENTS.columns,
    key=("topic_id", "partition", "offset", "position"),
    before={"position": 0},
    meanings={
        **_MEANINGS_OF_EVENTS,
        "batch": Meaning(
            "number of the commit to `events` that took it out, from 1; null: it came after that", ORDINAL
        ),
    },
    made_of=copied(EVENTS, *EVENTS.columns) | {"batch": ()},
    guided_by=(QUARANTINE_RULING, SUPPRESSION),
)

TOUCHED: Final = LakeTable(
    name="touched",
    group="ingest",
    description="""What each batch of events touched. Written before it: a mark too many costs a recomputation, never \
a number.

`reaches_group`: every member of the group could see it. `describes_group`: what is known of the group may change. \
`links`: it ties accounts together. `unlinks`: it was such an event, and a copy delivered earlier took its place.""",
    columns={
        "batch": pl.Int64(),
        "day": pl.Date(),
        "group_id": pl.String(),
        "account_id": pl.String(),
        "order_id": pl.String(),
        "reaches_group": pl.Boolean(),
        "describes_group": pl.Boolean(),
        "links": pl.Boolean(),
        "unlinks": pl.Boolean(),
    },
    key=("batch", "day", "group_id", "account_id", "order_id", "reaches_group", "describes_group", "links", "unlinks"),
    distinct=("account_id",),
    unsought=("account_id", "group_id", "order_id"),
    meanings={
        "reaches_group": Meaning("every member of the group could see the event"),
        "describes_group": Meaning("what is known of the group may change"),
        "links": Meaning("the event ties two accounts together"),
        "unlinks": Meaning("it tied two accounts together, and a copy delivered earlier replaced it"),
    },
    made_of={
        **copied(EVENTS, "batch", "day", "group_id", "account_id", "order_id"),
        "reaches_group": EVENTS.of("type", "product_id", "group_id"),
        "describes_group": EVENTS.of("type", "group_id", "group_name", "role"),
        **each(("links", "unlinks"), EVENTS.of("type")),
    },
    is_change_log=True,
)

IDENTITY: Final = LakeTable(
    name="identity",
    group="ingest",
    description="""Accounts that were linked, each with its person and the batch that last changed it.

An account that is not in it is a person of its own.""",
    columns={"account_id": pl.String(), "person_id": pl.String(), "batch": pl.Int64()},
    key=("account_id",),
    meanings={"batch": Meaning("batch of events that last changed the person of the account", ORDINAL)},
    made_of={
        **each(("account_id", "person_id"), EVENTS.of("account_id", "linked_account_id")),
        "batch": EVENTS.of("batch"),
    },
    guided_by=(TOUCHED, IDENTITY_RULING),
    code_version=1,
)

IDENTITY_CHANGE: Final = LakeTable(
    name="identity_change",
    group="ingest",
    description="Whose person changed from whom to whom, by the batch that changed it. Written before `identity`, as a "
    "mark is.",
    columns={
        "batch": pl.Int64(),
        "account_id": pl.String(),
        "person_before": pl.String(),
        "person_id": pl.String(),
    },
    key=("batch", "account_id", "person_before", "person_id"),
    meanings={
        "batch": Meaning("batch of events that changed the person of the account", ORDINAL),
        "person_before": Meaning("pseudonym of the person the account belonged to before"),
        "person_id": Meaning("pseudonym of the person it belongs to since"),
    },
    made_of={
        **copied(IDENTITY, "batch", "account_id", "person_id"),
        "person_before": IDENTITY.of("person_id"),
    },
    is_change_log=True,
)
