"""What happens in groups, in which state they are, and how likely they are to die."""

from __future__ import annotations

from typing import Final

from schemas import warehouse
from schemas.dataset import Dataset
from schemas.metric import Distinct, Less, Metric, Middle, Most, Ratio, Rows, Sum

_DAY: Final = Dataset(warehouse.group_day, "groups", by=("group_id",), day="day")
_HOUR: Final = Dataset(warehouse.group_hour, "groups", by=("group_id", "month", "weekday", "hour"), start="month")
_NETWORK: Final = Dataset(warehouse.group_network, "groups", by=("group_id", "month", "is_complete"), start="month")
_STAFF: Final = Dataset(
    warehouse.excluded_account, "groups", by=("group_id", "account_id", "reason", "since"), start="since"
)
_STATE: Final = Dataset(warehouse.group_state, "groups", by=("group_id", "state", "is_current", "since", "coverage"))
_RISK: Final = Dataset(warehouse.group_risk, "risk", by=("group_id", "may_alert", "model"), day="day")

_INTERVENTION: Final = Dataset(warehouse.intervention, "groups", by=("group_id", "action", "origin"), day="day")

_OF_MEMBERS: Final = Sum(("messages",))
_OF_STAFF: Final = Sum(("operator_messages", "bot_messages"))
_ALL_MESSAGES: Final = Sum(("messages", "operator_messages", "bot_messages"))

METRICS: Final = (
    Metric("messages_sent", _DAY, _OF_MEMBERS, "messages of members", "messages"),
    Metric("replies_sent", _DAY, Sum(("replies",)), "messages of members that answer another message", "messages"),
    Metric("reactions_given", _DAY, Sum(("reactions",)), "reactions of members", "reactions"),
    Metric("speaker_days", _DAY, Sum(("speakers",)), "members who wrote, each once per group and day",
           "days of members"),
    Metric("active_member_days", _DAY, Sum(("active_members",)),
           "members who wrote or reacted, each once a group and day", "days of members"),
    Metric("active_groups", _DAY, Distinct(("group_id",), ("group_id", "group_name", "carrier", "purpose"),
                                           "active_members > 0"),
           "groups in which a member was active", "groups"),
    Metric("joins", _DAY, Sum(("joined",)), "members who joined, each once per group and day", "joins"),
    Metric("leaves", _DAY, Sum(("left",)), "members who left, each once per group and day", "leaves"),
    Metric("net_joins", _DAY, Less(Sum(("joined",)), Sum(("left",))), "members who joined minus those who left",
           "members"),
    Metric("staff_messages", _DAY, _OF_STAFF, "messages of operators and bots", "messages"),
    Metric("staff_share", _DAY, Ratio(_OF_STAFF, _ALL_MESSAGES), "share of messages that operators and bots wrote",
           "share, 0 to 1", "percent"),
    Metric("reply_share", _DAY, Ratio(Sum(("replies",)), _OF_MEMBERS),
           "share of messages of members that answer another message", "share, 0 to 1", "percent"),
    Metric("messages_per_speaker_day", _DAY, Ratio(_OF_MEMBERS, Sum(("speakers",))),
           "messages per member and day with messages", "messages", "number"),
    Metric("product_messages_sent", _DAY, Sum(("product_messages",)), "messages about a product, whoever sent them",
           "messages"),
    Metric("links_clicked", _DAY, Sum(("clicks",)), "clicks on links of groups", "clicks"),
    Metric("messages_by_hour", _HOUR, Sum(("messages",)), "messages of members, by hour and day of the week",
           "messages"),
    Metric("staff_messages_by_hour", _HOUR, Sum(("staff_messages",)),
           "messages of operators and bots, by hour and day of the week", "messages"),
    Metric("answers", _NETWORK, Sum(("replies",)), "replies of members to messages of others, at most 28 days old",
           "messages"),
    Metric("median_decentralisation", _NETWORK, Middle("decentralisation"),
           "how evenly members are tied by replies in a month, 1: all alike; of several groups the median",
           "share, 0 to 1", "number", within=("month",)),
    Metric("median_fragmentation", _NETWORK, Middle("fragmentation"),
           "share of members outside of the largest part that replies hold together; of several groups the median",
           "share, 0 to 1", "percent", within=("month",)),
    Metric("excluded_accounts", _STAFF, Distinct(("account_id",), ("account_id",)),
           "accounts that count in no figure of members, as they work for the company", "accounts"),
    Metric("excluded_messages", _STAFF, Sum(("messages",)), "messages of these accounts, of every kind", "messages"),
    Metric("groups", _STATE, Rows("is_current"), "groups, each in its current state", "groups"),
    Metric("groups_in_danger", _STATE, Rows("is_current AND state IN ('declining', 'dying')"),
           "groups that are declining or dying now", "groups"),
    Metric("longest_silence", _STATE, Most("silent_days", "is_current"),
           "complete days without member activity, of the group with the most", "days"),
    Metric("groups_with_risk", _RISK, Rows(), "living groups whose risk is known", "groups", within=("day",)),
    Metric("highest_risk_28", _RISK, Most("risk_28"), "highest probability of being dead within 28 days",
           "share, 0 to 1", "percent", within=("day",)),
    Metric("median_risk_28", _RISK, Middle("risk_28"), "median probability of being dead within 28 days",
           "share, 0 to 1", "percent", within=("day",)),
    Metric("interventions", _INTERVENTION, Rows(), "what the company did for groups, noted or seen", "interventions"),
)  # fmt: skip
