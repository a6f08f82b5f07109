"""`python -m benchmarks.carriers [SAMPLE...]`: payloads per second, through whole carriers or read from JSON by paths.

Without samples, each mapped carrier decodes the payloads of its own cases to events, repeated and shuffled: as a
column, and one by one.

A sample is a JSON file, or a folder of them. Many payloads that differ in an id are made of it, and the first scalars
of each payload are read as text: by the compiled reader, by msgspec value by value, and by Polars, which gets the
types.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl
from rich.console import Console
from rich.table import Table

from emberline.conformance import read_cases
from pipelines.carriers import CARRIERS
from pipelines.carriers.mapping.columns import read_columns
from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from pipelines.carriers.mapping.paths import Path as Place
from pipelines.carriers.mapping.rows import fields_of, read_rows

_CASES: Final = Path(__file__).parents[1] / "tests" / "conformance" / "carriers"
_MOST_PATHS: Final = 12
_ID: Final = "_n"
_SHARE_BY_ROW: Final = 20
"""msgspec reads one of so many payloads: reading all would take most of the time of the benchmark."""


@dataclass(frozen=True)
class Sample:
    """A payload of which others are made."""

    name: str
    payload: dict[str, Any]

    def values(self, n: int) -> pl.Series:
        """Return so many payloads."""
        rest = msgspec.json.encode(self.payload).decode()[1:]
        numbers = pl.int_range(n, dtype=pl.UInt32)
        made = pl.concat_str(pl.lit(f'{{"{_ID}":"event-'), numbers, pl.lit(f'",{rest}'))
        return pl.select(made).to_series().cast(pl.Binary)

    def paths(self) -> list[str]:
        """Return the paths of its first scalars, through at most one list."""
        return list(dict.fromkeys([_ID, *_leaves(self.payload, "")]))[:_MOST_PATHS]


def main() -> None:
    """Measure with the options of the command line, and print a table."""
    options = _options()
    console = Console()
    console.print(f"{os.cpu_count()} CPUs, polars {pl.__version__}, msgspec {msgspec.__version__}")
    table = Table(title=f"{options.payloads:,} payloads a sample", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("Sample", "Bytes", "Paths", "Payloads/s", "MB/s", "msgspec", "Polars"):
        table.add_column(heading, justify="left" if heading == "Sample" else "right")
    if not options.samples:
        console.print(_of_carriers(options.payloads, options.rounds))
        return
    for sample in _samples(options.samples):
        table.add_row(
            sample.name, *(f"{number:,.0f}" for number in _measured(sample, options.payloads, options.rounds))
        )
    console.print(table)


def _of_carriers(n: int, rounds: int) -> Table:
    """Return, by mapped carrier, payloads per second and microseconds of processor time per payload."""
    table = Table(title=f"{n:,} payloads a carrier", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("Carrier", "Bytes", "Payloads/s", "CPU us", "One by one"):
        table.add_column(heading, justify="left" if heading == "Carrier" else "right")
    for file in sorted(_CASES.glob("*.yaml")):
        carrier = CARRIERS.get(file.stem)
        given = [case.payload for case in read_cases(file)] if isinstance(carrier, MappedCarrier) else []
        samples = [Sample(file.stem, one) for one in given if isinstance(one, dict) and one]
        if not isinstance(carrier, MappedCarrier) or not samples:
            continue
        of_each = [sample.values(max(1, n // len(samples))) for sample in samples]
        values = pl.concat(of_each).sample(fraction=1, shuffle=True, seed=1).rechunk()
        some = values.head(max(1, len(values) // _SHARE_BY_ROW)).to_list()
        rate = _rate(partial(carrier.decode_column, values), len(values), rounds)
        begin = time.process_time()
        carrier.decode_column(values)
        cpu = (time.process_time() - begin) / len(values) * 1e6
        by_row = _rate(partial(carrier.decode, some), len(some), 1)
        n_bytes = int(values.bin.size().sum()) / len(values)
        table.add_row(carrier.name, f"{n_bytes:,.0f}", f"{rate:,.0f}", f"{cpu:.1f}", f"{by_row:,.0f}")
    return table


def _measured(sample: Sample, n: int, rounds: int) -> tuple[float, ...]:
    """Return bytes and paths of a payload, payloads and megabytes read per second, and the other readers' rates."""
    values, paths = sample.values(n), sample.paths()
    fields = fields_of(map(Place.parse, paths))
    n_bytes = int(values.bin.size().sum()) / n
    some = values.head(max(1, n // _SHARE_BY_ROW)).to_list()
    dtype = _dtype(values)
    ours = _rate(lambda: read_columns(values, fields), n, rounds)
    by_row = _rate(lambda: read_rows(some, fields), len(some), 1)
    by_polars = _rate(lambda: values.cast(pl.String).str.json_decode(dtype), n, rounds)
    return n_bytes, len(paths), ours, ours * n_bytes / 1e6, by_row, by_polars


def _samples(given: list[Path]) -> Iterator[Sample]:
    for path in given:
        for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
            try:
                payload = json.loads(file.read_bytes())
            except ValueError:
                continue
            for one in payload[:1] if isinstance(payload, list) else [payload]:
                if isinstance(one, dict) and one:
                    yield Sample(f"{file.parent.name}/{file.stem}", one)


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.'{name}'" if path else f"'{name}'")
    elif isinstance(value, list):
        for inner in value[:1] if "[]" not in path else []:
            yield from _leaves(inner, f"{path}[]")
    else:
        yield path


def _dtype(values: pl.Series) -> pl.DataType:
    """Return the type that Polars infers from a few payloads."""
    return values.head(10).cast(pl.String).str.json_decode(infer_schema_length=10).dtype


def _rate(read: Callable[[], object], n: int, rounds: int) -> float:
    """Return the values per second of the fastest round."""
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - begin)
    return n / min(seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.carriers", description="Payloads a second by paths.")
    parser.add_argument("samples", nargs="*", type=Path, metavar="SAMPLE", help="a file of JSON, or a folder of such")
    parser.add_argument("--payloads", type=int, default=500_000, help="payloads a sample (default: 500000)")
    parser.add_argument("--rounds", type=int, default=3, help="times each is read; the fastest counts (default: 3)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
