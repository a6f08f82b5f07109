"""`python -m benchmarks.funnel`: from a Parquet file of events to a funnel's summary, beside ClickHouse and DuckDB.

In each round the engines run in turn, each in its own process, on the same file. Each process does the work once before
it is timed, so that start, imports and compilation are not measured. Peak memory is that of the whole process. On a
busy machine, CPU seconds over all threads say more than wall-clock time. All engines must find the same counts;
otherwise the benchmark fails.

Events are synthetic: 50 per person, 6 steps among 8 kinds, no two events of a person at the same time. `sorted` is by
person and time, `unsorted` by time as a queue delivers it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from pipelines.funnel.funnel import matched_steps
from pipelines.funnel.views import summary_of_matches
from schemas.funnel import MODES, Exclusion, FunnelDefinition, Step

STEPS: Final = ("member.joined", "message.sent", "product.viewed", "link.clicked", "order.placed", "order.paid")
KINDS: Final = (*STEPS, "reaction.added", "cart.added")
SHARES: Final = (0.05, 0.4, 0.15, 0.1, 0.05, 0.05, 0.15, 0.05)
WINDOW: Final = dt.timedelta(days=14)
DAYS: Final = 90
EVENTS_A_PERSON: Final = 50
_BATCH_PERSONS: Final = 100_000
_COLUMNS: Final = ("person_id", "time", "topic_id", "partition", "offset", "position", "type")
_LONG_AFTER: Final = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def write_sorted(path: Path, events: int, seed: int = 3) -> None:
    """Write so many events, sorted by person and time, with a row group of the file per batch of persons."""
    folder = path.with_suffix(".parts")
    folder.mkdir()
    persons = events // EVENTS_A_PERSON
    for first in range(0, persons, _BATCH_PERSONS):
        size = min(_BATCH_PERSONS, persons - first)
        _batch(np.random.default_rng((seed, first)), first, size).write_parquet(folder / f"{first:012}.parquet")
    pl.scan_parquet(folder).sink_parquet(path)


def _batch(rng: np.random.Generator, first: int, persons: int) -> pl.DataFrame:
    rows = persons * EVENTS_A_PERSON
    # As long as a pseudonym, and ascending.
    ids = pl.Series(
        [f"{person:012x}{number:020x}" for person, number in enumerate(rng.integers(2**60, size=persons), first)]
    )
    # Distinct times a person: one of the slots of the days each, in order.
    slots = np.sort(rng.random((persons, EVENTS_A_PERSON)), axis=1)
    times = ((np.arange(EVENTS_A_PERSON) + slots) / EVENTS_A_PERSON * DAYS * 86_400_000_000).astype(np.int64)
    return pl.DataFrame(
        {
            "person_id": ids.gather(np.repeat(np.arange(persons), EVENTS_A_PERSON)),
            "time": pl.Series(times.ravel()).cast(pl.Datetime("us", "UTC")),
            "topic_id": pl.repeat("x" * 22, rows, eager=True),
            "partition": rng.integers(0, 4, rows).astype(np.int32),
            "offset": np.arange(rows) + first * EVENTS_A_PERSON,
            "position": np.zeros(rows, np.int32),
            "type": pl.Series(KINDS).gather(rng.choice(len(KINDS), rows, p=SHARES)),
        }
    )


def emberline(path: Path, mode: str = "sequential", **options: Any) -> list[int]:
    """Count the persons at each step with this project's functions."""
    steps = tuple(Step(f"step_{n}", f"type = '{kind}'") for n, kind in enumerate(STEPS))
    given = {"count": "persons", **options}
    definition = FunnelDefinition("benchmark", "", mode=mode, window=WINDOW, steps=steps, **given)
    matches = matched_steps(pl.scan_parquet(path), definition, _LONG_AFTER, is_stored=True)
    return summary_of_matches(matches, definition).collect()["reached"].to_list()


def reading(path: Path) -> list[int]:
    """Only read the columns needed: person, ordering key, kind. `emberline` reads the rest of the key only for ties."""
    pl.scan_parquet(path).select(_COLUMNS).collect(engine="streaming")
    return []


def clickhouse(path: Path) -> list[int]:
    """Count the same with ClickHouse's `windowFunnel`, in this process (chdb)."""
    import chdb

    conditions = ", ".join(f"type = '{kind}'" for kind in STEPS)
    window = WINDOW // dt.timedelta(microseconds=1)
    micros = "toUInt64(toUnixTimestamp64Micro(time))"
    levels = f"SELECT windowFunnel({window})({micros}, {conditions}) AS level FROM file('{path}', Parquet)"  # noqa: S608
    query = f"SELECT level, count() FROM ({levels} GROUP BY person_id) GROUP BY level"  # noqa: S608
    answer = chdb.query(query, "JSONCompact")
    at_most = {int(level): int(persons) for level, persons in json.loads(str(answer))["data"]}
    return [sum(at_most.get(level, 0) for level in range(step, len(STEPS) + 1)) for step in range(1, len(STEPS) + 1)]


