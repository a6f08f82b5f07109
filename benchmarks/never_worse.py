"""`python -m benchmarks.never_worse`: the score in use against days of silence, in simulated companies, by quarter."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.lives import FIRST, KINDS, THROUGH, company
from pipelines.groups.risk.backtest import BASELINES, judged, walking_forward
from pipelines.groups.risk.features import history
from pipelines.groups.risk.ranking import areas

QUARTER: Final = 91
LEAST_DEATHS: Final = 3
"""Weekly days before a death below which a quarter of a company is not ranked."""

MOST_LOSS: Final = 0.01
"""Largest loss of area under the ROC curve of the score in use against days of silence."""


class Quarter(NamedTuple):
    """How well a quarter of one company was ranked: areas under the ROC curve."""

    kind: str
    seed: int
    quarter: int
    speaks: float
    silence: float


def quarters(kind: str, seed: int) -> Iterator[Quarter]:
    """Rank the groups of each quarter of a simulated company by the score in use, and by days of silence."""
    predicted = walking_forward(history(company(kind, seed), THROUGH), QUARTER, other_groups=False).rows
    rows = judged(predicted).with_columns(quarter=(pl.col("day") - FIRST).dt.total_days() // QUARTER)
    for (quarter,), of_quarter in sorted(rows.partition_by("quarter", as_dict=True).items()):
        dead = of_quarter["is_dead"].to_numpy()
        if LEAST_DEATHS <= dead.sum() < len(dead):
            silence = of_quarter.select(BASELINES["days of silence"]).to_series().to_numpy()
            ranked = (areas(dead, score)[0] for score in (of_quarter["risk_28"].to_numpy(), silence))
            yield Quarter(kind, seed, quarter, *ranked)


def gains(found: Iterable[Quarter]) -> pl.DataFrame:
    """Return the gain of the score in use: `kind`, `quarter`, `companies`, `silence`, `gain` and its standard error."""
    gain = pl.col("speaks") - pl.col("silence")
    return (
        pl.DataFrame(list(found), schema=Quarter._fields, orient="row")
        .group_by("kind", "quarter")
        .agg(
            companies=pl.len(),
            silence=pl.col("silence").mean(),
            gain=gain.mean(),
            error=gain.std() / pl.len().sqrt(),
        )
        .sort("kind", "quarter")
    )


def main() -> int:
    """Print the table; exit with 1 if the score in use lost more than `MOST_LOSS`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.never_worse")
    parser.add_argument("--seeds", type=int, default=20, help="companies a way of life (default: 20)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0, those that it was tuned on)")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    found = [one for kind in KINDS for seed in seeds for one in quarters(kind, seed)]
    table = Table(title="What speaks beside days of silence, AUC", title_justify="left", box=None)
    for heading in ("Way of life", "Quarter", "Companies", "Silence", "Gain", "Standard error"):
        table.add_column(heading, justify="left" if heading == "Way of life" else "right")
    summed = gains(found)
    for kind, quarter, companies, silence, gain, error in summed.iter_rows():
        table.add_row(kind, str(quarter + 1), str(companies), f"{silence:.3f}", f"{gain:+.3f}", f"{error or 0:.3f}")
    Console().print(table)
    worse = np.mean([one.speaks < one.silence - MOST_LOSS for one in found])
    print(f"{worse:.0%} of {len(found)} single quarters of a company lost more than {MOST_LOSS}.")
    return int((summed["gain"] < -MOST_LOSS).any())


if __name__ == "__main__":
    sys.exit(main())
