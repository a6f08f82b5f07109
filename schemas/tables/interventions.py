"""What the company did for groups."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.columns import Meaning
from schemas.table import UTC_TIME, LakeTable, copied, each
from schemas.tables.groups import FEED_DAY, GROUP, GROUP_DAY
from schemas.tables.ingest import EVENTS, IDENTITY, IDENTITY_CHANGE, TOUCHED
from schemas.tables.members import MEMBER_CHANGE

_OF_EVENT: Final = EVENTS.of("type", "role", "message_kind", "time")

STAFF_ACT: Final = LakeTable(
    name="staff_act",
    group="groups",
    description="""What the company did in a group on a day, as far as interventions are made of it.

Acts that the stream shows have one row per group, day and act, that of the first: `wrote_first` (an operator wrote \
before any member was active), `red_packet` and `broadcast` (of operators and bots), and, of each operator, `operated` \
(any event in the group but leaving it). Each note of a person has a row, whose `act` is the action noted.""",
    columns={
        "group_id": pl.String(),
        "day": pl.Date(),
        "act": pl.String(),
        "is_noted": pl.Boolean(),
        "account_id": pl.String(),
        "at": UTC_TIME,
        "source": pl.String(),
        "event_id": pl.String(),
        "note": pl.String(),
        "month": pl.Date(),
    },
    key=("group_id", "source", "event_id", "act"),
    partition_by=("month",),
    sort_by=("group_id", "day"),
    meanings={
        "act": Meaning(
            "what was done; of a note its word, of what is seen wrote_first, red_packet, broadcast, operated"
        ),
        "is_noted": Meaning("true where somebody said so, false where the stream shows it"),
    },
    made_of={
        **copied(EVENTS, "group_id", "day", "account_id", "source", "event_id"),
        "act": _OF_EVENT + EVENTS.of("intervention"),
        "is_noted": EVENTS.of("type"),
        "at": EVENTS.of("time"),
        "note": EVENTS.of("intervention_note"),
        "month": EVENTS.of("day"),
    },
    guided_by=(IDENTITY, TOUCHED, IDENTITY_CHANGE),
    code_version=1,
    is_by_day=True,
)

INTERVENTION: Final = LakeTable(
    name="intervention",
    group="groups",
    description="""What the company did for a group: what somebody noted, and what the stream shows.

An action that the stream shows has at most one row per group, day and action, that of the first; each note has a row. \
`at` of an invitation wave is the beginning of its day.""",
    columns={
        "group_id": pl.String(),
        "intervention_id": pl.String(),
        "at": UTC_TIME,
        "day": pl.Date(),
        "action": pl.String(),
        "origin": pl.String(),
        "by": pl.String(),
        "note": pl.String(),
    },
    key=("group_id", "intervention_id"),
    made_of={
        **each(
            ("group_id", "day", "action", "intervention_id", "at"),
            STAFF_ACT.of("group_id", "day", "act", "at", "account_id", "source", "event_id"),
            GROUP_DAY.of("group_id", "day", "active_members", "joined", "source"),
            FEED_DAY.of("source", "day"),
            GROUP.of("purpose"),
        ),
        "origin": STAFF_ACT.of("is_noted"),
        "by": STAFF_ACT.of("account_id"),
        "note": STAFF_ACT.of("note"),
    },
    guided_by=(EVENTS, IDENTITY, TOUCHED, IDENTITY_CHANGE, MEMBER_CHANGE),
    settings=("rules.zone", "groups.silent_days", "groups.purposes"),
    code_version=1,
)