def duckdb(path: Path) -> list[int]:
    """Count the same with window functions: at each event, the latest start of a chain of each length."""
    import duckdb as engine

    query = f"SELECT person_id, time, type, CASE WHEN type = '{STEPS[0]}' THEN time END AS s0 FROM '{path}'"  # noqa: S608
    until = "OVER (PARTITION BY person_id ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    days = f"INTERVAL {WINDOW.days} DAY"
    for step, kind in enumerate(STEPS[1:], start=1):
        latest = f"max(s{step - 1}) {until}"
        reached = f"CASE WHEN type = '{kind}' AND time - {latest} <= {days} THEN {latest} END AS s{step}"
        query = f"SELECT *, {reached} FROM ({query})"  # noqa: S608
    counts = ", ".join(f"count(DISTINCT person_id) FILTER (s{step} IS NOT NULL)" for step in range(len(STEPS)))
    return list(engine.connect().execute(f"SELECT {counts} FROM ({query})").fetchall()[0])  # noqa: S608


def _variants() -> dict[str, Callable[[Path], list[int]]]:
    excluded = (Exclusion("type = 'cart.added'"),)
    return {
        "reading the columns": reading,
        "emberline": emberline,
        "chdb windowFunnel": clickhouse,
        "DuckDB window functions": duckdb,
        **{f"emberline, {mode}": lambda path, mode=mode: emberline(path, mode) for mode in MODES[1:]},
        "emberline, strict_increase": lambda path: emberline(path, strict_increase=True),
        "emberline, exclude": lambda path: emberline(path, exclude=excluded),
        "emberline, hold": lambda path: emberline(path, hold=("partition",)),
        "emberline, entries": lambda path: emberline(path, count="entries"),
    }


SAME: Final = ("emberline", "chdb windowFunnel", "DuckDB window functions")


def _work(name: str, path: Path) -> None:
    """Do the work once untimed and once timed, and print the result as JSON."""
    run = _variants()[name]
    run(path)
    began, began_cpu = time.perf_counter(), time.process_time()
    reached = run(path)
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": peak, "reached": reached}))


def _measure(name: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.funnel", "--work", name, "--file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Write the files, run all engines in turn and print one table per file."""
    options = _options()
    if options.work:
        _work(options.work, options.file)
        return
    console = Console()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        by_person, by_time = Path(folder) / "sorted.parquet", Path(folder) / "unsorted.parquet"
        write_sorted(by_person, options.events)
        _table(console, by_person, [name for name in _variants() if name not in options.without], options.rounds)
        if not options.only_sorted:
            pl.scan_parquet(by_person).sort("time").sink_parquet(by_time)
            _table(
                console,
                by_time,
                [name for name in _variants() if name in SAME and name not in options.without],
                options.rounds,
            )


def _table(console: Console, path: Path, names: list[str], rounds: int) -> None:
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            runs[name].append(_measure(name, path))
    counts = {name: runs[name][0]["reached"] for name in names if name in SAME}
    if any(reached != counts["emberline"] for reached in counts.values()):
        raise SystemExit(f"the engines do not agree: {counts}")
    ours = statistics.median(run["seconds"] for run in runs["emberline"])
    table = Table(title=f"{path.stem}: {rounds} rounds, engines in turn", title_justify="left", box=None)
    for heading in ("Engine", "Min s", "Median s", "Max s", "To emberline", "CPU s", "Peak MB"):
        table.add_column(heading, justify="left" if heading == "Engine" else "right")
    for name in names:
        seconds = [run["seconds"] for run in runs[name]]
        numbers = (f"{number:.2f}" for number in (min(seconds), statistics.median(seconds), max(seconds)))
        cpu = statistics.median(run["cpu"] for run in runs[name])
        peak = max(run["peak_mb"] for run in runs[name])
        table.add_row(name, *numbers, f"{statistics.median(seconds) / ours:.2f} x", f"{cpu:.2f}", f"{peak:,.0f}")
    console.print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.funnel", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="in the file (default: 10000000)")
    parser.add_argument("--rounds", type=int, default=3, help="times each engine runs (default: 3)")
    parser.add_argument("--without", nargs="*", default=[], metavar="ENGINE", help="engines to leave out")
    parser.add_argument("--only-sorted", action="store_true", help="leave the unsorted file out")
    parser.add_argument("--folder", type=Path, help="where the files are written (default: that for temporary files)")
    parser.add_argument("--work", choices=_variants(), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
