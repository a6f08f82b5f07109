"""Records of Kafka, the events decoded from them, and the persons that accounts belong to."""

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
"""Position of a record in Kafka. `topic_id` differs if a topic of the same name was created again."""

ORDERING_KEY: Final[tuple[str, ...]] = ("time", "topic_id", "partition", "offset", "position")
"""The total order of events, used everywhere (docs/definitions.md#time)."""

HEADERS: Final = pl.List(pl.Struct({"key": pl.String(), "value": pl.Binary()}))

REMOVED: Final[dict[str, pl.DataType]] = {"value_sha256": pl.Binary(), "removed_at": UTC_TIME}
"""Columns that remain of a record whose key, headers and value were removed; null: not removed."""

RAW: Final = LakeTable(
    name="raw",
    group="ingest",
    description="""Records as they were in Kafka, exactly once. Nothing is parsed here, so no broken record can stop it.

Key, headers and value of old, decoded records are removed (`privacy.keep_raw_days`).""",
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
    description="Kafka partitions of `raw`, each with its first offset; a row is written before the first record "
    "of the partition.",
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
    description="Offsets `[from_offset, to_offset)` that Kafka removed before they were read, and whose loss a person "
    "accepted.",
    columns={
        "topic": pl.String(),
        "topic_id": pl.String(),
        "partition": pl.Int32(),
        "from_offset": pl.Int64(),
        "to_offset": pl.Int64(),
        "accepted_at": UTC_TIME,
    },
    key=("topic_id", "partition", "from_offset"),
    meanings={"accepted_at": Meaning("when a person accepted the loss of these records, UTC")},
)

_UNSOUGHT_OF_EVENTS: Final = (
    "source", "event_id", "carrier", "role", "message_id", "message_kind", "reply_to", "text_length", "links",
    "mentions", "product_id", "amount_minor", "currency", "group_name", "group_purpose", "group_planned_end", "items",
    "members", "campaign", "intervention", "intervention_note", "time_quality", "coverage", "membership", "topic",
    "kafka_time", "position",
)  # fmt: skip

ITEMS: Final = pl.List(pl.Struct({"product_id": pl.String(), "quantity": pl.Int64(), "amount_minor": pl.Int64()}))
"""Lines of an order."""

MEMBERS: Final = pl.List(pl.Struct({"id": pl.String(), "role": pl.String()}))
"""Members of a group: accounts with their roles."""

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
    "campaign": pl.String(),
    "intervention": pl.String(),
    "intervention_note": pl.String(),
    "time_quality": pl.String(),
}
"""Columns decoded from the value of a record."""

_MEANINGS_OF_EVENTS: Final[dict[str, Meaning]] = {
    "message_kind": Meaning("kind of message, such as text, image, product, red_packet, broadcast or system"),
    "reply_to": Meaning("message that this one answers"),
    "text_length": Meaning("characters of the text; the text itself is not kept", "characters", ALWAYS),
    "links": Meaning("number of links in the text", "links", ALWAYS),
    "mentions": Meaning("number of members mentioned", "mentions", ALWAYS),
    "amount_minor": Meaning(
        "amount of the order, payment, refund or cost, in minor units of the currency", MINOR, ("type", "currency")
    ),
    "group_name": Meaning("name of the group in a group event"),
    "group_purpose": Meaning("purpose of the group in a group event"),
    "group_operators": Meaning("pseudonyms of all operators in a group event"),
    "group_planned_end": Meaning("planned end of the group in a group event, UTC"),
    "items": Meaning("lines of the order: product, quantity, and amount in minor units of the currency"),
    "members": Meaning("all members of the group: pseudonyms, and member, operator or bot"),
    "campaign": Meaning("campaign on which the money of a cost was spent"),
    "intervention": Meaning("what the company did for the group, one of a fixed set of codes"),
    "intervention_note": Meaning(
        "note of the person who recorded the intervention; null: none, or it names an erased person"
    ),
    "time_quality": Meaning(
        "how well its time is known: exact, second, minute, bound (it happened by then), arrival (Kafka's time); null: "
        "decoded by a version without this column"
    ),
    "position": Meaning("place of the event in its record, from 0", ORDINAL),
}

