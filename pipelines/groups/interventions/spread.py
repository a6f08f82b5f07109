"""Uncertainty of a difference between cases and similar untreated groups, if a group is in several pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

LEAST_OF_PURPOSE: Final = 10
"""Cases from which on an action is also shown for groups of one purpose."""

ALL: Final = ""
"""The purpose of the row of groups of all purposes."""

Z: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def by_purpose(rows: pl.DataFrame) -> pl.DataFrame:
    """Return pairs once for all purposes together, and again for each purpose that has 10 cases of the action."""
    many = pl.struct("group_id", "day").n_unique().over("action", "purpose") >= LEAST_OF_PURPOSE
    return pl.concat([rows.with_columns(purpose=pl.lit(ALL)), rows.drop_nulls("purpose").filter(many)])


def effective_number(rows: pl.DataFrame, by: Sequence[str], place: Sequence[str]) -> pl.DataFrame:
    """Return the effective number of the groups in pairs, or of their days: `by` and `number`.

    This is the effective number of Kish (1965): 1 / sum of squares of shares.

    Args:
        rows: Columns `by` and `place`, and `weight`, of sum 1 in each `by`.
        by: Columns of what is compared.
        place: Columns of the group, or of group and day.
    """
    of_places = rows.group_by(*by, *place, maintain_order=True).agg(pl.col("weight").sum())
    return of_places.group_by(by).agg(number=1 / (pl.col("weight") ** 2).sum())


def variance(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the variance of the weighted mean difference of pairs, of which those with a common group are dependent.

    This is a jackknife of dyads (Aronow, Samii & Assenova 2015): the change of the mean if all pairs of a group are
    left out, squared and summed over groups; minus the same for couples of groups, whose pairs were counted twice.

    Args:
        rows: Columns `by`, `group_id`, `other_group_id`, `gap` (Float64), and `weight`, of sum 1 in each `by`.
        by: Columns of what is compared.

    Returns:
        `by` and `variance`, in the square of the unit of `gap`; not finite where one group is in all pairs.
    """
    left = pl.col("weight") * (pl.col("gap") - (pl.col("weight") * pl.col("gap")).sum().over(by))
    gaps = rows.with_columns(left=left)
    first, second = pl.min_horizontal("group_id", "other_group_id"), pl.max_horizontal("group_id", "other_group_id")
    couples = gaps.group_by(*by, first=first, second=second, maintain_order=True).agg(pl.col("left", "weight").sum())
    ends = [couples.select(*by, "left", "weight", group_id=end) for end in ("first", "second")]
    groups = pl.concat(ends).group_by(*by, "group_id", maintain_order=True).agg(pl.col("left", "weight").sum())
    # Where one group is in all pairs, nothing is left without it: then the variance is not known.
    change = pl.col("left") / (1 - pl.col("weight"))
    parts = [frame.group_by(by).agg(variance=(change**2).sum()) for frame in (groups, couples)]
    return (
        parts[0]
        .join(parts[1], on=by, suffix="_both")
        .select(*by, variance=(pl.col("variance") - pl.col("variance_both")).clip(lower_bound=0.0))
    )


def student(freedom: pl.Expr) -> pl.Expr:
    """The 97.5 % quantile of Student's t by its expansion in 1 / degrees of freedom.

    Abramowitz & Stegun (1964), 26.7.5, with three terms; from 3 degrees on it is right to 2 %.
    """
    df, z = freedom.clip(lower_bound=1.0), Z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum((term / df**power for power, term in enumerate(terms, start=1)), start=pl.lit(z))
