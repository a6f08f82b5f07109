"""`python -m tests.chaos`: break things at random, and tell what is left. Exit code 0 if nothing was lost."""

from __future__ import annotations

import argparse
import random
import sys
from typing import Final

from rich.console import Console

from tests.chaos.report import tables
from tests.chaos.session import Plan, run

_NEW_SEEDS: Final = 1_000_000


def main() -> int:
    """Run with the options of the command line."""
    console = Console()
    plan = _plan()
    console.print(f"seed {plan.seed}: {plan.minutes:g} minutes at {plan.rate} events/s, simulated")
    result = run(plan, lambda line: console.print(line, highlight=False, markup=False))
    for table in tables(result):
        console.print(table)
    for finding in result.findings:
        console.print(f"[red]{finding}[/red]", highlight=False)
    console.print("[green]Nothing lost, nothing doubled, and healthy by itself.[/green]" if not result.findings else "")
    return int(bool(result.findings))


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Faults at random under load.")
    parser.add_argument("--minutes", type=float, default=30, help="how long things are broken (default: 30)")
    parser.add_argument("--rate", type=int, default=200, help="events a second (default: 200)")
    parser.add_argument("--seed", type=int, help="of load and faults (default: a new one, which is printed)")
    parser.add_argument("--gap", type=float, nargs=2, default=(20, 60), metavar=("FROM", "TO"),
                        help="seconds from the end of a fault to the next (default: 20 60)")  # fmt: skip
    parser.add_argument("--faults", nargs="*", default=[], help="only these, by name (default: all)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(_NEW_SEEDS) if options.seed is None else options.seed
    return Plan(options.minutes, options.rate, seed, tuple(options.gap), tuple(options.faults))


if __name__ == "__main__":
    sys.exit(main())
