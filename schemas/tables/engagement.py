"""Who was active when, and how engaged."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas import warehouse
from schemas.columns import ALWAYS, Meaning
from schemas.table import COMPLETE_DAYS, UTC_TIME, LakeTable, as_in_warehouse, copied, each
from schemas.tables.ingest import EVENTS, IDENTITY, IDENTITY_CHANGE, TOUCHED
from schemas.tables.members import MEMBER_CHANGE

_PERSON: Final = EVENTS.of("account_id") + IDENTITY.of("person_id")
_ACTIVITY: Final = EVENTS.of("type", "role", "message_kind")

PERSON_DAY: Final = LakeTable(
    name="person_day",
    group="engagement",
    description="Days on which a person was active in a group, by messages or reactions of members; without operators "
    "and bots.",
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
    meanings={
        "messages": Meaning("number of messages of the person", "messages", ALWAYS),
        "replies": Meaning("number of messages of the person that answer another message", "messages", ALWAYS),
        "reactions": Meaning("number of reactions of the person", "reactions", ALWAYS),
        "first_time": Meaning("first activity of the day, UTC"),
        "last_time": Meaning("last activity of the day, UTC"),
    },
    made_of={
        **copied(EVENTS, "group_id", "day"),
        "person_id": _PERSON,
        **each(("messages", "reactions"), _ACTIVITY),
        "replies": _ACTIVITY + EVENTS.of("reply_to"),
        **each(("first_time", "last_time"), _ACTIVITY, EVENTS.of("time")),
        "month": EVENTS.of("day"),
    },
    guided_by=(TOUCHED, IDENTITY_CHANGE),
    code_version=1,
    is_by_day=True,
)

FIRST_SEEN: Final = LakeTable(
    name="first_seen",
    group="engagement",
    description="When a person was first active in a group, over all history.",
    columns={"person_id": pl.String(), "group_id": pl.String(), "first_time": UTC_TIME, "first_day": pl.Date()},
    key=("person_id", "group_id"),
    made_of={**copied(PERSON_DAY, "person_id", "group_id", "first_time"), "first_day": PERSON_DAY.of("day")},
    guided_by=(IDENTITY, TOUCHED, IDENTITY_CHANGE),
    code_version=1,
)

RETENTION: Final = LakeTable(
    name="retention",
    group="engagement",
    description="Persons first active in the period that starts at `cohort`, and how many were active `period` periods "
    "later.",
    columns={
        "unit": pl.String(),
        "cohort": pl.Date(),
        "period": pl.Int32(),
        "cohort_size": pl.Int64(),
        "active": pl.Int64(),
        "is_complete": pl.Boolean(),
    },
    key=("unit", "cohort", "period"),
    meanings={
        "active": Meaning("persons active in the period; null while it is incomplete", "persons", ("unit", "period")),
    },
    made_of={
        "unit": (),
        "cohort": FIRST_SEEN.of("first_day"),
        "period": FIRST_SEEN.of("first_day") + PERSON_DAY.of("day"),
        "cohort_size": FIRST_SEEN.of("person_id", "first_day"),
        "active": FIRST_SEEN.of("person_id", "first_day") + PERSON_DAY.of("person_id", "day"),
        "is_complete": PERSON_DAY.of("day") + EVENTS.of("time"),
    },
    guided_by=(IDENTITY, TOUCHED, IDENTITY_CHANGE),
    settings=COMPLETE_DAYS,
    code_version=1,
    is_by_day=True,
)

LIFECYCLE: Final = LakeTable(
    name="lifecycle",
    group="engagement",
    description="Active persons per period by where they come from; `dormant` were active in the period before, not "
    "in this one.",
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
    meanings={"active": Meaning("persons active in the period", "persons")},
    made_of={
        "unit": (),
        "start": PERSON_DAY.of("day"),
        **each(("active", "returning", "dormant"), PERSON_DAY.of("person_id", "day")),
        **each(("new", "resurrecting"), PERSON_DAY.of("person_id", "day"), FIRST_SEEN.of("person_id", "first_day")),
        "is_complete": PERSON_DAY.of("day") + EVENTS.of("time"),
    },
    guided_by=(IDENTITY, TOUCHED, IDENTITY_CHANGE),
    settings=COMPLETE_DAYS,
    code_version=1,
)

_CHANGES: Final = MEMBER_CHANGE.of("change", "role", "time", "account_id", "group_id", "is_derived")
_JUDGED: Final = ("state", "is_still_active", "is_dropped", "is_about_to_disengage")
_CONNECTED: Final = EVENTS.of("message_id", "reply_to", "account_id", "time") + IDENTITY.of("person_id")

MEMBER_STATE: Final = LakeTable(
    name="member_state",
    group="engagement",
    description="How engaged each person is in each group on `day`, the newest complete day, by windows of 7 days.",
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
    meanings={
        "day": Meaning("the newest complete day; windows of 7 days are counted back from it"),
        "state": Meaning("newly_active, active, returned, paused, disengaged or lurker"),
    },
    made_of={
        "group_id": PERSON_DAY.of("group_id") + EVENTS.of("group_id") + MEMBER_CHANGE.of("group_id"),
        "person_id": PERSON_DAY.of("person_id") + _PERSON + MEMBER_CHANGE.of("account_id"),
        "day": EVENTS.of("time"),
        **each(_JUDGED, PERSON_DAY.of("day"), FIRST_SEEN.of("first_day"), EVENTS.of("type", "role", "time"), _CHANGES),
        **each(("is_consistent", "active_windows"), PERSON_DAY.of("day")),
        **each(("is_vital", "connected_windows"), PERSON_DAY.of("day"), _CONNECTED),
        "first_active_day": FIRST_SEEN.of("first_day"),
        "last_active_day": PERSON_DAY.of("day"),
    },
    guided_by=(TOUCHED, IDENTITY_CHANGE),
    settings=COMPLETE_DAYS,
    code_version=2,
)

_STATES: Final = ("newly_active", "active", "returned", "paused", "disengaged", "lurker")
_FLAGS: Final = ("consistent", "vital", "still_active", "dropped", "about_to_disengage")

GROUP_ENGAGEMENT: Final = as_in_warehouse(
    warehouse.group_engagement,
    "engagement",
    {
        **copied(MEMBER_STATE, "group_id", "day"),
        **each(_STATES, MEMBER_STATE.of("state")),
        **{flag: MEMBER_STATE.of(f"is_{flag}") for flag in _FLAGS},
    },
)
