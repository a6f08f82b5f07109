"""Whom to talk to in one group, read from the lake."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from emberline.services import Services
from pipelines.engagement.connections import connecting_from, exchanges
from pipelines.groups.contacts import before_fall, contacts
from pipelines.refresh.changes import Sources
from schemas.lake import ORDER_CREDIT, PERSON_DAY

_ILL: Final = ("declining", "dying", "dead")


def contacts_of(services: Services, group: dict[str, Any]) -> pl.DataFrame | None:
    """Find whom to talk to in a group that declines, is dying or dead; None of any other.

    Args:
        services: whose lake is read.
        group: a row of `emberline.published.groups_frame`.

    Returns:
        `pipelines.groups.contacts.CONTACT`; members are pseudonyms, which connectors know.
    """
    if group["state"] not in _ILL:
        return None
    lake, is_of_group = services.lake(), pl.col("group_id") == group["group_id"]
    sources, end = Sources.of(lake), before_fall(group["since"])
    events = sources.events.scan().filter(pl.col("month") >= connecting_from(end).dt.month_start(), is_of_group)
    orders = lake.open(ORDER_CREDIT).scan().filter(is_of_group)
    days = lake.open(PERSON_DAY).scan().filter(is_of_group)
    exchanged = exchanges(events, sources.people.lazy(), end)
    return contacts(days, exchanged, orders, group["since"])
