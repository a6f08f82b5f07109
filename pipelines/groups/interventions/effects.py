"""Effects of interventions: outcomes of cases compared with similar untreated groups, with 95 % intervals."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.groups.interventions.alike import CASE, OTHER
from pipelines.groups.interventions.spread import by_purpose, effective_number, student, variance
from schemas.lake import INTERVENTION_CASE, INTERVENTION_EFFECT

_BY: Final = ("action", "purpose")


def effects(matched: pl.DataFrame) -> pl.DataFrame:
    """Compare the shares of groups that were alive again, by action, and by purpose where it has 10 cases.

    The untreated groups of a case have the weight of the case together, so that both sides have the same mix of groups.
    The variance of the difference accounts for pairs with a group in common (`spread.variance`). It determines the
    effective number of independent cases and untreated groups (Korn & Graubard 1998): at most their actual number, and
    at least the number that results if all those of one group count as one. Each share has the score interval of Wilson
    (1927) at its effective number, and the interval of the difference combines the two (method 10 of Newcombe 1998), so
    its width is never 0. The quantile is that of Student's t by the smaller effective number of groups, less 1.

    Args:
        matched: `schemas.lake.INTERVENTION_CASE`.

    Returns:
        `schemas.lake.INTERVENTION_EFFECT`, sorted by its key.
    """
    rows = by_purpose(became(matched))
    rows = rows.with_columns(weight=pl.col("weight") / pl.col("weight").sum().over(_BY))
    gap = pl.col("is_alive").cast(pl.Float64) - pl.col("other_is_alive").cast(pl.Float64)
    cases = _shares(rows, "group_id", "day", "is_alive")
    others = _shares(rows, "other_group_id", "other_day", "other_is_alive")
    varying = variance(rows.with_columns(gap=gap), _BY)
    found = cases.join(others, on=_BY, suffix="_other").join(varying, on=_BY)
    share, other = pl.col("share"), pl.col("share_other")
    worst = share * (1 - share) / pl.col("groups") + other * (1 - other) / pl.col("groups_other")
    kept = (pl.col("variance") / worst).fill_nan(1.0).clip(upper_bound=1.0)
    # By few groups a variance is known badly.
    width = student(pl.min_horizontal("groups", "groups_other") - 1)
    low, high = _wilson(share, pl.min_horizontal(pl.col("groups") / kept, "places"), width)
    low_other, high_other = _wilson(other, pl.min_horizontal(pl.col("groups_other") / kept, "places_other"), width)
    return (
        found.with_columns(
            difference=share - other,
            down=((share - low) ** 2 + (high_other - other) ** 2).sqrt(),
            up=((high - share) ** 2 + (other - low_other) ** 2).sqrt(),
        )
        .with_columns(
            difference_low=pl.col("difference") - pl.col("down"), difference_high=pl.col("difference") + pl.col("up")
        )
        .select(
            *_BY,
            cases="places",
            alive_again=(share * pl.col("places")).round().cast(pl.UInt32),
            untreated="places_other",
            untreated_share=other,
            difference="difference",
            difference_low="difference_low",
            difference_high="difference_high",
            is_effect=(pl.col("difference_low") > 0) | (pl.col("difference_high") < 0),
        )
        .sort(_BY)
        .cast(INTERVENTION_EFFECT.schema)
    )


def became(matched: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs of a case and an untreated group whose outcomes are both measured.

    Args:
        matched: `schemas.lake.INTERVENTION_CASE`.

    Returns:
        One row per case and untreated group: `action`, `purpose`, `group_id`, `day`, `is_alive`; of the untreated
        one `other_group_id`, `other_day`, `other_is_alive`; `weight`, of sum 1 in each case. Sorted by these columns.
    """
    return (
        matched.filter("is_last", pl.col("is_alive").is_not_null(), pl.col("other_is_alive").is_not_null())
        # Sums of the same numbers in another order differ in their last digit, and would look like a change.
        .sort(INTERVENTION_CASE.key)
        .group_by(*CASE, "purpose", "is_alive", *OTHER, "other_is_alive", maintain_order=True)
        .agg(pl.col("weight").sum())
        .with_columns(weight=pl.col("weight") / pl.col("weight").sum().over(CASE))
        .sort(*CASE, *OTHER, "other_is_alive")
    )


def _shares(rows: pl.DataFrame, group: str, day: str, is_alive: str) -> pl.DataFrame:
    """Return the share that is alive, the number of distinct groups and days, and the effective number of groups."""
    whole = rows.group_by(_BY).agg(
        places=pl.struct(group, day).n_unique(), share=(pl.col("weight") * pl.col(is_alive)).sum()
    )
    return whole.join(effective_number(rows, _BY, (group,)).rename({"number": "groups"}), on=_BY)


def _wilson(share: pl.Expr, number: pl.Expr, width: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Return the limits of Wilson's interval of a share of `number` independent cases; `width` is the quantile."""
    square = width**2
    centre = (share + square / (2 * number)) / (1 + square / number)
    half = width / (1 + square / number) * (share * (1 - share) / number + square / (4 * number**2)).sqrt()
    return centre - half, centre + half
