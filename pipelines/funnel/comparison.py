"""Statistical comparison of two conversion rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl
from scipy.stats import binomtest, fisher_exact, norm

from schemas.errors import EmberlineError

CONFIDENCE: Final = 0.95
SMALLEST_EXPECTED: Final = 5
"""Cochran's rule: the normal approximation of a 2x2 table is valid if no expected count is below this
(Biometrics 10, 1954, 417)."""


class NoSuchSegment(EmberlineError):
    """A breakdown has no such segment."""


class NotComparable(EmberlineError):
    """Two segments can contain the same entry."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`converted` of `entered`, both counts of distinct entries."""

    converted: int
    entered: int

    def __post_init__(self) -> None:
        """Refuse counts that are not a rate."""
        if not 0 <= self.converted <= self.entered:
            raise ValueError(f"{self.converted} of {self.entered} is not a rate")

    @property
    def value(self) -> float:
        """The rate, from 0 to 1; NaN without entries."""
        return self.converted / self.entered if self.entered else math.nan


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference of two rates.

    Attributes:
        first: One rate.
        second: The other.
        difference: First minus second.
        low: Lower bound of the difference, at `CONFIDENCE`.
        high: Upper bound.
        test: `z`, or `fisher` if counts are too small for it.
        p_value: Two-sided: the probability of a difference at least as large if the rates are equal.
        is_small: Counts are too small for the approximation: interpret the difference with care.
    """

    first: Rate
    second: Rate
    difference: float
    low: float
    high: float
    test: Literal["z", "fisher"]
    p_value: float
    is_small: bool


def compare(first: Rate, second: Rate) -> Comparison | None:
    """Compare two rates of disjoint sets of entries; return None if one set is empty.

    The test is the z-test of two proportions with pooled variance and without continuity correction, or Fisher's exact
    test if an expected count is below `SMALLEST_EXPECTED`. The interval is Newcombe's hybrid score interval, method 10
    (Statistics in Medicine 17, 1998, 873).
    """
    if not first.entered or not second.entered:
        return None
    difference = first.value - second.value
    (low_1, high_1), (low_2, high_2) = _wilson(first), _wilson(second)
    is_small = _smallest_expected(first, second) < SMALLEST_EXPECTED
    return Comparison(
        first,
        second,
        difference,
        difference - math.hypot(first.value - low_1, high_2 - second.value),
        difference + math.hypot(high_1 - first.value, second.value - low_2),
        "fisher" if is_small else "z",
        _fisher(first, second) if is_small else _z_test(first, second),
        is_small,
    )


def compare_segments(breakdown: pl.LazyFrame, first: str, second: str, step_number: int) -> Comparison | None:
    """Compare how many mature entries of two values of a breakdown reached a step.

    Args:
        breakdown: `warehouse.funnel_breakdown` of one funnel, property and touch; not of `all_steps`, in which an entry
            can have both values and the segments are not independent.
        first: A value.
        second: Another.
        step_number: From 2.

    Raises:
        NoSuchSegment: A value has no segment of its own.
        NotComparable: The touch is `all_steps`.
    """
    if not breakdown.filter(touch="all_steps").head(1).collect().is_empty():
        raise NotComparable(
            "By all_steps an entry can be in both segments.",
            "Break it down by another touch, such as last_touch.",
        )
    values = breakdown.filter(pl.col("segment_kind") == "value").select("segment", "step_number", "reached").collect()
    return compare(_rate(values, first, step_number), _rate(values, second, step_number))


def _rate(values: pl.DataFrame, value: str, step_number: int) -> Rate:
    reached = dict(values.filter(segment=value).select("step_number", "reached").iter_rows())
    if step_number not in reached:
        known = ", ".join(sorted(values["segment"].unique()))
        raise NoSuchSegment(f"No step {step_number} of a segment '{value}'.", f"Segments: {known or 'none'}.")
    return Rate(reached[step_number], reached[1])


def _wilson(rate: Rate) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson, JASA 22, 1927, 209)."""
    interval = binomtest(rate.converted, rate.entered).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def _smallest_expected(first: Rate, second: Rate) -> float:
    entered = first.entered + second.entered
    converted = first.converted + second.converted
    return min(first.entered, second.entered) * min(converted, entered - converted) / entered


def _z_test(first: Rate, second: Rate) -> float:
    pooled = (first.converted + second.converted) / (first.entered + second.entered)
    variance = pooled * (1 - pooled) * (1 / first.entered + 1 / second.entered)
    return float(2 * norm.sf(abs(first.value - second.value) / math.sqrt(variance)))


def _fisher(first: Rate, second: Rate) -> float:
    table = [[rate.converted, rate.entered - rate.converted] for rate in (first, second)]
    found: Any = fisher_exact(table)
    return float(found.pvalue)
