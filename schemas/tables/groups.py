"""What happened in groups, and how they live and die."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.columns import ALWAYS, ANSWERS, Meaning
from schemas.table import COMPLETE_DAYS, UTC_TIME, LakeTable, Lineage, copied, each
from schemas.tables.engagement import FIRST_SEEN, PERSON_DAY
from schemas.tables.ingest import EVENTS, IDENTITY, IDENTITY_CHANGE, ORDERING_KEY, TOUCHED
from schemas.tables.members import MEMBER_CHANGE

_PERSON: Final = EVENTS.of("account_id") + IDENTITY.of("person_id")
_ACTIVITY: Final = EVENTS.of("type", "role", "message_kind")
_ANSWER: Final = EVENTS.of("reply_to", "message_id", "source", "event_id", *ORDERING_KEY)
_OF_GROUP_EVENT: Final = EVENTS.of("type", *ORDERING_KEY)

GROUP: Final = LakeTable(
    name="group",
    group="groups",
    description="Every group that an event named, as its newest group event describes it.",
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
    made_of={
        **each(("group_id", "carrier"), EVENTS.of("group_id")),
        "name": EVENTS.of("group_name", *ORDERING_KEY),
        "purpose": EVENTS.of("group_purpose") + _OF_GROUP_EVENT,
        "operators": EVENTS.of("group_operators", "account_id", "role") + _OF_GROUP_EVENT,
        **each(("created_at", "closed_at"), _OF_GROUP_EVENT),
        "planned_end": EVENTS.of("group_planned_end") + _OF_GROUP_EVENT,
        "born_at": _ACTIVITY + EVENTS.of("time") + _PERSON,
    },
    guided_by=(TOUCHED, IDENTITY_CHANGE),
    code_version=1,
)

GROUP_DAY: Final = LakeTable(
    name="group_day",
    group="groups",
    description="""What happened in a group on a day with any event. Counts of members exclude operators and bots.

`source` is the connector of the group's chat, of several the first by name; null: only a shop named the group. \
`coverage` is that of the source that sees most of the chat. `membership` is that of the source that reports most of \
joins and leaves: where it is `none`, zeros in `joined` and `left` are unknown, where it is `joins_only`, those in \
`left` are.""",
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
        "coverage": pl.String(),
        "membership": pl.String(),
        "month": pl.Date(),
    },
    key=("group_id", "day"),
    partition_by=("month",),
    sort_by=("group_id", "day"),
    meanings={"source": Meaning("connector that sent the group's chat; null: only a shop named the group")},
    made_of={
        **copied(EVENTS, "group_id", "day"),
        **each(("speakers", "active_members"), _ACTIVITY, _PERSON),
        **each(("messages", "reactions"), _ACTIVITY),
        "replies": _ACTIVITY + EVENTS.of("reply_to"),
        **each(
            ("joined", "left"), EVENTS.of("type", "role"), MEMBER_CHANGE.of("change", "role", "is_derived"), _PERSON
        ),
        **each(("operator_messages", "bot_messages"), EVENTS.of("type", "role")),
        "product_messages": EVENTS.of("type", "product_id"),
        "clicks": EVENTS.of("type"),
        "source": EVENTS.of("type", "source"),
        "coverage": EVENTS.of("type", "coverage"),
        "membership": EVENTS.of("type", "membership"),
        "month": EVENTS.of("day"),
    },
    guided_by=(TOUCHED, IDENTITY_CHANGE),
    code_version=3,
    is_by_day=True,
)

GROUP_HOUR: Final = LakeTable(
    name="group_hour",
    group="groups",
    description="What members and the company wrote in a group in each hour of the day in the business zone.",
    columns={
        "group_id": pl.String(),
        "day": pl.Date(),
        "hour": pl.Int8(),
        "messages": pl.Int32(),
        "reactions": pl.Int32(),
        "staff_messages": pl.Int32(),
        "month": pl.Date(),
    },
    key=("group_id", "day", "hour"),
    partition_by=("month",),
    sort_by=("group_id", "day", "hour"),
    made_of={
        **copied(EVENTS, "group_id", "day"),
        "hour": EVENTS.of("time"),
        **each(("messages", "reactions"), _ACTIVITY),
        "staff_messages": EVENTS.of("type", "role"),
        "month": EVENTS.of("day"),
    },
    guided_by=(IDENTITY, TOUCHED, IDENTITY_CHANGE),
    settings=("rules.zone",),
    code_version=1,
    is_by_day=True,
)

