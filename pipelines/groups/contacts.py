"""Whom to talk to in a group in need: silent members of its core, members who link others, and buyers."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.connections import WINDOW_DAYS, WINDOWS
from schemas.lake import CONTACT

BEFORE_DAYS: Final = WINDOWS * WINDOW_DAYS
"""Length of the window, in days, in which members are judged by what they wrote and answered."""

RECENT_DAYS: Final = 7
"""Days between the end of that window and the state: a decline is visible in the days before its state begins."""

MOST: Final = 5
"""Most members of each kind."""

ILL: Final = ("declining", "dying", "dead")
"""States of groups that have contacts."""

_MEMBER: Final = ("group_id", "person_id")


def before_fall(since: pl.Expr) -> pl.Expr:
    """Return the last day of the window of a state that began at `since`."""
    return since - dt.timedelta(days=RECENT_DAYS + 1)


def contacts(
    person_day: pl.LazyFrame, exchanged: pl.LazyFrame, orders: pl.LazyFrame, falls: pl.DataFrame
) -> pl.DataFrame:
    """Find the members who matter most for their groups, by number of reasons.

    There are three kinds, with at most five members each. *Core*: members of the smallest set that wrote half of the
    messages of the window (the contributor absence factor of CHAOSS) who have not been active since; most messages
    first. *Bridges*: members who exchanged answers with pairs of members that exchanged none with each other
    (structural holes, Burt 1992) in the window; most pairs first. *Buyers*: members to whom orders of the group are
    credited; most orders first.

    Args:
        person_day: `schemas.lake.PERSON_DAY` of the groups.
        exchanged: `connections.exchanges` of the groups, in the windows that end with `before_fall(since)`.
        orders: `group_id`, `person_id`, `shop` and `order_id` of paid orders credited to the groups by any model,
            repeated or not.
        falls: `group_id` and `since`, the first day of the current state.

    Returns:
        `schemas.lake.CONTACT`.
    """
    end = before_fall(pl.col("since"))
    is_before = pl.col("day").is_between(end - dt.timedelta(days=BEFORE_DAYS - 1), end)
    wrote = pl.col("messages").filter(is_before).cast(pl.Int64).sum()
    bought = orders.drop_nulls(_MEMBER).group_by(_MEMBER).agg(orders=pl.struct("shop", "order_id").n_unique())
    members = (
        person_day.join(falls.lazy(), on="group_id")
        .group_by(_MEMBER)
        .agg(pl.col("since").first(), wrote=wrote, last_day=pl.col("day").max())
        .join(_linked_pairs(exchanged), on=_MEMBER, how="left")
        .join(bought, on=_MEMBER, how="left")
        .with_columns(
            pl.col("linked_pairs", "orders").fill_null(0).cast(pl.Int64),
            of_messages=pl.col("wrote").sum().over("group_id"),
        )
        # Ties are broken by pseudonym last, so that the number of members found does not depend on its key.
        .sort(
            "group_id", "wrote", "linked_pairs", "orders", "last_day", "person_id",
            descending=[False, True, True, True, True, False],
        )
        .collect(engine="streaming")
    )  # fmt: skip
    written_before = pl.col("wrote").cum_sum().over("group_id") - pl.col("wrote")
    is_core = 2 * written_before < pl.col("of_messages")
    kinds = [
        (is_core & (pl.col("wrote") > 0) & (pl.col("last_day") <= end), "wrote"),
        (pl.col("linked_pairs") > 0, "linked_pairs"),
        (pl.col("orders") > 0, "orders"),
    ]
    flags = {f"_{name}": (flag & (_place(flag, name) <= MOST)).fill_null(value=False) for flag, name in kinds}
    return (
        members.with_columns(**flags)
        .filter(pl.any_horizontal(*flags))
        .sort(
            "group_id", pl.sum_horizontal(*flags), "wrote", "linked_pairs", "orders", "person_id",
            descending=[False, True, True, True, True, False],
        )
        .with_columns(why=_why(), place=pl.int_range(1, pl.len() + 1).over("group_id"))
        .select(CONTACT.columns.keys())
        .cast(CONTACT.schema)
    )  # fmt: skip


def _place(flag: pl.Expr, name: str) -> pl.Expr:
    """Rank the members of a kind in a group, from 1; ties by their order in the frame."""
    return pl.when(flag).then(name).rank("ordinal", descending=True).over("group_id")


def _linked_pairs(exchanged: pl.LazyFrame) -> pl.LazyFrame:
    """Count, for each person, the pairs it exchanged with that exchanged nothing with each other: `linked_pairs`."""
    edges = exchanged.select("group_id", "one", "other").unique()
    both = pl.concat([edges, edges.select("group_id", one="other", other="one")])
    pairs = both.join(both, on=["group_id", "one"], suffix="_too").filter(pl.col("other") < pl.col("other_too"))
    apart = pairs.join(
        edges, left_on=["group_id", "other", "other_too"], right_on=["group_id", "one", "other"], how="anti"
    )
    return apart.group_by("group_id", person_id="one").agg(linked_pairs=pl.len())


def _why() -> pl.Expr:
    return pl.concat_str(
        pl.when("_wrote").then(
            pl.format(
                "wrote {} of {} messages in {} days, and has been silent since {}",
                "wrote", "of_messages", pl.lit(BEFORE_DAYS), "last_day",
            )
        ),
        pl.when("_linked_pairs").then(
            pl.format("pairs of members who answered this one and not each other: {}", "linked_pairs")
        ),
        pl.when("_orders").then(pl.format("orders credited to the group: {}", "orders")),
        separator="; ",
        ignore_nulls=True,
    )  # fmt: skip
