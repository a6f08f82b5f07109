"""`python -m benchmarks.interventions`: are planted effects found, and none where there is none?

Each simulation is a company of `benchmarks.acted_on`, and the same company without the action: with the same random
numbers, and the action withheld in the group of each case for 28 days. The true effect is the mean difference between
the two over all cases, in revival and in net sales; that of red packets is 0.
"""

from __future__ import annotations

import argparse
from typing import Final

import numpy as np
import polars as pl
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.acted_on import ACTIONS, FIRST, NULL, PLANTED, Chance, Lived, live, past, sold
from pipelines.groups.interventions.cases import AFTER_DAYS, matched_cases
from pipelines.groups.interventions.effects import effects
from pipelines.groups.interventions.known import with_outcome
from pipelines.groups.interventions.sales import sales_after
from pipelines.groups.interventions.spread import ALL

GROUPS: Final = 120
DAYS: Final = 540
SHARE: Final = 0.5
"""Share of ill groups that recover because an operator writes."""


def main() -> None:
    """Simulate companies; print how often intervals contain the true effect, and how often none is called an effect."""
    options = _options()
    console = Console()
    seeds = range(options.seed, options.seed + options.simulations)
    lives, sales, differences = [], [], []
    for seed in track(seeds, "simulating", console=Console(stderr=True)):
        chance = Chance.of(seed, GROUPS, DAYS)
        lived = live(chance, SHARE)
        matched = matched_cases(past(chance, lived))
        lives.append(effects(matched).filter(pl.col("purpose") == ALL))
        sales.append(sales_after(matched, *sold(lived)).filter(pl.col("purpose") == ALL))
        if len(lives) <= options.paired:
            differences.append(_differences(chance, lived, matched.filter(pl.col("action") == PLANTED)))
    of_cases = np.concatenate(differences)
    true, error = of_cases.mean(axis=0), of_cases.std(axis=0) / np.sqrt(len(of_cases))
    console.print(
        f"{len(seeds)} companies of {GROUPS} groups and {DAYS} days, seeds {seeds[0]} to {seeds[-1]}; true effect of "
        f"{PLANTED} on revival {true[0]:+.3f} (standard error {error[0]:.3f}), on sales {true[1]:+,.0f} "
        f"({error[1]:,.0f}), by {len(of_cases)} cases with and without"
    )
    revived = ("difference", "difference_low", "difference_high")
    console.print(_table("groups that were alive again after 28 days", pl.concat(lives), revived, true[0], "+.3f"))
    earned = ("difference_minor", "difference_low_minor", "difference_high_minor")
    console.print(_table("net sales in 28 days, minor units", pl.concat(sales), earned, true[1], "+,.0f"))


def _differences(chance: Chance, lived: Lived, matched: pl.DataFrame) -> np.ndarray:
    """Return [cases, 2]: whether a case was alive and what it sold, each less the value without the action."""
    cases = matched.select("group_id", "day", "is_alive").unique().sort("group_id", "day")
    cases = cases.with_columns(number=pl.int_range(pl.len()).over("group_id"))
    differences: list[np.ndarray] = [np.empty((0, 2))]
    for _, of_groups in cases.group_by("number"):
        withheld = np.zeros(chance.acts.shape, bool)
        groups = of_groups["group_id"].str.slice(len("app:")).cast(pl.Int64).to_list()
        days = (of_groups["day"] - FIRST).dt.total_days().to_list()
        for group, day in zip(groups, days, strict=True):
            withheld[ACTIONS.index(PLANTED), group, day : day + AFTER_DAYS + 1] = True
        without = live(chance, SHARE, withheld)
        until = of_groups.lazy().select(
            "group_id", "day", with_action="is_alive", until=pl.col("day") + pl.duration(days=AFTER_DAYS)
        )
        became = with_outcome(until, past(chance, without).states).collect().sort("group_id", "day")
        more = (lived.sold - without.sold).cumsum(axis=1)
        of_cases = {
            (f"app:{group:03}", day): more[group, day + AFTER_DAYS] - more[group, day]
            for group, day in zip(groups, days, strict=True)
        }
        keys = zip(became["group_id"], (became["day"] - FIRST).dt.total_days(), strict=True)
        alive = became["with_action"].to_numpy().astype(float) - became["is_alive"].to_numpy()
        differences.append(np.column_stack([alive, [of_cases[key] for key in keys]]))
    return np.concatenate(differences)


def _table(title: str, found: pl.DataFrame, names: tuple[str, str, str], planted: float, form: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("Action", "True", "Mean found", "Half width", "Cases", "Interval holds it", "Called an effect"):
        table.add_column(heading, justify="left" if heading == "Action" else "right")
    columns = [
        pl.col(name).cast(pl.Float64).alias(as_) for name, as_ in zip(names, ("mean", "low", "high"), strict=True)
    ]
    for action, true in ((PLANTED, planted), (NULL, 0.0)):
        rows = found.filter(pl.col("action") == action).select("cases", "is_effect", *columns)
        held = rows.select(pl.lit(true).is_between("low", "high").sum()).item()
        half = rows.select((pl.col("high") - pl.col("low")).mean() / 2).item()
        table.add_row(
            action, f"{true:{form}}", f"{rows['mean'].mean():{form}}", f"{half:{form}}".lstrip("+"),
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
