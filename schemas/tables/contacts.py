"""Whom to talk to in groups that fall ill."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.columns import Meaning
from schemas.table import LakeTable, copied, each
from schemas.tables.engagement import PERSON_DAY
from schemas.tables.groups import GROUP_STATE
from schemas.tables.ingest import EVENTS, IDENTITY, IDENTITY_CHANGE, TOUCHED
from schemas.tables.sales import ORDER_CREDIT

_EXCHANGED: Final = EVENTS.of(
    "type", "role", "message_kind", "message_id", "reply_to", "account_id", "day"
) + IDENTITY.of("person_id")
_ALL: Final = (
    PERSON_DAY.of("messages", "day") + _EXCHANGED + ORDER_CREDIT.of("order_id") + GROUP_STATE.of("state", "since")
)

CONTACT: Final = LakeTable(
    name="contact",
    group="groups",
    description="""The members who matter most in a group that declines, is dying or dead, at most five of each kind.

Three kinds: those who wrote most (the smallest set of members with half of the messages) and have been silent since; \
those who exchanged answers with most pairs of members that exchanged none with each other; and those whose orders are \
credited to the group most often. Messages and answers are those of the 28 days that end 8 days before the state.""",
    columns={
        "group_id": pl.String(),
        "person_id": pl.String(),
        "place": pl.Int32(),
        "wrote": pl.Int64(),
        "of_messages": pl.Int64(),
        "last_day": pl.Date(),
        "linked_pairs": pl.Int64(),
        "orders": pl.Int64(),
        "why": pl.String(),
    },
    key=("group_id", "person_id"),
    meanings={"orders": Meaning("number of orders credited to the group that this person paid for", "orders")},
    made_of={
        **copied(PERSON_DAY, "group_id", "person_id"),
        **each(("place", "why"), _ALL),
        **each(("wrote", "of_messages"), PERSON_DAY.of("messages", "day"), GROUP_STATE.of("since")),
        "last_day": PERSON_DAY.of("day"),
        "linked_pairs": _EXCHANGED + GROUP_STATE.of("since"),
        "orders": ORDER_CREDIT.of("group_id", "person_id", "shop", "order_id"),
    },
    guided_by=(TOUCHED, IDENTITY_CHANGE),
    code_version=1,
)
