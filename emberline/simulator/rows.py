"""Event rows on their way to JSON: which payload fields each kind carries, and the columns all parts share."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from schemas import kinds

GROUP_TOPIC: Final = "group.messages"
COMMERCE_TOPIC: Final = "commerce.events"
SHOP: Final = "shop"
COSTS: Final = "costs"
NOTES: Final = "notes"
SAID_BY_PEOPLE: Final = (COSTS, NOTES)
"""Sources of what people tell at any time: they say nothing of how far the data is complete."""

_ACTOR: Final = ("member_id", "role", "group_id")
_REACTION: Final = (*_ACTOR, "message_id")
_OFFER: Final = ("group_id", "message_id", "product_id")
_ORDER: Final = ("customer_id", "order_id", "total_minor", "currency", *_OFFER)
_GROUP: Final = ("group_id", "name", "purpose", "operators", "planned_end")

PAYLOAD: Final[dict[str, tuple[str, ...]]] = {
    kinds.MEMBER_JOINED: _ACTOR,
    kinds.MEMBER_LEFT: _ACTOR,
    kinds.MESSAGE_SENT: (
        *_ACTOR, "message_id", "message_kind", "reply_to", "text_length", "links", "mentions", "product_id",
    ),
    kinds.MESSAGE_EDITED: (*_ACTOR, "message_id", "text_length"),
    kinds.MESSAGE_RECALLED: _REACTION,
    kinds.REACTION_ADDED: _REACTION,
    kinds.REACTION_REMOVED: _REACTION,
    kinds.LINK_CLICKED: ("member_id", *_OFFER),
    kinds.PRODUCT_VIEWED: ("customer_id", "product_id"),
    kinds.CART_ADDED: ("customer_id", "product_id"),
    kinds.ORDER_PLACED: _ORDER,
    kinds.ORDER_PAID: _ORDER,
    kinds.ORDER_REFUNDED: ("customer_id", "order_id", "total_minor", "currency"),
    kinds.IDENTITY_LINKED: ("member_id", "linked_id"),
    kinds.GROUP_CREATED: _GROUP,
    kinds.GROUP_UPDATED: _GROUP,
    kinds.GROUP_CLOSED: ("group_id",),
    kinds.GROUP_INTERVENTION: ("group_id", "intervention", "intervention_note"),
    kinds.SPEND_RECORDED: ("group_id", "campaign", "total_minor", "currency"),
    kinds.FEED_HEARTBEAT: (),
}  # fmt: skip
"""Fields of `data` by kind."""

WITH_SUBJECT: Final = frozenset(
    kind for kind, fields in PAYLOAD.items() if fields[:1] == ("group_id",) or "role" in fields
)
"""Kinds whose `subject` is the group."""

SCHEMA: Final = pl.Schema({
    "time": pl.Int64, "carrier": pl.String, "type": pl.String, "member_id": pl.String, "customer_id": pl.String,
    "role": pl.String, "group_id": pl.String, "message_id": pl.String, "message_kind": pl.String, "reply_to": pl.String,
    "text_length": pl.Int64, "links": pl.Int64, "mentions": pl.Int64, "product_id": pl.String, "order_id": pl.String,
    "total_minor": pl.Int64, "currency": pl.String, "linked_id": pl.String, "name": pl.String, "purpose": pl.String,
    "operators": pl.List(pl.String), "planned_end": pl.Int64, "campaign": pl.String, "intervention": pl.String,
    "intervention_note": pl.String, "held": pl.Int64,
})  # fmt: skip
"""A planned event a row. `time` and `planned_end` in microseconds; `held`: how much later it is delivered, or null."""


def accounts(carriers: pl.Series, persons: npt.NDArray[np.int64]) -> pl.Series:
    """Member keys of persons (index) on carriers (names)."""
    number = pl.Series(persons + 1).cast(pl.String).str.zfill(5)
    return carriers + ":simulated-member-" + number


def rows(kind: str, carrier: str | pl.Series, time: npt.NDArray[np.int64], **fields: object) -> pl.DataFrame:
    """Rows of one kind; fields that are not given stay null.

    Args:
        kind: One of `schemas.kinds`.
        carrier: The carrier of its feed; the shop counts as one.
        time: When it happened, microseconds.
        **fields: Columns of `SCHEMA`, a column or one value for all.
    """
    given = {"carrier": carrier, **fields}
    columns = {name: value for name, value in given.items() if isinstance(value, pl.Series | np.ndarray | list)}
    constants = [pl.lit(value, SCHEMA[name]).alias(name) for name, value in given.items() if name not in columns]
    frame = pl.DataFrame({"time": time, **columns})
    return frame.with_columns(*constants, type=pl.lit(kind))


def gathered(*parts: pl.DataFrame) -> pl.DataFrame:
    """All parts in the columns of `SCHEMA`, in order of time."""
    empty = pl.DataFrame(schema=SCHEMA)
    whole = pl.concat([empty, *parts], how="diagonal_relaxed").select(
        pl.col(name).cast(kind) for name, kind in SCHEMA.items()
    )
    return whole.sort("time", maintain_order=True)
