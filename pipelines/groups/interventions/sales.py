"""Sales of the groups of cases in the 28 days after, compared with those of similar untreated groups."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.groups.interventions.alike import CASE, OTHER
from pipelines.groups.interventions.cases import AFTER_DAYS
from pipelines.groups.interventions.spread import by_purpose, effective_number, student, variance
from schemas.lake import INTERVENTION_SALES

LEAST_DAYS: Final = 21
"""Measured days of the 28 after that a case must have."""

CLOSED_AFTER: Final = dt.timedelta(days=28)
"""How long after its last event a shop is expected to send events."""

_MARKET: Final = ("model", "currency")
_BY: Final = ("action", "purpose", *_MARKET)
_SPELL: Final = ("group_id", "since", "until")


def measured_sales(orders: pl.LazyFrame, feed_day: pl.LazyFrame) -> pl.LazyFrame:
    """Find the days on which sales are known: a shop that sends no events may still sell.

    A shop is expected to send an event, or a heartbeat, on each day from its first order until 28 days after its last
    event. A day is measured if there is such a shop, and each of them sent one.

    Args:
        orders: `schemas.lake.CUSTOMER_ORDER`.
        feed_day: `schemas.lake.FEED_DAY`.

    Returns:
        `day`, distinct.
    """
    opened = orders.group_by("shop").agg(opened=pl.col("day").min())
    heard = feed_day.select("day", shop="source", is_heard=pl.lit(value=True))
    return (
        heard.join(opened, on="shop")
        .group_by("shop", "opened")
        .agg(closed=pl.col("day").max() + pl.lit(CLOSED_AFTER))
        .select("shop", day=pl.date_ranges("opened", "closed"))
        .explode("day")
        .join(heard, on=["shop", "day"], how="left")
        .group_by("day")
        .agg(pl.col("is_heard").count() == pl.len())
        .filter("is_heard")
        .select("day")
    )


def sales_after(matched: pl.DataFrame, sold: pl.LazyFrame, measured_days: pl.LazyFrame) -> pl.DataFrame:
    """Compare what groups sold in the 28 days after a case, by action, and by purpose where it has 10 cases.

    If an untreated group is treated itself, its days before that count, then those of the groups that replace it
    (`cases.matched_cases`). Days that are not measured count on neither side, and sales are scaled from the measured
    days to 28. A case with less than 21 measured days is left out. All cases have the same weight, and so have the days
    of the untreated groups of a case.

    The interval uses Student's t with the effective number of groups of the smaller side, and a variance that accounts
    for pairs with a group in common (`spread.variance`). The variance is at least that of two independent samples with
    equal variances: if few groups sell anything, a handful of cases without sales would look like a sure difference.

    Args:
        matched: `schemas.lake.INTERVENTION_CASE`.
        sold: `schemas.lake.GROUP_SALES_DAY`.
        measured_days: The result of `measured_sales`.

    Returns:
        `schemas.lake.INTERVENTION_SALES`, sorted by its key: no row where neither side sold anything in the currency.
    """
    rows = by_purpose(_pairs(matched, sold, measured_days))
    rows = rows.with_columns(weight=pl.col("weight") / pl.col("weight").sum().over(_BY))
    gap = pl.col("net") - pl.col("other_net")
    found = (
        _means(rows, "group_id", "day", "net")
        .join(_means(rows, "other_group_id", "other_day", "other_net"), on=_BY, suffix="_other")
        .join(variance(rows.with_columns(gap=gap), _BY), on=_BY)
        .filter((pl.col("mean") > 0) | (pl.col("mean_other") > 0))
    )
    number, others = pl.col("number"), pl.col("number_other")
    freedom = (number + others - 2).clip(lower_bound=1.0)
    alike = (number * pl.col("varies") + others * pl.col("varies_other")) / freedom * (1 / number + 1 / others)
    known = pl.when(pl.col("variance").is_finite()).then("variance")
    half = student(pl.min_horizontal("groups", "groups_other") - 1) * pl.max_horizontal(known, alike).sqrt()
    # A width of 0 means that all groups sold the same, from which nothing follows.
    half = pl.when(half > 0).then(half)
    difference = pl.col("mean") - pl.col("mean_other")
    return (
        found.select(
            *_BY,
            cases="places",
            selling_cases="selling",
            untreated="places_other",
            net_minor=pl.col("mean").round(),
            untreated_minor=pl.col("mean_other").round(),
            difference_minor=difference.round(),
            difference_low_minor=(difference - half).round(),
            difference_high_minor=(difference + half).round(),
        )
        .with_columns(
            is_effect=((pl.col("difference_low_minor") > 0) | (pl.col("difference_high_minor") < 0)).fill_null(
                value=False
            )
        )
        .sort(_BY)
        .cast(INTERVENTION_SALES.schema)
        .select(INTERVENTION_SALES.schema.names())
    )


def _pairs(matched: pl.DataFrame, sold: pl.LazyFrame, measured_days: pl.LazyFrame) -> pl.DataFrame:
    """Pairs of a case and an untreated spell by model and currency, with what both sold in 28 measured days.

    Returns:
        `action`, `purpose`, `model`, `currency`, `group_id`, `day`, `net` and `other_group_id`, `other_day`,
        `other_net` in minor units (Float64); `weight`, of sum 1 in each case.
    """
    day = pl.col("day")
    spells = matched.with_columns(first=day + pl.duration(days=1), last=day + pl.duration(days=AFTER_DAYS))
    own = spells.select("group_id", since="first", until="last")
    others = spells.select("since", "until", group_id="other_group_id")
    counted = (
        pl.concat([own, others.select(own.columns)])
        .unique()
        .lazy()
        .with_columns(sale_day=pl.date_ranges("since", "until"))
        .explode("sale_day")
        .join(measured_days.rename({"day": "sale_day"}), on="sale_day", how="semi")
    )
    places = counted.group_by(_SPELL).agg(n_days=pl.len())
    amounts = sold.select("group_id", *_MARKET, sale_day="day", net=pl.col("net_minor").cast(pl.Int128))
    sums = counted.join(amounts, on=["group_id", "sale_day"]).group_by(*_SPELL, *_MARKET).agg(pl.col("net").sum())
    known, sums, markets = pl.collect_all([places, sums, amounts.select(_MARKET).unique()])
    net = pl.col("net").fill_null(0).cast(pl.Float64) * AFTER_DAYS / pl.col("n_days")
    rates = known.join(markets, how="cross").join(sums, on=[*_SPELL, *_MARKET], how="left").with_columns(net=net)
    return (
        spells.join(
            rates.filter(pl.col("n_days") >= LEAST_DAYS).drop("n_days").rename({"since": "first", "until": "last"}),
            on=["group_id", "first", "last"],
        )
        .join(
            rates.rename({"group_id": "other_group_id", "net": "other_net"}),
            on=["other_group_id", "since", "until", *_MARKET],
        )
        .with_columns(weight=pl.col("weight") * pl.col("n_days"))
        .with_columns(weight=pl.col("weight") / pl.col("weight").sum().over(*CASE, *_MARKET))
        .sort(*_BY, *CASE, *OTHER, "since", "until", "is_last")
        .select(*_BY, *CASE[1:], "net", *OTHER, "other_net", "weight")
    )


def _means(rows: pl.DataFrame, group: str, day: str, net: str) -> pl.DataFrame:
    """Return mean and variance of `net` with counts.

    `places` counts pairs of group and day, `selling` those with sales; `groups` and `number` are the effective numbers
    of groups and of pairs.
    """
    mean = (pl.col("weight") * pl.col(net)).sum()
    whole = rows.group_by(_BY, maintain_order=True).agg(
        places=pl.struct(group, day).n_unique(),
        selling=pl.struct(group, day).filter(pl.col(net) > 0).n_unique(),
        mean=mean,
        varies=(pl.col("weight") * (pl.col(net) - mean) ** 2).sum(),
    )
    groups = effective_number(rows, _BY, (group,)).rename({"number": "groups"})
    return whole.join(groups, on=_BY).join(effective_number(rows, _BY, (group, day)), on=_BY)
