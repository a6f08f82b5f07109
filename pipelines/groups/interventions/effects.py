"""What became of the groups of cases, beside that of comparable untreated ones, with an interval of 95 %."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.groups.interventions.alike import CASE, OTHER
from pipelines.groups.interventions.spread import by_purpose, effective_number, student, variance
from schemas.lake import INTERVENTION_CASE, INTERVENTION_EFFECT

_BY: Final = ("action", "purpose")


def effects(matched: pl.DataFrame) -> pl.DataFrame:
    """Compare the shares of groups that were alive again, by action, and by purpose where it has 10 cases.

    The untreated of a case weigh as much as the case, so that they are what the cases were. How much the difference of
    the two shares varies follows from all pairs that have a group in common (`spread.variance`). It says how many
    independent cases and untreated these are worth (Korn & Graubard 1998), which is no more than there are and no less
    than if those of one group were one. Each share has the score interval of Wilson (1927) at that number, and the
    difference takes its own from the two (method 10 of Newcombe 1998): it is never of width 0, whatever few cases say.
    For the normal quantile it has Student's t of as many groups.

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
    """The pairs of a case and an untreated group of which it is measured what became of both.

    Args:
        matched: `schemas.lake.INTERVENTION_CASE`.

    Returns:
        One row per case and untreated group: `action`, `purpose`, `group_id`, `day`, `is_alive`; of the other one
        `other_group_id`, `other_day`, `other_is_alive`; `weight`, those of a case sum to 1. In the order of these.
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
    """The share that is alive, how many groups and days there are, and how many groups that would be."""
    whole = rows.group_by(_BY).agg(
        places=pl.struct(group, day).n_unique(), share=(pl.col("weight") * pl.col(is_alive)).sum()
    )
    return whole.join(effective_number(rows, _BY, (group,)).rename({"number": "groups"}), on=_BY)


def _wilson(share: pl.Expr, number: pl.Expr, width: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Lower and upper limit of a share of a number of independent cases, so many standard errors apart from it."""
    square = width**2
    centre = (share + square / (2 * number)) / (1 + square / number)
    half = width / (1 + square / number) * (share * (1 - share) / number + square / (4 * number**2)).sqrt()
    return centre - half, centre + half
