"""What became of the groups of cases, beside that of comparable untreated ones, with an interval of 95 %."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.lake import INTERVENTION_EFFECT

LEAST_OF_PURPOSE: Final = 10
"""Cases from which on an action is also shown for groups of one purpose."""

ALL: Final = ""
"""The purpose of the row of groups of all purposes."""

_BY: Final = ("action", "purpose")
_Z: Final = 1.959963984540054


def effects(matched: pl.DataFrame) -> pl.DataFrame:
    """Compare the shares of groups that were alive again, by action, and by purpose where it has 10 cases.

    The untreated of a case weigh as much as the case, so that they are what the cases were. How much the difference of
    the two shares varies follows from all pairs that have a group in common (`_variance`). It says how many independent
    cases and untreated these are worth (Korn & Graubard 1998), which is no more than there are and no less than if
    those of one group were one. Each share has the score interval of Wilson (1927) at that number, and the difference
    takes its own from the two (method 10 of Newcombe 1998): it is never of width 0, whatever few cases say. For the
    normal quantile it has Student's t of as many groups.

    Args:
        matched: of `pipelines.groups.interventions.cases.matched_cases`.

    Returns:
        `schemas.lake.INTERVENTION_EFFECT`, sorted by its key.
    """
    many = pl.struct("group_id", "day").n_unique().over("action", "purpose") >= LEAST_OF_PURPOSE
    rows = pl.concat([matched.with_columns(purpose=pl.lit(ALL)), matched.drop_nulls("purpose").filter(many)])
    rows = rows.with_columns(weight=pl.col("weight") / pl.col("weight").sum().over(_BY))
    cases = _shares(rows, "group_id", "day", "is_alive")
    others = _shares(rows, "other_group_id", "other_day", "other_is_alive")
    found = cases.join(others, on=_BY, suffix="_other").join(_variance(rows), on=_BY)
    share, other = pl.col("share"), pl.col("share_other")
    worst = share * (1 - share) / pl.col("groups") + other * (1 - other) / pl.col("groups_other")
    kept = (pl.col("variance") / worst).fill_nan(1.0).clip(upper_bound=1.0)
    # By few groups a variance is known badly.
    width = _student(pl.min_horizontal("groups", "groups_other") - 1)
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


def _shares(rows: pl.DataFrame, group: str, day: str, is_alive: str) -> pl.DataFrame:
    """The share that is alive, how many groups and days there are, and how many groups that would be of equal weight.

    The latter is the effective number of Kish (1965): 1 / sum of squares of shares.
    """
    whole = rows.group_by(_BY).agg(
        places=pl.struct(group, day).n_unique(), share=(pl.col("weight") * pl.col(is_alive)).sum()
    )
    of_groups = rows.group_by(*_BY, group, maintain_order=True).agg(pl.col("weight").sum()).group_by(_BY)
    return whole.join(of_groups.agg(groups=1 / (pl.col("weight") ** 2).sum()), on=_BY)


def _variance(rows: pl.DataFrame) -> pl.DataFrame:
    """The variance of the weighted mean difference of pairs, of which any two with a common group depend on each other.

    Of what the mean changes by if all pairs of a group are left out, squared and summed over groups, less the same of
    couples of groups, whose pairs were taken twice: a jackknife of dyads (Aronow, Samii & Assenova 2015).
    """
    gap = pl.col("is_alive").cast(pl.Float64) - pl.col("other_is_alive").cast(pl.Float64)
    gaps = rows.with_columns(gap=gap).with_columns(
        left=pl.col("weight") * (pl.col("gap") - (pl.col("weight") * pl.col("gap")).sum().over(_BY))
    )
    first, second = pl.min_horizontal("group_id", "other_group_id"), pl.max_horizontal("group_id", "other_group_id")
    couples = gaps.group_by(*_BY, first=first, second=second, maintain_order=True).agg(pl.col("left", "weight").sum())
    ends = [couples.select(*_BY, "left", "weight", group_id=end) for end in ("first", "second")]
    groups = pl.concat(ends).group_by(*_BY, "group_id", maintain_order=True).agg(pl.col("left", "weight").sum())
    # Where one group is in all pairs, nothing is left without it: then the variance is not known.
    change = pl.col("left") / (1 - pl.col("weight"))
    parts = [frame.group_by(_BY).agg(variance=(change**2).sum()) for frame in (groups, couples)]
    return (
        parts[0]
        .join(parts[1], on=_BY, suffix="_both")
        .select(*_BY, variance=(pl.col("variance") - pl.col("variance_both")).clip(lower_bound=0.0))
    )


def _student(freedom: pl.Expr) -> pl.Expr:
    """The 97.5 % quantile of Student's t by its expansion in 1 / degrees of freedom.

    Abramowitz & Stegun (1964), 26.7.5, with three terms; from 3 degrees on it is right to 2 %.
    """
    df, z = freedom.clip(lower_bound=1.0), _Z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum((term / df**power for power, term in enumerate(terms, start=1)), start=pl.lit(z))


def _wilson(share: pl.Expr, number: pl.Expr, width: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Lower and upper limit of a share of a number of independent cases, so many standard errors apart from it."""
    square = width**2
    centre = (share + square / (2 * number)) / (1 + square / number)
    half = width / (1 + square / number) * (share * (1 - share) / number + square / (4 * number**2)).sqrt()
    return centre - half, centre + half
