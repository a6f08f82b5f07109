"""`python -m benchmarks`: measure, and print a table."""

from __future__ import annotations

import argparse
import os
import platform
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

from benchmarks.ingest import Rates, measure


def main() -> None:
    """Run the benchmark of the ingest with the options of the command line."""
    options = _options()
    console = Console()
    console.print(
        f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}, "
        f"kafka-python {version('kafka-python')}, polars {version('polars')}, deltalake {version('deltalake')}"
    )
    rates = measure(options.events, options.rounds, lambda line: console.print(f"[dim]{line}[/dim]"))
    console.print(_table(rates, options.rounds))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Kafka to raw beside the bare client.")
    parser.add_argument("--events", type=_positive, default=200_000, help="events to send (default: 200000)")
    parser.add_argument("--rounds", type=_positive, default=5, help="times each reader reads them all (default: 5)")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(f"{number} is not above 0")
    return number


def _table(rates: list[Rates], rounds: int) -> Table:
    """Events a second, a row a reader; the ratio is that of the medians to the first reader's."""
    title = f"Events/s over {rounds} rounds, readers in turn"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("Reader", "Min", "Median", "Max", "Ratio"):
        table.add_column(heading, justify="left" if heading == "Reader" else "right")
    for reader in rates:
        numbers = (f"{rate:,.0f}" for rate in (min(reader.rounds), reader.median, max(reader.rounds)))
        table.add_row(reader.reader, *numbers, f"{reader.median / rates[0].median:.2f}")
    return table


if __name__ == "__main__":
    main()
