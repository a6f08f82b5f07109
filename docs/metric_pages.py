"""The page of metrics: what the warehouse's numbers are called, how they are computed, and how they add up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from schemas.metric import Metric
from schemas.metrics import DATASETS, METRICS

INTRO: Final = """\
A metric is one number that everybody computes in one way: an aggregate over the rows of a warehouse table, its
*dataset*. These are declared in `schemas/metrics`. A test compares each SQL, by each of its dimensions, with what
Polars computes from the lake.

*Needs one value of* names the dimensions to group by, or to limit to one value: over several of them there is no such
number. *Adds up over* says over which dimensions values may be summed; over others the sum is wrong, so ask for the
metric without the dimension. Money is in minor units: divide by `10 ^ minor_digits` of `mart.dim_currency`."""

_ADDITIVITY: Final = {"additive": "all dimensions", "never": "nothing"}


def metrics_page(table: Callable[[Sequence[str], Iterable[Sequence[str]]], str]) -> Iterator[str]:
    """Every dataset with its dimensions and its metrics; `table` writes headings and rows as a Markdown table."""
    yield "# Metrics"
    yield INTRO
    for name, dataset in DATASETS.items():
        yield f"## {name}"
        yield f"Computed of `{dataset.table.fullname}`; `{_owner(name)}` answers questions."
        yield table(("Dimension", "Meaning"), ((f"`{one}`", dataset.meaning(one)) for one in dataset.dimensions))
        headings = ("Metric", "Meaning", "Unit", "Needs one value of", "Adds up over", "SQL")
        yield table(headings, (_row(one) for one in METRICS.values() if one.dataset is dataset))


def _row(metric: Metric) -> tuple[str, ...]:
    return (
        f"`{metric.name}`",
        metric.meaning,
        metric.unit,
        _codes(metric.within),
        _ADDITIVITY.get(metric.additivity) or _codes(metric.adds_up_over),
        f"`{metric.sql}`",
    )


def _owner(dataset: str) -> str:
    return next(metric.owner for metric in METRICS.values() if metric.dataset.name == dataset)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