STAFF_DAY: Final = LakeTable(
    name="staff_day",
    group="groups",
    description="Accounts that wrote or reacted as operator or bot in a group on a day: they work for the company, and "
    "count in no figure of members.",
    columns={
        "group_id": pl.String(),
        "day": pl.Date(),
        "account_id": pl.String(),
        "role": pl.String(),
        "messages": pl.Int32(),
        "month": pl.Date(),
    },
    key=("group_id", "day", "account_id", "role"),
    partition_by=("month",),
    sort_by=("group_id", "day"),
    meanings={"messages": Meaning("number of messages of the account, of every kind", "messages", ALWAYS)},
    made_of={
        **copied(EVENTS, "group_id", "day", "account_id"),
        "role": EVENTS.of("type", "role"),
        "messages": EVENTS.of("type"),
        "month": EVENTS.of("day"),
    },
    guided_by=(IDENTITY, TOUCHED, IDENTITY_CHANGE),
    code_version=1,
    is_by_day=True,
)

GROUP_NETWORK: Final = LakeTable(
    name="group_network",
    group="groups",
    description="""Who answers whom among the members of a group in a month, measured as a network.

Nodes are the members who wrote or were answered in the month; a reply, either way, connects a pair of them.""",
    columns={
        "group_id": pl.String(),
        "month": pl.Date(),
        "persons": pl.Int32(),
        "pairs": pl.Int32(),
        "replies": pl.Int32(),
        "largest": pl.Int32(),
        "decentralisation": pl.Float64(),
        "fragmentation": pl.Float64(),
        "is_complete": pl.Boolean(),
    },
    key=("group_id", "month"),
    partition_by=("month",),
    sort_by=("group_id",),
    meanings={"month": Meaning("first day of the month; partitions the table"), "replies": ANSWERS},
    made_of={
        "group_id": EVENTS.of("group_id"),
        "month": EVENTS.of("day"),
        "persons": _ACTIVITY + _PERSON,
        **each(("pairs", "replies", "largest", "decentralisation", "fragmentation"), _ACTIVITY, _PERSON, _ANSWER),
        "is_complete": EVENTS.of("time"),
    },
    guided_by=(TOUCHED, IDENTITY_CHANGE),
    settings=COMPLETE_DAYS,
    code_version=1,
)

FEED_DAY: Final = LakeTable(
    name="feed_day",
    group="groups",
    description="Days on which a source sent anything, at least a heartbeat. What happened in its groups on other "
    "days is unknown.",
    columns={"source": pl.String(), "day": pl.Date()},
    key=("source", "day"),
    made_of=copied(EVENTS, "source", "day"),
    guided_by=(TOUCHED,),
    code_version=1,
    is_by_day=True,
)

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
"""Components of a group's health (`pipelines.groups.health`)."""

THRESHOLDS: Final = tuple(
    f"groups.{name}"
    for name in (
        "dead_after_days", "baseline_weeks", "least_baseline_weeks", "least_messages", "deviations", "confirm_days",
        "stay_days", "declining_enter", "declining_leave", "dying_enter", "dying_leave", "silent_days",
        "declining_chance", "dying_chance", "purposes",
    )
)  # fmt: skip
"""Settings that decide when a group declines, is dying, recovers and is dead."""

_MEASURED: Final = GROUP_DAY.of("source", "day") + FEED_DAY.of("source", "day")
_LIVING: Final = (
    GROUP_DAY.of("speakers", "active_members", "messages", "replies")
    + GROUP.of("purpose", "born_at", "closed_at", "planned_end")
    + _MEASURED
)

