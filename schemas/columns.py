"""Meaning of the columns of lake and warehouse by name: text, unit, and over which rows numbers may be added up.

A name means the same in every table. A table whose column means something narrower declares it: a lake table in its
declaration, a warehouse table in the column's comment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from schemas.disagreement import DISAGREEMENTS

MEANING: Final = "meaning"


@dataclass(frozen=True)
class Meaning:
    """What a column means.

    Attributes:
        text: In words.
        unit: Unit of a number, such as messages or seconds.
        within: The columns whose values must be equal in all rows that are added up; empty: any rows may be added;
            None: the number must not be added up.
    """

    text: str
    unit: str | None = None
    within: tuple[str, ...] | None = None

    @property
    def summing(self) -> str:
        """How its numbers may be added up: always, within some columns, or never."""
        if self.within is None:
            return "" if self.unit is None else "never"
        return f"within {' and '.join(self.within)}" if self.within else "always"


ALWAYS: Final = ()
SHARE: Final = "share, 0 to 1"
ORDINAL: Final = "ordinal"
MINOR: Final = "minor units of currency"
FINGERPRINT: Final = "fingerprint"


def _added(text: str, unit: str) -> Meaning:
    """Return the meaning of a number that may be added up over all rows."""
    return Meaning(text, unit, ALWAYS)


ANSWERS: Final = Meaning(
    "number of replies of a member to a message of another one that is at most 28 days old", "messages", ALWAYS
)


def _share(text: str) -> Meaning:
    return Meaning(text, SHARE)


def _ordinal(text: str) -> Meaning:
    return Meaning(text, ORDINAL)


def _members(text: str) -> Meaning:
    """Return the meaning of a number of members on a day, which counts a person once in each group."""
    return Meaning(text, "members of groups", ("day",))


def _credited(text: str) -> Meaning:
    """Return the meaning of money by attribution model; each model credits all of it."""
    return Meaning(text, MINOR, ("model", "currency"))


COLUMNS: Final[dict[str, Meaning]] = {
    # Kafka
    "topic": Meaning("Kafka topic"),
    "topic_id": Meaning("Kafka's id of the topic; a topic that is created again has another one"),
    "partition": _ordinal("Kafka partition, from 0"),
    "offset": _ordinal("Kafka offset in the partition, from 0"),
    "kafka_time": Meaning("Kafka's timestamp of the record, UTC"),
    "key": Meaning("key of the record, bytes"),
    "headers": Meaning("headers of the record: key, and value as bytes"),
    "value": Meaning("value of the record, bytes; null: a tombstone, or removed"),
    "value_sha256": Meaning("SHA-256 of the removed value; null: not removed"),
    "removed_at": Meaning("when key, headers and value were removed, UTC; null: not removed"),
    "from_offset": _ordinal("first offset, inclusive"),
    "to_offset": _ordinal("last offset, exclusive"),
    # Events
    "source": Meaning("CloudEvents source of the event: the connector or shop that sent it"),
    "event_id": Meaning("CloudEvents id of the event, unique in its source; with ~ before it, a pseudonym of the id"),
    "type": Meaning("kind of event, such as message.sent"),
    "time": Meaning("when it happened, UTC"),
    "day": Meaning("calendar day of the business zone"),
    "month": Meaning("first day of the month of the row's day; partitions the table"),
    "batch": _ordinal("number of the commit to `events` that added it, from 1"),
    "coverage": Meaning(
        "how much of the group the source sees: full (all messages), mentions (only those that name the bot), metadata "
        "(that messages were sent), aggregate (sums); null: not known"
    ),
    "membership": Meaning(
        "how the source reports joins and leaves: events (all), snapshots (within bounds, by lists of members), "
        "joins_only (hardly any leaves), none (not reported: 0 joins and leaves mean unknown); null: unknown"
    ),
    "carrier": Meaning("platform the group or account lives on, the prefix of its id"),
    "group_id": Meaning("chat group, carrier:native_id"),
    "account_id": Meaning("pseudonym of a member's or customer's account; null: the id is a placeholder"),
    "linked_account_id": Meaning("pseudonym of the other account of the link"),
    "person_id": Meaning("pseudonym of the person: all accounts that are linked"),
    "role": Meaning("member, operator or bot; operators and bots work for the company"),
    "message_id": Meaning("message, unique in its group"),
    "order_id": Meaning("order, unique in its shop"),
    "product_id": Meaning("product"),
    "currency": Meaning("ISO 4217 code; never add amounts of different currencies"),
    # Days and periods
    "unit": Meaning("length of the period: day, week or month, in the business zone"),
    "start": Meaning("first day of the period"),
    "cohort": Meaning("first day of the period in which the persons were first ever active"),
    "period": Meaning("number of periods after the cohort's, 0: the same one", "periods"),
    "cohort_size": Meaning("persons first ever active in the cohort's period", "persons", ("unit", "period")),
    "active": Meaning("persons active in the period; null while it is incomplete", "persons"),
    "is_complete": Meaning("true once the watermark has passed the end of the period"),
    "new": Meaning("persons first ever active in the period", "persons", ("unit",)),
    "returning": Meaning("persons active in the period and in the one before", "persons"),
    "resurrecting": Meaning("persons active in the period, not in the one before, but earlier", "persons"),
    "dormant": Meaning("persons active in the previous period and not in this one", "persons"),
    # Groups
    "name": Meaning("latest known name of the group"),
    "purpose": Meaning(
        "purpose of the group: retention, sales, referral, service, or the company's own; null: unknown"
    ),
    "operators": Meaning("number of members who work for the company", "members"),
    "created_at": Meaning("when the group was created, UTC"),
    "closed_at": Meaning("when the group was closed, UTC; null: open"),
    "planned_end": Meaning("when the group is meant to end, UTC; null: no end is planned"),
    "born_at": Meaning("when 3 members had first exchanged 4 messages within 20 minutes, UTC; null: not yet"),
    "speakers": _added("number of members who wrote; in sums a member counts once a group and day", "days of members"),
    "active_members": _added(
        "number of members who wrote or reacted; in sums a member counts once a group and day", "days of members"
    ),
    "messages": _added("number of messages of members", "messages"),
    "replies": _added("number of messages of members that answer another message", "messages"),
    "reactions": _added("number of reactions of members", "reactions"),
    "joined": _added("number of members who joined; in sums a member counts once per group and day", "joins"),
    "left": _added("number of members who left; in sums a member counts once per group and day", "leaves"),
    "operator_messages": _added("number of messages of operators", "messages"),
    "bot_messages": _added("number of messages of bots", "messages"),
    "product_messages": _added("number of messages about a product, whoever sent them", "messages"),
    "hour": _ordinal("hour of the day in the business zone, from 0"),
    "staff_messages": _added("number of messages of operators and bots", "messages"),
    "clicks": _added("number of clicks on links of the group", "clicks"),
    "state": Meaning("unborn, alive, declining, dying, dead, revived or ended"),
    "since": Meaning("first day in this state"),
    "until": Meaning("first day after this state; null: current"),
    "is_current": Meaning("true for the state the group is in now"),
    "reason": Meaning("the reason, with its numbers"),
    "is_measured": Meaning("true on days on which the group's source sent anything"),
    "silent_days": Meaning("complete, measured days without member activity", "days"),
    "unmeasured_since": Meaning(
        "first of the days without data from the group's sources up to the spell's end; null: the last day has data"
    ),
    "speaker_days_7d": Meaning("members who wrote, a day, summed over 7 days", "days of members"),
    "speaker_days_usual": Meaning("median of the weeks before; null: no baseline", "days of members"),
    "messages_7d": Meaning("messages of members in 7 days", "messages"),
    "messages_usual": Meaning("median of the weeks before; null: no baseline", "messages"),
    "replies_7d": Meaning("replies of members in 7 days", "messages"),
    "replies_usual": Meaning("median of the weeks before; null: no baseline", "messages"),
    "baseline_weeks": Meaning("number of weeks that the usual values are computed from, 0: too few", "weeks"),
    "operator_messages_7d": Meaning("messages of operators in 7 days", "messages"),
    "messages_28d": Meaning("messages of members in 28 days", "messages"),
    "operator_share_28d": _share("messages of operators and bots / all messages, in 28 days, 0 to 1"),
    "half_writers_28d": Meaning("smallest number of members who wrote half of the messages of 28 days", "members"),
    "half_writers_before": Meaning("the same in the 28 days before", "members"),
    "joined_28d": Meaning("members who joined in 28 days", "members"),
    "left_28d": Meaning("members who left in 28 days", "members"),
    "newly_active_28d": Meaning("members first active in the group within the 28 days", "members"),
    "risk_28": _share("probability of being dead within 28 days, 0 to 1"),
    "risk_56": _share("probability of being dead within 56 days, 0 to 1"),
    "drivers": Meaning("what raises risk_28, in words, with percentage points"),
    "may_alert": Meaning("false if groups died more or less often than this score predicted"),
    "score": Meaning(
        "the score in use: box (the shipped model), own (the company's model), or a count: silence, messages"
    ),
    "model_share": _share("weight of the model in the score, the rest is days of silence, 0 to 1"),
    "disagreement": Meaning(
        "why state and risk say different things of the group; null: they agree. "
        + "; ".join(f"`{code}`: {text}" for code, text in DISAGREEMENTS.items())
    ),
    # What the company does
    "intervention_id": Meaning("id of the intervention, unique in the group"),
    "at": Meaning("when it was done, UTC"),
    "action": Meaning(
        "what was done: operator_wrote (after a silence), red_packet, broadcast, invitation_wave, new_operator; "
        "as noted also event, offer, call or other"
    ),
    "origin": Meaning("noted: somebody said so; seen: the stream shows it"),
    "by": Meaning("pseudonym of the account that did it; null: not known"),
    "note": Meaning("the words of the person who noted it; null: seen in the stream, noted without words, or cleared"),
    # Contacts
    "place": _ordinal("rank among the members of the group to talk to, from 1"),
    "wrote": Meaning("messages that the member wrote in the 28 days that end 8 days before the state", "messages"),
    "of_messages": Meaning("messages of all members in these days", "messages"),
    "last_day": Meaning("last day with activity of the member in the group"),
    "linked_pairs": Meaning(
        "pairs of members who exchanged answers with this one, but not with each other", "pairs of members"
    ),
    "why": Meaning("why to talk to this member, in words"),
    # Members
    "first_time": Meaning("first activity, UTC"),
    "last_time": Meaning("last activity, UTC"),
    "first_day": Meaning("day of the first activity, of the business zone"),
    "first_active_day": Meaning("first day with activity in the group; null: never active"),
    "last_active_day": Meaning("last day with activity in the group; null: never active"),
    "is_consistent": Meaning("active in 3 of the last 4 windows of 7 days"),
    "is_vital": Meaning("connected with 5 members in 3 of the last 4 windows of 7 days"),
    "is_still_active": Meaning("newly active two windows ago, active since"),
    "is_dropped": Meaning("newly active a window ago, silent since"),
    "is_about_to_disengage": Meaning("paused and not consistent"),
    "active_windows": Meaning("windows of 7 days with activity, of the last 4", "windows of 7 days"),
    "connected_windows": Meaning("windows of 7 days connected with others, of the last 4", "windows of 7 days"),
    "newly_active": _members("number of members first active in the newest window of 7 days"),
    "returned": _members("number of members active in the newest window after silent ones"),
    "paused": _members("number of members silent in the newest window, active in the one before"),
    "disengaged": _members("number of members silent in the newest two windows or longer"),
    "lurker": _members("number of members who were never active"),
    "consistent": _members("number of members active in 3 of the last 4 windows"),
    "vital": _members("number of members connected with 5 others in 3 of the last 4 windows"),
    "still_active": _members("number of members newly active two windows ago and active since"),
    "dropped": _members("number of members newly active a window ago and silent since"),
    "about_to_disengage": _members("number of members who are paused and not consistent"),
    # Funnels
    "funnel": Meaning("name of the funnel's definition"),
    "entry": _ordinal("number of the entry among the entries of the person, from 1"),
    "entered_at": Meaning("when the entry began, UTC: the time of its first step"),
    "steps_reached": Meaning("number of steps the entry reached, from 1", "steps"),
    "is_mature": Meaning("true once the window of the entry is over: it can reach no more steps"),
    "step_number": _ordinal("number of the step, from 1"),
    "step": Meaning("name of the step"),
    # Sales
    "model": Meaning("attribution model"),
    "shop": Meaning("source of the order's events"),
    "touched_at": Meaning("the latest touch of the message before the payment, UTC"),
    "paid_at": Meaning("when the order was paid, UTC"),
    "order_number": _ordinal("number of the order among the buyer's paid orders, from 1; null: unknown buyer"),
    "lines": _added("number of lines of the order, 0: none are listed", "lines"),
    "line": _ordinal("number of the line in its order, from 1"),
    "quantity": _added("how many of the product; null: unknown", "items"),
    "item_minor": Meaning(
        "price of the whole line, in minor units of the currency; null: unknown", MINOR, ("currency",)
    ),
    "gross_minor": Meaning(
        "sum of the lines' prices, in minor units of the currency, at least what was paid", MINOR, ("currency",)
    ),
    "discount_minor": Meaning(
        "gross less paid, in minor units of the currency; what was paid includes shipping", MINOR, ("currency",)
    ),
    "first_refunded_at": Meaning("when money was first paid back, UTC; null: never"),
    "days_to_refund": Meaning("whole days from the payment to the first refund; null: none", "days"),
    "orders": Meaning("number of paid orders with any share in the row", "orders"),
    "buyers": Meaning("number of persons who paid for them", "persons"),
    "paid_minor": _credited("amount paid, in minor units of the currency"),
    "refunded_minor": _credited("amount refunded until now, in minor units of the currency"),
    "net_minor": _credited("amount paid less refunded, in minor units of the currency, at least 0"),
    "campaign": Meaning("campaign; 'unknown' where a cost names none"),
    "persons": Meaning("members who wrote, or were answered", "persons"),
    "pairs": Meaning("pairs of members one of whom answered the other", "pairs"),
    "largest": Meaning("members of the largest component: connected by answers, also through other members", "persons"),
    "decentralisation": _share(
        "1 less Freeman's degree centralisation: 1 if all members are in equally many pairs, 0 if one member is in "
        "every pair; null: no answers or fewer than 3 members"
    ),
    "fragmentation": _share("share of members outside of the largest component; null: no answers"),
    "recency_days": Meaning("days since the last order", "days"),
    "recency_score": Meaning("1 to 5 by rank, 5: bought last", "score, 1 to 5"),
    "frequency_score": Meaning("1 to 5 by rank, 5: most orders", "score, 1 to 5"),
    "monetary_score": Meaning("1 to 5 by rank, 5: paid most", "score, 1 to 5"),
    "p_alive": _share("BG/NBD over all currencies: probability of still buying, 0 to 1"),
    "expected_purchases": Meaning("BG/NBD: days with a purchase in the next 28 days", "days with a purchase"),
    "unmodelled": Meaning("why p_alive and expected_purchases are null"),
    # Rulings
    "ruling": _ordinal("number of the ruling, from 1"),
    "ruled_at": Meaning("when the ruling was made, UTC"),
    "actor": Meaning("who asked for it"),
    # The pipeline about itself
    "version": _ordinal("number of the published version, from 1"),
    "published_at": Meaning("when the version was published, UTC"),
    "rows_changed": _added("rows deleted, updated and inserted by the version", "rows"),
    "alert_id": _ordinal("number of the alert"),
    "acknowledged_by": Meaning("who acknowledged it, as given"),
    "decided_at": Meaning("when the decision to send the notice was made, UTC"),
}
"""What a column of this name means, unless its table says otherwise."""


def says(text: str, unit: str | None = None, within: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Return the arguments of `sqlalchemy.Column` that give a warehouse column a meaning of its own."""
    return {"comment": text, "info": {MEANING: Meaning(text, unit, within)}}


def meaning_of(column: str | sa.Column[Any]) -> Meaning:
    """Return the meaning of a column, by its name or as a warehouse column.

    Raises:
        KeyError: no column of this name has a meaning.
    """
    if isinstance(column, str):
        return COLUMNS[column]
    if (own := column.info.get(MEANING)) is not None:
        return own
    if column.comment is None:
        return COLUMNS[column.name]
    return replace(COLUMNS.get(column.name, Meaning("")), text=column.comment)


def comment_all(metadata: sa.MetaData) -> None:
    """Give each column that has no comment of its own the meaning of its name."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            column.comment = column.comment or COLUMNS[column.name].text
