"""`python -m benchmarks.interventions`: do effects that were planted come out, and none where there is none?

Each simulation is a company of `benchmarks.acted_on`. What its cases would have become without the action is
simulated, too: the same draws, the action withheld in the group of the case for its 28 days. The true effect is the
mean difference over all cases of the paired companies; that of red packets is 0.
"""

from __future__ import annotations

import argparse
from typing import Final

import numpy as np
import polars as pl
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.acted_on import ACTIONS, FIRST, NULL, PLANTED, Chance, live, past
from pipelines.groups.interventions.cases import AFTER_DAYS, matched_cases
from pipelines.groups.interventions.effects import ALL, effects
from pipelines.groups.interventions.known import with_outcome

GROUPS: Final = 120
DAYS: Final = 540
SHARE: Final = 0.5
"""Of ill groups that recover because an operator writes."""


def main() -> None:
    """Simulate companies, and print how often the interval holds the true effect and calls one what is none."""
    options = _options()
    console = Console()
    seeds = range(options.seed, options.seed + options.simulations)
    found, differences = [], []
    for seed in track(seeds, "simulating", console=Console(stderr=True)):
        chance = Chance.of(seed, GROUPS, DAYS)
        company = past(chance, live(chance, SHARE))
        matched = matched_cases(company)
        found.append(effects(matched).filter(pl.col("purpose") == ALL))
        if len(found) <= options.paired:
            differences.append(_difference(chance, matched.filter(pl.col("action") == PLANTED)))
    of_cases = np.concatenate(differences)
    truth = {PLANTED: float(of_cases.mean()), NULL: 0.0}
    error = of_cases.std() / np.sqrt(len(of_cases))
    console.print(
        f"{len(seeds)} companies of {GROUPS} groups and {DAYS} days, seeds {seeds[0]} to {seeds[-1]}; true effect of "
        f"{PLANTED} {truth[PLANTED]:+.3f} (standard error {error:.3f}, by {len(of_cases)} cases with and without)"
    )
    console.print(_table(pl.concat(found), truth))


def _difference(chance: Chance, matched: pl.DataFrame) -> np.ndarray:
    """What each case became, less what it would have become without the action."""
    cases = matched.select("group_id", "day", "is_alive").unique().sort("group_id", "day")
    cases = cases.with_columns(number=pl.int_range(pl.len()).over("group_id"))
    differences: list[np.ndarray] = [np.empty(0)]
    for _, of_groups in cases.group_by("number"):
        withheld = np.zeros(chance.acts.shape, bool)
        groups = of_groups["group_id"].str.slice(len("app:")).cast(pl.Int64)
        for group, day in zip(groups, (of_groups["day"] - FIRST).dt.total_days(), strict=True):
            withheld[ACTIONS.index(PLANTED), group, day : day + AFTER_DAYS + 1] = True
        without = past(chance, live(chance, SHARE, withheld))
        until = of_groups.lazy().select(
            "group_id", with_action="is_alive", until=pl.col("day") + pl.duration(days=AFTER_DAYS)
        )
        became = with_outcome(until, without.states).collect()
        differences.append(became["with_action"].to_numpy().astype(float) - became["is_alive"].to_numpy())
    return np.concatenate(differences)


def _table(found: pl.DataFrame, truth: dict[str, float]) -> Table:
    table = Table(
        title="groups that were alive again after 28 days", title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    for heading in ("Action", "True", "Mean found", "Half width", "Cases", "Interval holds it", "Called an effect"):
        table.add_column(heading, justify="left" if heading == "Action" else "right")
    for action, true in truth.items():
        rows = found.filter(pl.col("action") == action)
        held, width = rows.select(
            held=pl.lit(true).is_between("difference_low", "difference_high").sum(),
            width=(pl.col("difference_high") - pl.col("difference_low")).mean(),
        ).row(0)
        table.add_row(
            action, f"{true:+.3f}", f"{rows['difference'].mean():+.3f}", f"{width / 2:.3f}",
            f"{rows['cases'].mean():.0f}", f"{held} of {rows.height}", f"{rows['is_effect'].sum()} of {rows.height}",
        )  # fmt: skip
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.interventions",
        description="Do planted effects come out, and none where there is none?",
    )
    parser.add_argument("--simulations", type=int, default=100, help="companies (default: 100)")
    parser.add_argument("--paired", type=int, default=12, help="of these lived without each case, too (default: 12)")
    parser.add_argument("--seed", type=int, default=1, help="of the first company (default: 1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