EVENTS: Final = LakeTable(
    name="events",
    group="ingest",
    description="""Decoded, valid, distinct events. `account_id` (of a member or a customer) is a keyed hash, `batch` \
counts commits.

If the id is a placeholder, `account_id` is null, and so is `role` unless it is operator or bot.""",
    columns={
        **_PAYLOAD,
        "coverage": pl.String(),
        "membership": pl.String(),
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
        **each(("coverage", "membership"), RAW.of("topic")),
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
    "membership",
}
EVENT_BODY: Final[tuple[str, ...]] = tuple(name for name in EVENTS.columns if name not in _BESIDE_BODY)
"""The content of an event. Two copies of one event that differ in it are a conflict."""

QUARANTINE: Final = LakeTable(
    name="quarantine",
    group="ingest",
    description="""Records that are not valid events, with the reason, the field concerned and the bytes.

Key, headers and value of old ones are removed, as in `raw`.""",
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
        "reason": Meaning("why it is not a valid event, one of a fixed set of codes"),
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
    description="""Valid records of a carrier that contain no event: heartbeats, kinds of no interest, private notes.

Their values stay in `raw` as those of all records do: once the carrier reads more, a rebuild of `events` makes events
of them.""",
    columns={**COORDINATES, "reason": pl.String(), "batch": pl.Int64()},
    key=("topic_id", "partition", "offset"),
    distinct=("offset", "kafka_time"),
    meanings={
        "reason": Meaning("why no event is made of it, as its carrier says it"),
        "batch": Meaning("number of the commit to `events` it was decoded for, from 1", ORDINAL),
    },
    made_of={**copied(RAW, *COORDINATES), "reason": RAW.of("value", "headers"), "batch": ()},
)

SEQUENCE_RANGE: Final = LakeTable(
    name="sequence_range",
    group="ingest",
    description="""Sequence numbers `[from_number, to_number)` of a platform that arrived, of events or of other \
records.

Ranges may overlap; a run merges them. Numbers between the ranges of a sequence have not arrived.""",
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
        "sequence": Meaning("what the numbers count: a group, or everything in a topic"),
        "group_id": Meaning("group of the sequence, carrier:native_id; null: the sequence of a topic"),
        "from_number": Meaning("first number, inclusive", ORDINAL),
        "to_number": Meaning("last number, exclusive", ORDINAL),
        "given_up": Meaning("numbers in it that never arrived and are no longer waited for", "numbers"),
        "first_at": Meaning("earliest time of the records with these numbers, UTC"),
        "last_at": Meaning("latest time of the records with these numbers, UTC"),
    },
    made_of={
        **each(("source", "group_id", "from_number", "to_number"), RAW.of("value", "headers")),
        "sequence": RAW.of("value", "headers", "topic"),
        **each(("first_at", "last_at"), RAW.of("value", "headers", "kafka_time")),
        "given_up": RAW.of("value", "headers"),
    },
)

CONTROL_TOTAL: Final = LakeTable(
    name="control_total",
    group="ingest",
    description="""What platforms counted of the groups that one account owns: messages of a day, groups, and which.

It is compared with `events`. The newest statement counts; a run drops older ones.""",
    columns={
        "source": pl.String(),
        "owner_id": pl.String(),
        "counted": pl.String(),
        "group_id": pl.String(),
        "begins_at": UTC_TIME,
        "total": pl.Int64(),
        "said_at": UTC_TIME,
    },
    key=("source", "owner_id", "counted", "group_id", "begins_at", "said_at", "total"),
    meanings={
        "source": Meaning("source of the totals: the connector that sent them"),
        "owner_id": Meaning("owner of the groups, a keyed hash"),
        "counted": Meaning("messages: all messages of a day; groups: the groups of the owner"),
        "group_id": Meaning("the one group that is counted, carrier:native_id; null: all groups of the owner"),
        "begins_at": Meaning("start of the day that was counted, UTC; of one group: when it was created"),
        "total": Meaning("the count", "messages or groups", ("counted", "begins_at")),
        "said_at": Meaning("Kafka's timestamp of the record, UTC"),
    },
    made_of={
        **each(("source", "owner_id", "counted", "group_id", "begins_at", "total"), RAW.of("value", "headers")),
        "said_at": RAW.of("kafka_time"),
    },
    guided_by=(SUPPRESSION,),
)

PAYLOAD_CENSUS: Final = LakeTable(
    name="payload_census",
    group="ingest",
    description="""Structure of payloads by topic and day, of the newest 60 days: paths and types, never values.

Paths are counted in a sample of each batch; records, and those ignored or quarantined, are all counted.
A name that is data, such as an id, is replaced by `*`.""",
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
        "day": Meaning("day of Kafka's timestamp, UTC"),
        "subject": Meaning("what is counted: records, sampled (records in the sample), path, ignored, quarantined"),
        "name": Meaning("the path, empty for the payload itself; for ignored or quarantined records the reason"),
        "kind": Meaning("type of the value at the path, such as string or list"),
        "records": Meaning("number of records", "records", ("subject", "name", "kind")),
        "batch": Meaning("number of the commit to `events` it was counted for, from 1; 0: merged since", ORDINAL),
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
    description="""Copies of valid events that people put in quarantine: an event is not in `events` while the newest \
ruling on it says so.

A copy stays here when its event is restored. `batch` is the one that removed it from `events`; null: it arrived \
later.""",
    columns=EVENTS.columns,
    key=("topic_id", "partition", "offset", "position"),
    before={"position": 0},
    meanings={
        **_MEANINGS_OF_EVENTS,
        "batch": Meaning("number of the commit to `events` that removed it, from 1; null: it arrived later", ORDINAL),
    },
    made_of=copied(EVENTS, *EVENTS.columns) | {"batch": ()},
    guided_by=(QUARANTINE_RULING, SUPPRESSION),
)

TOUCHED: Final = LakeTable(
    name="touched",
    group="ingest",
    description="""Change log: the keys that each batch of events changes. Written before the batch: a surplus row \
costs a recomputation, never a wrong number.

`reaches_group`: every member of the group could see it. `describes_group`: attributes of the group may change. \
`links`: it links accounts. `unlinks`: it linked accounts, and a copy delivered earlier replaced it.""",
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
        "describes_group": Meaning("attributes of the group may change"),
        "links": Meaning("the event links two accounts"),
        "unlinks": Meaning("the event linked two accounts, and a copy delivered earlier replaced it"),
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
    description="""Linked accounts, each with its person and the batch that last changed it.

An account that is not in this table is a person of its own.""",
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
    description="Change log of `identity`: accounts that a batch moved from one person to another. Written before "
    "`identity` itself.",
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
        "person_id": Meaning("pseudonym of the person the account belongs to since"),
    },
    made_of={
        **copied(IDENTITY, "batch", "account_id", "person_id"),
        "person_before": IDENTITY.of("person_id"),
    },
    is_change_log=True,
)
