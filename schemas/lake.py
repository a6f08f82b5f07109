"""Polars schemas of the lake tables, their partition columns and their row keys.

Every table is Delta under the lake URI. Times are UTC microseconds, days are calendar days of the business zone,
`month` is the first day of `day`'s month and exists to partition: a replay of years must not drown in daily files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl
import sqlalchemy as sa

from schemas import warehouse
from schemas.meanings import lake_meaning
from schemas.types import polars_type

UTC_TIME: Final = pl.Datetime("us", "UTC")

COORDINATES: Final[dict[str, pl.DataType]] = {
    "topic": pl.String(),
    "topic_id": pl.String(),
    "partition": pl.Int32(),
    "offset": pl.Int64(),
    "kafka_time": UTC_TIME,
}
"""Where a record stands in Kafka. `topic_id` tells a topic from its namesake that was created again."""

ORDERING_KEY: Final[tuple[str, ...]] = ("time", "topic_id", "partition", "offset")
"""The one order of events, everywhere (docs/definitions.md#time)."""

MONEY_SUM: Final = pl.Decimal(38, 0)
"""A sum of amounts. One amount is at most 2 ** 62 (`schemas.kinds.MOST_MINOR`), so 10 ** 19 of them fit."""

HEADERS: Final = pl.List(pl.Struct({"key": pl.String(), "value": pl.Binary()}))


REMOVED: Final[dict[str, pl.DataType]] = {"value_sha256": pl.Binary(), "removed_at": UTC_TIME}
"""What is left of the value of a record whose value, key and headers were removed; null: nothing was."""


@dataclass(frozen=True, eq=False)
class LakeTable:
    """One lake table: its schema, how it is partitioned, which columns identify a row and how files are sorted."""

    name: str
    columns: dict[str, pl.DataType]
    key: tuple[str, ...]
    partition_by: tuple[str, ...] = ()
    sort_by: tuple[str, ...] = ()
    distinct: tuple[str, ...] = ()
    """Columns whose values seldom repeat, or lie sorted: a dictionary of them costs time and saves nothing."""
    unsought: tuple[str, ...] = ()
    """Columns by whose values no reader leaves out files: to note the least and greatest costs time and helps none."""

    same_as: sa.Table | None = None
    """The warehouse table of the same columns, for those that have one."""

    @property
    def schema(self) -> pl.Schema:
        """The columns as a Polars schema."""
        return pl.Schema(self.columns)

    def meaning(self, column: str) -> str:
        """What a column means, in which unit."""
        if self.same_as is not None:
            return self.same_as.columns[column].comment or ""
        return lake_meaning(self.name, column)


RAW: Final = LakeTable(
    name="raw",
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
"""Records as Kafka held them, exactly once. Nothing is parsed here, so nothing can poison it.

Of old records that are decoded, key, headers and value are removed (`privacy.keep_raw_days`).
"""

FEED: Final = LakeTable(
    name="feed",
    columns={
        "topic": pl.String(),
        "topic_id": pl.String(),
        "partition": pl.Int32(),
        "from_offset": pl.Int64(),
    },
    key=("topic_id", "partition"),
)
"""Partitions that `raw` has records of, or may soon have: noted before their first record, with its least offset."""

GAPS: Final = LakeTable(
    name="gaps",
    columns={
        "topic": pl.String(),
        "topic_id": pl.String(),
        "partition": pl.Int32(),
        "from_offset": pl.Int64(),
        "to_offset": pl.Int64(),
        "accepted_at": UTC_TIME,
    },
    key=("topic_id", "partition", "from_offset"),
)
"""Offsets `[from_offset, to_offset)` that Kafka removed before they were read, and that a person agreed to miss."""

_UNSOUGHT_OF_EVENTS: Final = (
    "source", "event_id", "carrier", "role", "message_id", "message_kind", "reply_to", "text_length", "links",
    "mentions", "product_id", "amount_minor", "currency", "group_name", "group_purpose", "group_planned_end", "topic",
    "kafka_time",
)  # fmt: skip

EVENTS: Final = LakeTable(
    name="events",
    columns={
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
        **COORDINATES,
        "batch": pl.Int64(),
        "month": pl.Date(),
    },
    key=("source", "event_id"),
    partition_by=("month",),
    sort_by=("account_id", *ORDERING_KEY),
    distinct=("event_id", "account_id", "message_id", "time", "offset", "kafka_time"),
    unsought=_UNSOUGHT_OF_EVENTS,
)
"""Decoded, valid, distinct events. `account_id` (of a member or a customer) is a keyed hash, `batch` counts commits.

Where the id stands for nobody `account_id` is null, and so is `role` unless it is that of an operator or a bot.
"""

EVENT_BODY: Final[tuple[str, ...]] = tuple(
    name for name in EVENTS.columns if name not in {*COORDINATES, "source", "event_id", "day", "month", "batch"}
)
"""What an event says. Two copies of one event that differ in it are a conflict."""

QUARANTINE: Final = LakeTable(
    name="quarantine",
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
)
"""Records that are no valid event, with the reason, the field concerned and the bytes.

Of old ones key, headers and value are removed, as in `raw`.
"""

QUARANTINED_EVENT: Final = LakeTable(
    name="quarantined_event",
    columns=EVENTS.columns,
    key=("topic_id", "partition", "offset"),
)
"""Copies of valid events that people put in quarantine: not in `events` while the newest ruling on one says so.

A copy stays here when its event is put back. `batch` is the one that took it out of `events`; null: it came after that.
"""

QUARANTINE_RULING: Final = LakeTable(
    name="quarantine_ruling",
    columns={
        "ruling": pl.Int64(),
        "source": pl.String(),
        "event_id": pl.String(),
        "is_quarantined": pl.Boolean(),
        "actor": pl.String(),
        "reason": pl.String(),
        "ruled_at": UTC_TIME,
    },
    key=("ruling",),
)
"""What people ruled about events: that one is in quarantine, or is no more; the newest ruling on an event stands.

Nothing is ever taken out of it.
"""

TOUCHED: Final = LakeTable(
    name="touched",
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
)
"""What each batch of events touched. Written before it: a mark too many costs a recomputation, never a number.

`reaches_group`: every member of the group could see it. `describes_group`: what is known of the group may change.
`links`: it ties accounts together. `unlinks`: it was such an event, and a copy delivered earlier took its place.
"""

IDENTITY: Final = LakeTable(
    name="identity",
    columns={"account_id": pl.String(), "person_id": pl.String(), "batch": pl.Int64()},
    key=("account_id",),
)
"""Accounts that were linked, each with its person and the batch that last changed it.

An account that is not in it is a person of its own.
"""

IDENTITY_CHANGE: Final = LakeTable(
    name="identity_change",
    columns={
        "batch": pl.Int64(),
        "account_id": pl.String(),
        "person_before": pl.String(),
        "person_id": pl.String(),
    },
    key=("batch", "account_id", "person_before", "person_id"),
)
"""Whose person changed from whom to whom, by the batch that changed it. Written before `identity`, as a mark is."""

IDENTITY_RULING: Final = LakeTable(
    name="identity_ruling",
    columns={
        "ruling": pl.Int64(),
        "account_id": pl.String(),
        "linked_account_id": pl.String(),
        "is_withdrawn": pl.Boolean(),
        "actor": pl.String(),
        "reason": pl.String(),
        "ruled_at": UTC_TIME,
    },
    key=("ruling",),
)
"""What people ruled about links: that one does not hold, or does again; the newest ruling on a link stands.

Nothing is ever taken out of it. The accounts are pseudonyms, the smaller first; no `linked_account_id`: it is about
every link of the account, also those to come.
"""

REBUILD: Final = LakeTable(
    name="rebuild",
    columns={
        "rebuild": pl.Int64(),
        "fact": pl.String(),
        "since": pl.Date(),
        "actor": pl.String(),
        "reason": pl.String(),
        "requested_at": UTC_TIME,
    },
    key=("rebuild",),
)
"""Which facts people asked to compute again although no input changed, because code did; no `since`: from scratch.

Nothing is ever taken out of it.
"""

PERSON_DAY: Final = LakeTable(
    name="person_day",
    columns={
        "person_id": pl.String(),
        "group_id": pl.String(),
        "day": pl.Date(),
        "messages": pl.Int32(),
        "replies": pl.Int32(),
        "reactions": pl.Int32(),
        "first_time": UTC_TIME,
        "last_time": UTC_TIME,
        "month": pl.Date(),
    },
    key=("person_id", "group_id", "day"),
    partition_by=("month",),
    sort_by=("person_id", "day"),
)
"""Days on which a person was active in a group: own messages and reactions of members, no operators, no bots."""

FIRST_SEEN: Final = LakeTable(
    name="first_seen",
    columns={"person_id": pl.String(), "group_id": pl.String(), "first_time": UTC_TIME, "first_day": pl.Date()},
    key=("person_id", "group_id"),
)
"""When a person was first active in a group, over all history."""

RETENTION: Final = LakeTable(
    name="retention",
    columns={
        "unit": pl.String(),
        "cohort": pl.Date(),
        "period": pl.Int32(),
        "cohort_size": pl.Int64(),
        "active": pl.Int64(),
        "is_complete": pl.Boolean(),
    },
    key=("unit", "cohort", "period"),
)
"""Persons first active in the unit that starts at `cohort`, and how many were active `period` units later."""

LIFECYCLE: Final = LakeTable(
    name="lifecycle",
    columns={
        "unit": pl.String(),
        "start": pl.Date(),
        "active": pl.Int64(),
        "new": pl.Int64(),
        "returning": pl.Int64(),
        "resurrecting": pl.Int64(),
        "dormant": pl.Int64(),
        "is_complete": pl.Boolean(),
    },
    key=("unit", "start"),
)
"""Active persons a unit by where they come from; `dormant` were active the unit before and are not now."""

MEMBER_STATE: Final = LakeTable(
    name="member_state",
    columns={
        "group_id": pl.String(),
        "person_id": pl.String(),
        "day": pl.Date(),
        "state": pl.String(),
        "is_consistent": pl.Boolean(),
        "is_vital": pl.Boolean(),
        "is_still_active": pl.Boolean(),
        "is_dropped": pl.Boolean(),
        "is_about_to_disengage": pl.Boolean(),
        "active_windows": pl.Int32(),
        "connected_windows": pl.Int32(),
        "first_active_day": pl.Date(),
        "last_active_day": pl.Date(),
    },
    key=("group_id", "person_id"),
)
"""How engaged each person is in each group on `day`, the newest complete one, seen over windows of 7 days."""

FUNNEL_ENTRY: Final = LakeTable(
    name="funnel_entry",
    columns={
        "funnel": pl.String(),
        "person_id": pl.String(),
        "entry": pl.Int32(),
        "entered_at": UTC_TIME,
        "steps_reached": pl.Int16(),
        "is_mature": pl.Boolean(),
        "restarted_at": UTC_TIME,
        "matches": pl.List(
            pl.Struct(
                {
                    "step": pl.String(),
                    "source": pl.String(),
                    "event_id": pl.String(),
                    "time": UTC_TIME,
                    "group_id": pl.String(),
                }
            )
        ),
    },
    key=("funnel", "person_id", "entry"),
)
"""One row an entry with the event that matched each step it reached; a person's entries are numbered from 1.

`restarted_at`: when the person last satisfied the first step after the start of this entry, whose chain is better; null
where entries are counted.
"""

ORDER_CREDIT: Final = LakeTable(
    name="order_credit",
    columns={
        "model": pl.String(),
        "shop": pl.String(),
        "order_id": pl.String(),
        "person_id": pl.String(),
        "group_id": pl.String(),
        "message_id": pl.String(),
        "touched_at": UTC_TIME,
        "paid_at": UTC_TIME,
        "currency": pl.String(),
        "paid_minor": pl.Int64(),
        "refunded_minor": pl.Int64(),
        "net_minor": pl.Int64(),
        "month": pl.Date(),
    },
    key=("model", "shop", "order_id", "group_id", "message_id"),
    partition_by=("month",),
)
"""Credit of paid orders to messages of groups, minor units, by model; no group: unattributed. Over a model's rows of an
order each amount sums to the order's. `shop` is the source of its events, `touched_at` the message's latest touch,
`month` that of `paid_at`, in UTC."""

ORDER_REFUND: Final = LakeTable(
    name="order_refund",
    columns={
        "shop": pl.String(),
        "event_id": pl.String(),
        "order_id": pl.String(),
        "refunded_at": UTC_TIME,
        "currency": pl.String(),
        "refunded_minor": pl.Int64(),
        "month": pl.Date(),
    },
    key=("shop", "event_id"),
    partition_by=("month",),
    sort_by=("shop", "order_id", "refunded_at"),
)
"""Refunds of paid orders, in the currency of the payment: over an order they sum to what its credit counts as refunded.
`shop` is the source of its events, `month` that of `refunded_at`, in UTC."""

PERSON_VALUE: Final = LakeTable(
    name="person_value",
    columns={
        "person_id": pl.String(),
        "currency": pl.String(),
        "day": pl.Date(),
        "recency_days": pl.Int32(),
        "orders": pl.Int64(),
        "net_minor": MONEY_SUM,
        "recency_score": pl.Int32(),
        "frequency_score": pl.Int32(),
        "monetary_score": pl.Int32(),
        "p_alive": pl.Float64(),
        "expected_purchases": pl.Float64(),
        "unmodelled": pl.String(),
    },
    key=("person_id", "currency"),
)
"""What buyers are worth on `day`, the newest complete one: RFM a currency, and BG/NBD for the next 28 days."""

GROUP: Final = LakeTable(
    name="group",
    columns={
        "group_id": pl.String(),
        "carrier": pl.String(),
        "name": pl.String(),
        "purpose": pl.String(),
        "operators": pl.Int32(),
        "created_at": UTC_TIME,
        "closed_at": UTC_TIME,
        "planned_end": UTC_TIME,
        "born_at": UTC_TIME,
    },
    key=("group_id",),
)
"""The groups that any event named, as their newest group event describes them."""

GROUP_DAY: Final = LakeTable(
    name="group_day",
    columns={
        "group_id": pl.String(),
        "day": pl.Date(),
        "speakers": pl.Int32(),
        "active_members": pl.Int32(),
        "messages": pl.Int32(),
        "replies": pl.Int32(),
        "reactions": pl.Int32(),
        "joined": pl.Int32(),
        "left": pl.Int32(),
        "operator_messages": pl.Int32(),
        "bot_messages": pl.Int32(),
        "product_messages": pl.Int32(),
        "clicks": pl.Int32(),
        "source": pl.String(),
        "month": pl.Date(),
    },
    key=("group_id", "day"),
    partition_by=("month",),
    sort_by=("group_id", "day"),
)
"""What happened in a group on a day that had any event. Counts of members leave operators and bots out.

`source` is the connector that told of its chat, of several the first by name; none: only a shop named the group.
"""

FEED_DAY: Final = LakeTable(
    name="feed_day",
    columns={"source": pl.String(), "day": pl.Date()},
    key=("source", "day"),
)
"""Days on which a source told anything, a heartbeat at the least. On other days what it would tell is not known."""

GROUP_STATES: Final = ("unborn", "alive", "declining", "dying", "dead", "revived", "ended")
"""The states of a group (docs/definitions.md#life-of-a-group)."""

COMPONENTS: Final[dict[str, pl.DataType]] = {
    "speaker_days_7d": pl.Int32(),
    "speaker_days_usual": pl.Float64(),
    "messages_7d": pl.Int32(),
    "messages_usual": pl.Float64(),
    "replies_7d": pl.Int32(),
    "replies_usual": pl.Float64(),
    "baseline_weeks": pl.Int32(),
    "operator_messages_7d": pl.Int32(),
    "messages_28d": pl.Int32(),
    "operator_share_28d": pl.Float64(),
    "half_writers_28d": pl.Int32(),
    "half_writers_before": pl.Int32(),
    "joined_28d": pl.Int32(),
    "left_28d": pl.Int32(),
    "newly_active_28d": pl.Int32(),
}
"""What the health of a group is made of (`pipelines.groups.health`)."""

GROUP_HEALTH: Final = LakeTable(
    name="group_health",
    columns={
        "group_id": pl.String(),
        "day": pl.Date(),
        "state": pl.String(),
        "is_measured": pl.Boolean(),
        "silent_days": pl.Int32(),
        **COMPONENTS,
    },
    key=("group_id", "day"),
)
"""The health of a group on each complete day from its birth on, while it is neither dead nor ended.

Components of the 7 and the 28 days that end with the day; `usual` is the median of the `baseline_weeks` before, null
where there is no baseline. `silent_days` counts measured days since the last member activity.
"""

GROUP_STATE: Final = LakeTable(
    name="group_state",
    columns={
        "group_id": pl.String(),
        "state": pl.String(),
        "since": pl.Date(),
        "until": pl.Date(),
        "is_current": pl.Boolean(),
        "last_active_day": pl.Date(),
        "silent_days": pl.Int32(),
        "unmeasured_since": pl.Date(),
        "reason": pl.String(),
        **COMPONENTS,
    },
    key=("group_id", "since"),
)
"""The life of a group as spells of days `[since, until)`; `until` of the current spell is null.

`unmeasured_since` is the first day of those, up to the end of the spell, on which no source of the group told anything:
what happened on them is not known, so the state is that of the day before. Null where the last day is measured.

`reason` says in words why the spell began; the components are those of its first day, null where the group was not
born before it.
"""

RISK_MODEL: Final = LakeTable(
    name="risk_model",
    columns={
        "version": pl.String(),
        "trained_through": pl.Date(),
        "groups": pl.Int32(),
        "days": pl.Int32(),
        "judged_days": pl.Int32(),
        "judged_deaths": pl.Int32(),
        "auc": pl.Float64(),
        "auc_silence": pl.Float64(),
        "auc_messages": pl.Float64(),
        "average_precision": pl.Float64(),
        "average_precision_silence": pl.Float64(),
        "average_precision_messages": pl.Float64(),
        "calibration_error": pl.Float64(),
        "may_alert": pl.Boolean(),
        "parameters": pl.String(),
    },
    key=("version",),
)
"""Models of the risk that groups die, each trained on the complete days through `trained_through`.

The grades are those of models trained in the same way on earlier days and asked about later ones, for `judged_days`
weekly days of groups; beside them those of days of silence and of messages in 28 days. They are null where there was
nothing to judge. Only a model that is better than both, well calibrated and judged on enough deaths `may_alert`.
"""

GROUP_RISK: Final = LakeTable(
    name="group_risk",
    columns={
        "group_id": pl.String(),
        "day": pl.Date(),
        "risk_28": pl.Float64(),
        "risk_56": pl.Float64(),
        "drivers": pl.String(),
        "model": pl.String(),
        "may_alert": pl.Boolean(),
    },
    key=("group_id", "day"),
)
"""How likely a living group was to be dead within 28 and 56 days, as told when `day` was the newest complete one.

Dead: 28 of these days in a row are without member activity. `drivers` says in words what raises the risk, with the
percentage points, the strongest first. A day has no rows while history is too short for a model; a group has none
before its day 28 or its 30th message, or where a silent feed hides whether it is silent. `model` is the version.
"""


def _same_as(table: sa.Table) -> LakeTable:
    """The lake table with the columns and the key of a warehouse table."""
    columns = {str(column.name): dtype for column in table.columns if (dtype := polars_type(column.type)) is not None}
    # A name of SQLAlchemy is of a type that Polars cannot take for text.
    return LakeTable(
        str(table.name), columns, key=tuple(str(column.name) for column in table.primary_key), same_as=table
    )


GROUP_ENGAGEMENT: Final = _same_as(warehouse.group_engagement)
"""The members of each group by state: `member_state`, counted."""

FUNNEL_STEP: Final = _same_as(warehouse.funnel_step)
"""How many entries reached each step of each funnel, and how fast: `funnel_entry`, summarised."""

FUNNEL_BREAKDOWN: Final = _same_as(warehouse.funnel_breakdown)
"""`funnel_step` by the value of a property of the events that matched."""

FUNNEL_TIME_TO_CONVERT: Final = _same_as(warehouse.funnel_time_to_convert)
"""How long it took to reach a step, as a histogram."""

FUNNEL_CURVE: Final = _same_as(warehouse.funnel_curve)
"""Conversion by the time since entry, fresh entries included for as long as they were observed."""

FUNNEL_TREND: Final = _same_as(warehouse.funnel_trend)
"""Conversion by the calendar unit of the entry."""

GROUP_SALES: Final = _same_as(warehouse.group_sales)
"""`order_credit` summed by model, group and currency."""

MESSAGE_SALES: Final = _same_as(warehouse.message_sales)
"""`order_credit` summed by model, message and currency."""

SEGMENT_SALES: Final = _same_as(warehouse.segment_sales)
"""`order_credit` summed by model, currency, and the purpose or the carrier of the group."""

TABLES: Final[dict[str, LakeTable]] = {
    table.name: table
    for table in (
        RAW, FEED, GAPS, EVENTS, QUARANTINE, QUARANTINED_EVENT, QUARANTINE_RULING, TOUCHED, IDENTITY, IDENTITY_CHANGE,
        IDENTITY_RULING, REBUILD, PERSON_DAY, FIRST_SEEN, RETENTION, LIFECYCLE, MEMBER_STATE, FUNNEL_ENTRY,
        ORDER_CREDIT, ORDER_REFUND, PERSON_VALUE, FEED_DAY, GROUP, GROUP_DAY, GROUP_HEALTH, GROUP_STATE, RISK_MODEL,
        GROUP_RISK, GROUP_ENGAGEMENT, FUNNEL_STEP, FUNNEL_BREAKDOWN, FUNNEL_TIME_TO_CONVERT, FUNNEL_CURVE, FUNNEL_TREND,
        GROUP_SALES, MESSAGE_SALES, SEGMENT_SALES,
    )
}  # fmt: skip

FACTS: Final = (
    IDENTITY, PERSON_DAY, FIRST_SEEN, RETENTION, LIFECYCLE, MEMBER_STATE, FUNNEL_ENTRY, ORDER_CREDIT, ORDER_REFUND,
    PERSON_VALUE, FEED_DAY, GROUP, GROUP_DAY, GROUP_HEALTH, GROUP_STATE, RISK_MODEL, GROUP_RISK, GROUP_ENGAGEMENT,
    FUNNEL_STEP, FUNNEL_BREAKDOWN, FUNNEL_TIME_TO_CONVERT, FUNNEL_CURVE, FUNNEL_TREND, GROUP_SALES, MESSAGE_SALES,
    SEGMENT_SALES,
)  # fmt: skip
"""Tables that are computed from `events` and from each other, and record their inputs."""
