"""`python -m benchmarks.day`: what a day of new events costs the funnel, beside a full rebuild.

The lake has a synthetic history, `funnel_entry` and its inputs. Then the events of the next day arrive at once: joins,
product messages, and what members do. Refresh and rebuild must give equal tables.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.history import company, write_day, write_history
from benchmarks.late import measure, report
from pipelines.lake import Lake

_FACTS: Final = ("identity", "person_day", "first_seen", "funnel_entry")


def main() -> None:
    """Measure in a temporary folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.day", description="A day of the funnel, and all anew.")
    parser.add_argument("--history", type=int, default=20_000_000, help="events before (default: 20000000)")
    parser.add_argument("--days", type=int, default=100, help="days before (default: 100)")
    options = parser.parse_args()
    console, world = Console(), company(options.history, options.days + 1)

    def write(lake: Lake) -> str:
        written = write_history(lake, world, options.history, left=1)
        return f"{written:,} events of {world.persons:,} persons in {options.days} days are in the lake"

    def arrive(lake: Lake) -> str:
        return f"{write_day(lake, world, options.history // options.days):,} events arrive on the next day"

    with tempfile.TemporaryDirectory(prefix="emberline-day-") as folder:
        costs = measure(Path(folder), _FACTS, write, arrive, lambda line: console.print(f"[dim]{line}[/dim]"))
    report(console, *costs, "A day")


if __name__ == "__main__":
    main()
