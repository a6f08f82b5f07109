"""What was known of groups when a day began, and their outcomes on a later day."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.groups.newest import newest_until
from pipelines.groups.risk.measured import DEAD_AFTER_DAYS
from schemas.lake import GROUP_STATES

RISK_DAYS: Final = 7
"""Highest age, in days, at which a risk still counts as that of a day."""

_ALIVE: Final = GROUP_STATES[1]


def known_before(places: pl.LazyFrame, group_day: pl.LazyFrame, risks: pl.LazyFrame) -> pl.LazyFrame:
    """Add what was known of groups when a day began.

    Args:
        places: `group_id`, `day` and any other columns.
        group_day: `schemas.lake.GROUP_DAY`.
        risks: `schemas.lake.GROUP_RISK`.

    Returns:
        `places` with `silent_days`, the days without member activity that end with the day before; `messages_28d` of
        members in the 28 days before; `messages_so_far`; and `risk`, the newest `risk_28` that was published of one of
        the 7 days before, null if there is none.
    """
    said = (
        group_day.select("group_id", "day", "active_members", pl.col("messages").cast(pl.Int64))
        .sort("group_id", "day")
        .select(
            "group_id",
            at="day",
            said=pl.col("messages").cum_sum().over("group_id"),
            active=pl.when(pl.col("active_members") > 0).then("day").forward_fill().over("group_id"),
        )
        .sort("at")
    )
    told = risks.select("group_id", at="day", risk="risk_28").sort("at")
    eve, before = pl.col("day") - pl.duration(days=1), pl.col("day") - pl.duration(days=1 + DEAD_AFTER_DAYS)
    known = newest_until(
        newest_until(places, eve, said, "at"), before, said.rename({"said": "said_before"}).drop("active"), "at"
    )
    known = newest_until(known, eve, told, "at", dt.timedelta(days=RISK_DAYS - 1))
    so_far = pl.col("said").fill_null(0)
    return known.with_columns(
        silent_days=(eve - pl.col("active")).dt.total_days(),
        messages_28d=so_far - pl.col("said_before").fill_null(0),
        messages_so_far=so_far,
    ).drop("said", "said_before", "active")


def with_outcome(places: pl.LazyFrame, states: pl.LazyFrame) -> pl.LazyFrame:
    """Add `is_alive`: whether the group's state was `alive` on the day `until`.

    A group that has only begun to talk again (`revived`), or was closed, is not alive.

    Args:
        places: `group_id`, `until` and any other columns.
        states: `schemas.lake.GROUP_STATE`.
    """
    spells = states.select("group_id", at="since", is_alive=pl.col("state") == _ALIVE).sort("at")
    return newest_until(places, pl.col("until"), spells, "at").with_columns(pl.col("is_alive").fill_null(value=False))


def measured(places: pl.LazyFrame, day: pl.Expr, group_day: pl.LazyFrame, feed_day: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the rows whose day is measured: a silent source is not a silent group.

    Args:
        places: `group_id` and any other columns.
        day: Column or expression of the day.
        group_day: `schemas.lake.GROUP_DAY`.
        feed_day: `schemas.lake.FEED_DAY`.
    """
    connectors = group_day.drop_nulls("source").group_by("group_id", "source").agg(from_day=pl.col("day").min())
    asked = places.with_columns(asked_day=day)
    told = (
        asked.select("group_id", "asked_day")
        .unique()
        .join(connectors, on="group_id")
        .filter(pl.col("asked_day") >= pl.col("from_day"))
        .join(feed_day.select("source", asked_day="day"), on=["source", "asked_day"], how="semi")
    )
    return asked.join(told, on=["group_id", "asked_day"], how="semi").drop("asked_day")
