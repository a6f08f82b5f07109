"""`python -m benchmarks`: measure, and print a table."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
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
    peers = [options.peers] if options.peers else _uv()
    if peers is None:
        console.print("Without uv on the PATH the peers are left out; --peers names a Python that has them.")
    rates = measure(options.events, options.rounds, peers, lambda line: console.print(f"[dim]{line}[/dim]"))
    for topic in dict.fromkeys(rate.topic for rate in rates):
        console.print(_table(topic, [rate for rate in rates if rate.topic == topic], options.rounds))


def _uv() -> list[str] | None:
    """Return the command that runs a script in its own environment, with the packages that the script names."""
    uv = shutil.which("uv")
    return [uv, "run", "--quiet", "--no-project", "--script"] if uv else None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Kafka to the lake beside other readers.")
    parser.add_argument("--events", type=_positive, default=3_000_000, help="values a topic (default: 3000000)")
    parser.add_argument("--rounds", type=_positive, default=3, help="times each reader reads them all (default: 3)")
    parser.add_argument("--peers", metavar="PYTHON", help="a Python with the packages that benchmarks/peers.py names")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(f"{number} is not above 0")
    return number


def _table(topic: str, rates: list[Rates], rounds: int) -> Table:
    """Return a table of values per second, one row per reader; the ratio is emberline's median to the row's."""
    ours = next(rate for rate in rates if rate.is_ours)
    title = f"{topic}: values/s over {rounds} rounds, readers in turn"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("Reader", "Min", "Median", "Max", "Emberline is", "Peak MB"):
        table.add_column(heading, justify="left" if heading == "Reader" else "right")
    for rate in rates:
        numbers = (f"{number:,.0f}" for number in (min(rate.rounds), rate.median, max(rate.rounds)))
        table.add_row(rate.reader, *numbers, f"{ours.median / rate.median:.2f} x", f"{rate.peak_mb:,.0f}")
    return table


if __name__ == "__main__":
    main()
