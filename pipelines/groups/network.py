"""The reply network of a group and month: its decentralisation and fragmentation.

See docs/definitions.md#reply-network.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.engagement.activity import is_member_message
from pipelines.engagement.calendar import is_complete
from schemas.lake import GROUP_NETWORK, ORDERING_KEY

ANSWERED_WITHIN: Final = dt.timedelta(days=28)
"""Age of a message up to which a reply to it ties two members."""

_CELL: Final = ("group_id", "month")
_LEAST: Final = 3
"""Fewest nodes with a defined centralisation."""


def group_network(events: pl.LazyFrame, through: dt.date | None) -> pl.LazyFrame:
    """Measure the reply network of each group and month.

    Its nodes are the members who wrote or were answered in the month. Two are tied by a reply, in either direction, to
    a message that is at most `ANSWERED_WITHIN` old; if several messages have the answered id, the first counts.
    `decentralisation` is 1 minus the degree centralisation of Freeman (1978): 1 if all have equally many ties, 0 if all
    are tied to one member only. `fragmentation` is the share of nodes outside of the largest connected component.

    Args:
        events: Columns of `schemas.lake.EVENTS` plus `person_id`, distinct, in any order: of each group and month, all
            from `ANSWERED_WITHIN` before it on.
        through: The last complete day; None: there is none.

    Returns:
        `schemas.lake.GROUP_NETWORK`: one row for each group and month with any message of a member. Both measures are
        null without replies, decentralisation also below 3 nodes.
    """
    written = events.filter(is_member_message() & pl.col("group_id").is_not_null() & pl.col("person_id").is_not_null())
    ties = _ties(written).collect(engine="streaming")
    speakers = written.select(*_CELL, "person_id").collect(engine="streaming")
    ends = pl.concat([ties.select(*_CELL, person_id=end) for end in ("one", "other")])
    nodes = pl.concat([speakers, ends]).unique().with_row_index("node")
    persons, pairs = pl.col("persons").cast(pl.Float64), pl.col("pairs")
    excess = persons * pl.col("most_ties").cast(pl.Float64) - 2 * pairs
    return (
        _sized(nodes, ties)
        .lazy()
        .with_columns(
            decentralisation=pl.when(pairs > 0, pl.col("persons") >= _LEAST).then(
                1 - excess / ((persons - 1) * (persons - 2))
            ),
            fragmentation=pl.when(pairs > 0).then(1 - pl.col("largest") / persons),
            is_complete=is_complete(pl.col("month"), "month", through),
        )
        .select(GROUP_NETWORK.schema.names())
        .cast(GROUP_NETWORK.schema)
    )


def _ties(written: pl.LazyFrame) -> pl.LazyFrame:
    """Count the replies between each pair of persons of a group and month; the smaller id comes first."""
    reply = ("source", "event_id")
    answered = written.select(
        "group_id", "message_id", other="person_id", written="time", **{f"{name}_of": name for name in ORDERING_KEY}
    )
    ends = pl.col("one", "other")
    return (
        written.filter(pl.col("reply_to").is_not_null())
        .select(*_CELL, *reply, "time", message_id="reply_to", one="person_id")
        .join(answered, on=["group_id", "message_id"])
        .filter(pl.col("time").sub(pl.col("written")).is_between(dt.timedelta(), ANSWERED_WITHIN))
        .sort([f"{name}_of" for name in ORDERING_KEY])
        .unique(reply, keep="first", maintain_order=True)
        .filter(pl.col("one") != pl.col("other"))
        .group_by(*_CELL, one=pl.min_horizontal(ends), other=pl.max_horizontal(ends))
        .agg(replies=pl.len())
    )


def _sized(nodes: pl.DataFrame, ties: pl.DataFrame) -> pl.DataFrame:
    """Measure each group and month: nodes, pairs, replies, the most ties of a node, the largest component's size."""
    places = [
        ties.join(nodes, left_on=[*_CELL, end], right_on=[*_CELL, "person_id"], maintain_order="left")["node"]
        for end in ("one", "other")
    ]
    ones = np.ones(ties.height, dtype=np.int8)
    graph = coo_array((ones, tuple(place.to_numpy() for place in places)), shape=(nodes.height,) * 2)
    component = connected_components(graph, directed=False)[1] if nodes.height else np.zeros(0, dtype=np.int32)
    degrees = pl.concat([place.alias("node") for place in places]).to_frame().group_by("node").agg(ties=pl.len())
    measured = nodes.with_columns(component=component).join(degrees, on="node", how="left")
    members = pl.len().over("component")
    of_ties = ties.group_by(_CELL).agg(pairs=pl.len(), replies=pl.col("replies").sum())
    return (
        measured.with_columns(members=members)
        .group_by(_CELL)
        .agg(persons=pl.len(), largest=pl.col("members").max(), most_ties=pl.col("ties").fill_null(0).max())
        .join(of_ties, on=_CELL, how="left")
        .with_columns(pl.col("pairs", "replies").fill_null(0))
    )
