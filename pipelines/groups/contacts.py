"""Whom to talk to in a group that falls ill: who of its core fell silent, who linked others, who bought."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.connections import WINDOW_DAYS, WINDOWS

BEFORE_DAYS: Final = WINDOWS * WINDOW_DAYS
"""Days before the fall in which members are judged by what they wrote and answered."""

RECENT_DAYS: Final = 7
"""A state shows in the days before it: the fall began so long before it was one."""

MOST: Final = 5
"""Members of each kind."""

CONTACT: Final = pl.Schema(
    {
        "person_id": pl.String(),
        "wrote": pl.Int64(),
        "of_messages": pl.Int64(),
        "last_day": pl.Date(),
        "linked_pairs": pl.Int64(),
        "orders": pl.Int64(),
        "why": pl.String(),
    }
)


def before_fall(since: dt.date) -> dt.date:
    """The last day before the fall that made a state since a day."""
    return since - dt.timedelta(days=RECENT_DAYS + 1)


def contacts(person_day: pl.LazyFrame, exchanged: pl.LazyFrame, orders: pl.LazyFrame, since: dt.date) -> pl.DataFrame:
    """Find the members of a group who matter most for it, those first for whom most speaks.

    Of each kind at most five. *Core*: of the smallest set of members who wrote half of the messages of the 28 days
    before the fall (the contributor absence factor of CHAOSS), those who have not been active since, who wrote most
    first. *Bridges*: who exchanged answers with pairs of members who exchanged none with each other (structural holes,
    Burt 1992), in the same days, most pairs first. *Buyers*: to whom orders of the group are credited, most first.

    Args:
        person_day: `schemas.lake.PERSON_DAY` of the group.
        exchanged: of `connections.exchanges` of the group, of the windows that end with `before_fall(since)`.
        orders: `person_id`, `shop` and `order_id` of paid orders credited to the group by any model, repeated or not.
        since: The first day of the state of now.

    Returns:
        `CONTACT`: what each wrote in the 28 days, of how many messages, the last active day, the pairs that only this
        member linked, orders, and all of it in words.
    """
    end = before_fall(since)
    is_before = pl.col("day").is_between(end - dt.timedelta(days=BEFORE_DAYS - 1), end)
    wrote = pl.col("messages").filter(is_before).cast(pl.Int64).sum()
    members = (
        person_day.group_by("person_id")
        .agg(wrote=wrote, last_day=pl.col("day").max())
        .collect()
        .with_columns(of_messages=pl.col("wrote").sum())
        .join(_linked_pairs(exchanged), on="person_id", how="left")
        .join(
            orders.group_by("person_id").agg(orders=pl.struct("shop", "order_id").n_unique().cast(pl.Int64)).collect(),
            on="person_id",
            how="left",
        )
        .with_columns(pl.col("linked_pairs", "orders").fill_null(0))
        .sort("wrote", "person_id", descending=[True, False])
    )
    is_core = 2 * (pl.col("wrote").cum_sum() - pl.col("wrote")) < pl.col("of_messages")
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
            pl.sum_horizontal(*flags), "wrote", "linked_pairs", "orders", "person_id",
            descending=[True, True, True, True, False],
        )
        .with_columns(why=_why())
        .select(CONTACT.names())
        .cast(CONTACT)
    )  # fmt: skip


def _place(flag: pl.Expr, name: str) -> pl.Expr:
    """The place of a member among those of a kind, from 1, equal ones by their order in the frame."""
    return pl.when(flag).then(name).rank("ordinal", descending=True)


def _linked_pairs(exchanged: pl.LazyFrame) -> pl.DataFrame:
    """Count the pairs each person linked that exchanged nothing with each other: `person_id`, `linked_pairs`."""
    edges = exchanged.select("one", "other").unique().collect()
    both = pl.concat([edges, edges.select(one="other", other="one")])
    pairs = both.join(both, on="one", suffix="_too").filter(pl.col("other") < pl.col("other_too"))
    apart = pairs.join(edges, left_on=["other", "other_too"], right_on=["one", "other"], how="anti")
    return apart.group_by(person_id="one").agg(linked_pairs=pl.len().cast(pl.Int64))


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