_COMPONENTS_MADE_OF: Final[Lineage] = {
    **each(("speaker_days_7d", "speaker_days_usual"), GROUP_DAY.of("speakers"), _MEASURED),
    **each(("messages_7d", "messages_usual"), GROUP_DAY.of("messages"), _MEASURED),
    **each(("replies_7d", "replies_usual"), GROUP_DAY.of("replies"), _MEASURED),
    "baseline_weeks": GROUP.of("born_at") + _MEASURED,
    "operator_messages_7d": GROUP_DAY.of("operator_messages"),
    "messages_28d": GROUP_DAY.of("messages"),
    "operator_share_28d": GROUP_DAY.of("operator_messages", "bot_messages", "messages"),
    **each(("half_writers_28d", "half_writers_before"), PERSON_DAY.of("person_id", "day", "messages")),
    "joined_28d": GROUP_DAY.of("joined"),
    "left_28d": GROUP_DAY.of("left"),
    "newly_active_28d": FIRST_SEEN.of("first_day"),
}
_GUIDES: Final = (EVENTS, IDENTITY, TOUCHED, IDENTITY_CHANGE, MEMBER_CHANGE)
_COMPUTED_WITH: Final = ("group_health", "group_state")

GROUP_HEALTH: Final = LakeTable(
    name="group_health",
    group="groups",
    description="""The health of a group on each complete day from its birth on, while it is neither dead nor ended.

Components over the 7 and the 28 days that end with the day; `usual` is the median of the `baseline_weeks` before, \
null if there is no baseline. `silent_days` counts measured days since the last member activity.""",
    columns={
        "group_id": pl.String(),
        "day": pl.Date(),
        "state": pl.String(),
        "is_measured": pl.Boolean(),
        "silent_days": pl.Int32(),
        **COMPONENTS,
    },
    key=("group_id", "day"),
    made_of={
        **copied(GROUP_DAY, "group_id", "day"),
        "state": _LIVING,
        "is_measured": _MEASURED,
        "silent_days": GROUP_DAY.of("active_members") + _MEASURED,
        **_COMPONENTS_MADE_OF,
    },
    guided_by=_GUIDES,
    settings=(*COMPLETE_DAYS, *THRESHOLDS),
    code_version=3,
    computed_with=_COMPUTED_WITH,
)

GROUP_STATE: Final = LakeTable(
    name="group_state",
    group="groups",
    description="""The life of a group as spells of days `[since, until)`; `until` of the current spell is null.

`unmeasured_since` is the first of the days, up to the end of the spell, on which no source of the group sent \
anything: what happened on them is unknown, so the state is that of the day before. It is null if the last day has \
data. `coverage` is that of the source that saw most of the group up to the end of the spell: if no source sees all of \
the group, no alert is raised on it. `membership` is likewise that of the source that reported most of joins and leaves.

`reason` says in words why the spell began; the components are those of its first day, null if the group was not born \
before it.""",
    columns={
        "group_id": pl.String(),
        "state": pl.String(),
        "since": pl.Date(),
        "until": pl.Date(),
        "is_current": pl.Boolean(),
        "last_active_day": pl.Date(),
        "silent_days": pl.Int32(),
        "unmeasured_since": pl.Date(),
        "coverage": pl.String(),
        "membership": pl.String(),
        "reason": pl.String(),
        **COMPONENTS,
    },
    key=("group_id", "since"),
    meanings={"last_active_day": Meaning("last day with member activity before the spell's end")},
    made_of={
        "group_id": GROUP_DAY.of("group_id"),
        **each(("state", "since", "until", "is_current", "reason"), _LIVING),
        "last_active_day": GROUP_DAY.of("day", "active_members"),
        "silent_days": GROUP_DAY.of("active_members") + _MEASURED,
        "unmeasured_since": _MEASURED,
        **copied(GROUP_DAY, "coverage", "membership"),
        **_COMPONENTS_MADE_OF,
    },
    guided_by=_GUIDES,
    settings=(*COMPLETE_DAYS, *THRESHOLDS),
    code_version=3,
    computed_with=_COMPUTED_WITH,
)
