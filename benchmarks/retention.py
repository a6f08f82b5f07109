"""`python -m benchmarks.retention`: a matrix of weekly cohorts beside ClickHouse and DuckDB, on one Parquet file.

Cohorts of all persons by the calendar week of their first activity, in the business zone, and how many returned in each
later week. In each round the engines run in turn, each in its own process, on the same file: once untimed, once timed.
Their matrices must be equal.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

ZONE: Final = "Asia/Shanghai"
DAYS: Final = 400
START: Final = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
EVENTS_A_PERSON: Final = 50
PERIODS: Final = 31
"""The most that ClickHouse's `retention` supports: it takes 32 conditions."""

Matrix = pl.DataFrame
"""Rows `cohort` (Date), `period` (from 0), `persons` where there are any, the first `PERIODS` of each cohort."""

_MATRIX: Final = {"cohort": pl.Date, "period": pl.Int64, "persons": pl.Int64}


def emberline(path: str) -> Matrix:
    """Compute the matrix with `pipelines.engagement.retention`."""
    from pipelines.engagement import retention

    anything, through = pl.lit(value=True), START.date() + dt.timedelta(days=DAYS + 7)
    cells = retention(
        pl.scan_parquet(path), anything, anything, unit="week", zone=ZONE, complete_through=through
    ).collect()
    return cells.select("cohort", "period", persons="returned")


def duckdb_distinct(path: str) -> Matrix:
    """Join the distinct weeks of persons with their first week, in DuckDB."""
    import duckdb

    query = f"""
        WITH weeks AS (
            SELECT DISTINCT person_id, date_trunc('week', time AT TIME ZONE '{ZONE}')::DATE AS week FROM '{path}'
        ),
        firsts AS (SELECT person_id, min(week) AS cohort FROM weeks GROUP BY person_id)
        SELECT cohort, (week - cohort) // 7 AS period, count(*) AS persons
        FROM weeks JOIN firsts USING (person_id) GROUP BY cohort, period
    """  # noqa: S608
    return duckdb.connect().sql(query).pl()


def chdb_retention(path: str) -> Matrix:
    """Use ClickHouse's `retention` on the weeks since the first week of each person."""
    conditions = ", ".join(f"week = cohort + {7 * period}" for period in range(PERIODS))
    query = f"""
        WITH events AS (
            SELECT assumeNotNull(person_id) AS person_id, toMonday(assumeNotNull(time), '{ZONE}') AS week
            FROM file('{path}', Parquet)
        )
        SELECT cohort, arrayJoin(arrayEnumerate(counts)) - 1 AS period, counts[period + 1] AS persons FROM (
            SELECT cohort, sumForEach(returned) AS counts FROM (
                SELECT person_id, cohort, retention({conditions}) AS returned
                FROM events JOIN (SELECT person_id, min(week) AS cohort FROM events GROUP BY person_id) AS firsts
                USING person_id GROUP BY person_id, cohort
            ) GROUP BY cohort
        )
    """  # noqa: S608
    return _of_chdb(query)


def chdb_arrays(path: str) -> Matrix:
    """Use ClickHouse with an array of the distinct weeks of each person, which is faster than its `retention`."""
    query = f"""
        SELECT cohort, intDiv(week - cohort, 7) AS period, count() AS persons FROM (
            SELECT arrayJoin(weeks) AS week, arrayMin(weeks) AS cohort FROM (
                SELECT person_id, groupUniqArray(toMonday(assumeNotNull(time), '{ZONE}')) AS weeks
                FROM file('{path}', Parquet) GROUP BY person_id
            )
        ) GROUP BY cohort, period
    """  # noqa: S608
    return _of_chdb(query)


def _of_chdb(query: str) -> Matrix:
    import chdb

    text = str(chdb.query(query, "CSV"))
    return pl.read_csv(text.encode(), has_header=False, new_columns=list(_MATRIX), schema_overrides=_MATRIX)


ENGINES: Final[dict[str, Callable[[str], Matrix]]] = {
    "emberline": emberline,
    "chdb retention": chdb_retention,
    "chdb arrays": chdb_arrays,
    "duckdb": duckdb_distinct,
}


def write_events(path: Path, events: int, seed: int = 8) -> None:
    """Write `person_id` (like pseudonyms of the lake) and `time`, sorted by time; persons become less active."""
    rng = np.random.default_rng(seed)
    persons = max(1, events // EVENTS_A_PERSON)
    names = pl.Series([hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest() for number in range(persons)])
    joined = (rng.beta(1, 3, persons) * (DAYS - 50) * 86_400).astype(np.int64)
    person = rng.integers(persons, size=events)
    second = np.minimum(joined[person] + rng.exponential(40 * 86_400, events).astype(np.int64), DAYS * 86_400 - 1)
    micro = pl.Series(second * 1_000_000 + int(START.timestamp()) * 1_000_000)
    rows = pl.DataFrame({"person_id": names.gather(person), "time": micro.cast(pl.Datetime("us", "UTC"))})
    rows.sort("time").write_parquet(path)


def measure_one(engine: str, path: str) -> None:
    """Run one engine twice in this process and print the seconds of the second run, memory and a digest as JSON."""
    ENGINES[engine](path)
    began = time.perf_counter()
    matrix = ENGINES[engine](path)
    seconds = time.perf_counter() - began
    cells = matrix.cast(_MATRIX).filter((pl.col("period") < PERIODS) & (pl.col("persons") > 0)).sort("cohort", "period")  # type: ignore[arg-type]
    digest = hashlib.blake2b(cells.write_csv().encode(), digest_size=8).hexdigest()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "cells": cells.height, "digest": digest}))


def main() -> None:
    """Measure all engines and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retention", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="rows of the file (default: 10000000)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each engine (default: 5)")
    parser.add_argument("--engine", choices=list(ENGINES), help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        measure_one(options.engine, options.path)
        return
    console = Console()
    console.print(
        f"{os.cpu_count()} CPUs, {platform.machine()}, polars {version('polars')}, chdb {version('chdb')}, "
        f"duckdb {version('duckdb')}; {options.events:,} events, {options.events // EVENTS_A_PERSON:,} persons"
    )
    runs: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.parquet"
        write_events(path, options.events)
        for number in range(options.rounds):
            for engine in ENGINES:
                command = [sys.executable, "-m", "benchmarks.retention", "--engine", engine, "--path", str(path)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                runs[engine].append(json.loads(done.stdout))
                console.print(f"[dim]round {number + 1}, {engine}: {runs[engine][-1]['seconds']:.2f} s[/dim]")
    digests = {run["digest"] for each in runs.values() for run in each}
    if len(digests) != 1:
        raise SystemExit(f"The engines disagree: { ({engine: each[0] for engine, each in runs.items()}) }")
    console.print(f"All agree on {runs['emberline'][0]['cells']:.0f} cells.")
    console.print(_table(runs))


def _table(runs: dict[str, list[dict[str, float]]]) -> Table:
    ours = median(run["seconds"] for run in runs["emberline"])
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("Engine", "Min s", "Median s", "Max s", "Emberline is", "Peak MB"):
        table.add_column(heading, justify="left" if heading == "Engine" else "right")
    for engine, each in runs.items():
        seconds = [run["seconds"] for run in each]
        figures = (f"{figure:.2f}" for figure in (min(seconds), median(seconds), max(seconds)))
        peak = max(run["peak_mb"] for run in each)
        table.add_row(engine, *figures, f"{median(seconds) / ours:.2f} x", f"{peak:,.0f}")
    return table


if __name__ == "__main__":
    main()
