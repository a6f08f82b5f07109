"""What the columns of the lake and the warehouse mean, in which unit: by name, as a name means one thing everywhere.

A table whose column means something narrower says so itself: in the lake here, in the warehouse as the column's own
comment.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

COLUMNS: Final[dict[str, str]] = {
    # Kafka
    "topic": "Kafka topic",
    "topic_id": "Kafka's id of the topic; a topic that is created again has another one",
    "partition": "Kafka partition, from 0",
    "offset": "Kafka offset in the partition, from 0",
    "kafka_time": "time that Kafka has for the record, UTC",
    "key": "key of the record, bytes",
    "headers": "headers of the record: key, and value as bytes",
    "value": "value of the record, bytes; null: a tombstone, or removed",
    "value_sha256": "SHA-256 of the value that was removed; null: none was",
    "removed_at": "when key, headers and value were removed, UTC; null: they were not",
    "from_offset": "first offset, inclusive",
    "to_offset": "last offset, exclusive",
    # Events
    "source": "CloudEvents source of the event: the connector or shop that sent it",
    "event_id": "CloudEvents id of the event, unique in its source",
    "type": "kind of event, such as message.sent",
    "time": "when it happened, UTC",
    "day": "calendar day of the business zone",
    "month": "first day of the month of the row's day; partitions the table",
    "batch": "number of the commit to `events` that brought it, from 1",
    "carrier": "platform the group or account lives on, the prefix of its id",
    "group_id": "chat group, carrier:native_id",
    "account_id": "pseudonym of a member's or customer's account; null: the id stands for nobody",
    "linked_account_id": "pseudonym of the other account of the link",
    "person_id": "pseudonym of the person: all accounts that are linked",
    "role": "member, operator or bot; operators and bots work for the company",
    "message_id": "message, unique in its group",
    "order_id": "order, unique in its shop",
    "product_id": "product",
    "currency": "ISO 4217 code; never add amounts of different currencies",
    # Days and periods
    "unit": "day, week or month: calendar units of the business zone",
    "start": "first day of the unit",
    "cohort": "first day of the unit in which they were first ever active",
    "period": "units after the cohort's, 0: the same",
    "cohort_size": "persons first ever active in the cohort's unit",
    "active": "persons active in the period; null while it is incomplete",
    "is_complete": "true once the watermark has passed the end of the period",
    "new": "persons first ever active in the unit",
    "returning": "persons active in the unit and in the one before",
    "resurrecting": "persons active in the unit, not in the one before, but earlier",
    "dormant": "persons active in the unit before and not in this one",
    # Groups
    "name": "name of the group, as last told",
    "purpose": "purpose of the group: retention, sales, referral, service, or the company's own; null: not told",
    "operators": "number of members who work for the company",
    "created_at": "when the group was created, UTC",
    "closed_at": "when the group was closed, UTC; null: open",
    "planned_end": "when the group is meant to end, UTC; null: no end is planned",
    "born_at": "when 3 members had exchanged 4 messages within 20 minutes, UTC; null: not yet",
    "speakers": "number of members who wrote",
    "active_members": "number of members who wrote or reacted",
    "messages": "number of messages of members",
    "replies": "number of messages of members that answer another message",
    "reactions": "number of reactions of members",
    "joined": "number of members who joined",
    "left": "number of members who left",
    "operator_messages": "number of messages of operators",
    "bot_messages": "number of messages of bots",
    "product_messages": "number of messages about a product, whoever sent them",
    "clicks": "number of clicks on links of the group",
    "state": "unborn, alive, declining, dying, dead, revived or ended",
    "since": "first day in this state",
    "until": "first day no longer in it; null: current",
    "is_current": "true for the state the group is in now",
    "reason": "why, with the numbers behind it",
    "is_measured": "true on days on which the group's source sent anything",
    "silent_days": "complete, measured days without member activity",
    "unmeasured_since": "first of the days up to the spell's end on which its sources sent nothing; null: measured",
    "speaker_days_7d": "members who wrote, a day, summed over 7 days",
    "speaker_days_usual": "median of the weeks before; null: no baseline",
    "messages_7d": "messages of members in 7 days",
    "messages_usual": "median of the weeks before; null: no baseline",
    "replies_7d": "replies of members in 7 days",
    "replies_usual": "median of the weeks before; null: no baseline",
    "baseline_weeks": "weeks behind what is usual, 0: too few",
    "operator_messages_7d": "messages of operators in 7 days",
    "messages_28d": "messages of members in 28 days",
    "operator_share_28d": "messages of operators and bots / all messages, in 28 days, 0 to 1",
    "half_writers_28d": "fewest members who wrote half of the messages of 28 days",
    "half_writers_before": "the same in the 28 days before",
    "joined_28d": "members who joined in 28 days",
    "left_28d": "members who left in 28 days",
    "newly_active_28d": "members whose first activity in the group it was, in 28 days",
    "risk_28": "probability of being dead within 28 days, 0 to 1",
    "risk_56": "probability of being dead within 56 days, 0 to 1",
    "drivers": "what raises risk_28, in words, with percentage points",
    "may_alert": "true where the model had done better than counts",
    # Members
    "first_time": "first activity, UTC",
    "last_time": "last activity, UTC",
    "first_day": "day of the first activity, of the business zone",
    "first_active_day": "first day with activity in the group; null: never active",
    "last_active_day": "last day with activity in the group; null: never active",
    "is_consistent": "active in 3 of the last 4 windows of 7 days",
    "is_vital": "connected with 5 members in 3 of the last 4 windows of 7 days",
    "is_still_active": "newly active two windows ago, active since",
    "is_dropped": "newly active a window ago, silent since",
    "is_about_to_disengage": "paused and not consistent",
    "active_windows": "windows of 7 days with activity, of the last 4",
    "connected_windows": "windows of 7 days connected with others, of the last 4",
    "newly_active": "number of members first active in the newest window of 7 days",
    "returned": "number of members active in the newest window after silent ones",
    "paused": "number of members silent in the newest window, active in the one before",
    "disengaged": "number of members silent in the newest two windows or longer",
    "lurker": "number of members who were never active",
    "consistent": "number of members active in 3 of the last 4 windows",
    "vital": "number of members connected with 5 others in 3 of the last 4 windows",
    "still_active": "number of members newly active two windows ago and active since",
    "dropped": "number of members newly active a window ago and silent since",
    "about_to_disengage": "number of members who are paused and not consistent",
    # Funnels
    "funnel": "name of the funnel's definition",
    "entry": "number of the entry, from 1, a person",
    "entered_at": "when the entry began, UTC: the time of its first step",
    "steps_reached": "number of steps the entry reached, from 1",
    "is_mature": "true once the window of the entry is over: it can reach no more steps",
    "step_number": "number of the step, from 1",
    "step": "name of the step",
    # Sales
    "model": "attribution model",
    "shop": "source of the order's events",
    "touched_at": "the latest touch of the message before the payment, UTC",
    "paid_at": "when the order was paid, UTC",
    "orders": "number of paid orders with any share in the row",
    "buyers": "number of persons who paid for them",
    "paid_minor": "amount paid, in minor units of the currency",
    "refunded_minor": "amount refunded until now, in minor units of the currency",
    "net_minor": "amount paid less refunded, in minor units of the currency, at least 0",
    "recency_days": "days since the last order",
    "recency_score": "1 to 5 by rank, 5: bought last",
    "frequency_score": "1 to 5 by rank, 5: most orders",
    "monetary_score": "1 to 5 by rank, 5: paid most",
    "p_alive": "BG/NBD over all currencies: probability of still buying, 0 to 1",
    "expected_purchases": "BG/NBD: days with a purchase in the next 28 days",
    "unmodelled": "why p_alive and expected_purchases are null",
    # What people rule
    "ruling": "number of the ruling, from 1",
    "ruled_at": "when it was ruled, UTC",
    "actor": "who wanted it so",
    # The pipeline about itself
    "version": "number of the published version, from 1",
    "published_at": "when the version was published, UTC",
    "rows_changed": "rows deleted, updated and inserted by the version",
    "alert_id": "number of the alert",
    "acknowledged_by": "who acknowledged it, as given",
    "decided_at": "when it was decided to send the notice, UTC",
}
"""What a column of this name means, unless its table says otherwise."""

_EVENT: Final[dict[str, str]] = {
    "message_kind": "kind of message, such as text, image, product, red_packet, broadcast or system",
    "reply_to": "message that this one answers",
    "text_length": "characters of the text; the text itself is not kept",
    "links": "number of links in the text",
    "mentions": "number of members mentioned",
    "amount_minor": "amount of the order, payment or refund, in minor units of the currency",
    "group_name": "name that a group event tells",
    "group_purpose": "purpose that a group event tells",
    "group_operators": "pseudonyms of the operators that a group event tells, all of them",
    "group_planned_end": "planned end that a group event tells, UTC",
}

_LAKE: Final[dict[str, dict[str, str]]] = {
    "gaps": {"accepted_at": "when a person agreed to go on without these records, UTC"},
    "events": _EVENT,
    "quarantined_event": {
        **_EVENT,
        "batch": "number of the commit to `events` that took it out, from 1; null: it came after that",
    },
    "quarantine_ruling": {
        "is_quarantined": "true: the event is in quarantine; false: it is no more",
        "reason": "why, in that person's words",
    },
    "rebuild": {
        "rebuild": "number of the request, from 1",
        "fact": "lake table to compute again",
        "since": "first day to compute again; null: from scratch",
        "reason": "why, in that person's words",
        "requested_at": "when it was asked for, UTC",
    },
    "quarantine": {
        "reason": "why it is no valid event, one of a few words",
        "detail": "the field concerned, and what is wrong with it",
        "batch": "number of the commit to `events` it was decoded for, from 1",
    },
    "touched": {
        "reaches_group": "every member of the group could see the event",
        "describes_group": "what is known of the group may change",
        "links": "the event ties two accounts together",
        "unlinks": "it tied two accounts together, and a copy delivered earlier replaced it",
    },
    "identity": {"batch": "batch of events that last changed the person of the account"},
    "identity_change": {
        "batch": "batch of events that changed the person of the account",
        "person_before": "pseudonym of the person the account belonged to before",
        "person_id": "pseudonym of the person it belongs to since",
    },
    "identity_ruling": {
        "linked_account_id": "pseudonym of the other account; null: every link of the account",
        "is_withdrawn": "true: the link does not hold; false: it holds again",
        "reason": "why, in that person's words",
    },
    "person_day": {
        "messages": "number of messages of the person",
        "replies": "number of messages of the person that answer another message",
        "reactions": "number of reactions of the person",
        "first_time": "first activity of the day, UTC",
        "last_time": "last activity of the day, UTC",
    },
    "lifecycle": {"active": "persons active in the unit"},
    "member_state": {
        "day": "the newest complete day; windows of 7 days are counted back from it",
        "state": "newly_active, active, returned, paused, disengaged or lurker",
    },
    "funnel_entry": {
        "restarted_at": "when the person last satisfied the first step after the entry began, UTC; null: never",
        "matches": "the event that matched each step reached, in order: step, source, event_id, time and group_id",
    },
    "order_credit": {"month": "first day of the month of `paid_at` in UTC; partitions the table"},
    "order_refund": {
        "event_id": "CloudEvents id of the refund, unique in its shop",
        "refunded_at": "when the money was paid back, UTC",
        "refunded_minor": "amount of this refund, in minor units of the currency",
        "month": "first day of the month of `refunded_at` in UTC; partitions the table",
    },
    "person_value": {
        "day": "the newest complete day, of which all is said",
        "orders": "number of paid orders of the person",
    },
    "group_day": {"source": "connector that sent the group's chat; null: only a shop named the group"},
    "group_state": {"last_active_day": "last day with member activity before the spell's end"},
    "group_risk": {"day": "the newest complete day when this was computed", "model": "version of the risk model"},
    "risk_model": {
        "version": "name of the model",
        "trained_through": "last complete day it was trained on",
        "groups": "number of groups it was trained on",
        "days": "number of days of groups it was trained on",
        "judged_days": "number of later days of groups that earlier models were tested on",
        "judged_deaths": "number of those that were followed by death within 28 days",
        "auc": "area under the ROC curve on them, 0 to 1",
        "auc_silence": "the same of days of silence",
        "auc_messages": "the same of messages in 28 days",
        "average_precision": "average precision on them, 0 to 1",
        "average_precision_silence": "the same of days of silence",
        "average_precision_messages": "the same of messages in 28 days",
        "calibration_error": "mean distance of probability and share of deaths, 0 to 1",
        "may_alert": "true where it was better than both and tested on enough deaths",
        "parameters": "the fitted model, as JSON",
    },
}
"""Columns of lake tables that mean something narrower than their name does elsewhere, or that no other table has."""


def lake_meaning(table: str, column: str) -> str:
    """What a column of a lake table means, in words."""
    return _LAKE.get(table, {}).get(column) or COLUMNS[column]


def comment_all(metadata: sa.MetaData) -> None:
    """Give each column that has no comment of its own the meaning of its name."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            column.comment = column.comment or COLUMNS[column.name]
