"""`python -m benchmarks.readers`: how publications affect readers of `mart`.

As a dashboard does, readers query the newest version and the figures of several tables in one transaction, with pauses
between queries: first while nothing happens, then while versions are staged and published one after another. Each
version writes its number into the figures, so that an answer that mixes two versions is found.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import psycopg
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from emberline.embedded import EmbeddedPostgres, StateFolder
from emberline.embedded.postgres_roles import READER
from pipelines.publish.columns import cast_to
from pipelines.publish.guard import Guard
from pipelines.publish.lateness import LATENESS
from pipelines.publish.staging import Difference, State
from pipelines.publish.switch import Known, Late
from pipelines.publish.warehouse import Warehouse
from schemas.types import polars_type
from schemas.warehouse import DATA_TABLES, dim_group, group_day

_NEWEST: Final = dt.date(2025, 12, 31)
_ZONE: Final = "UTC"
_QUERIES: Final = (
    "SELECT max(version)::text, max(version)::text FROM mart.publication",
    "SELECT min(name), max(name) FROM mart.dim_group",
    "SELECT min(messages)::text, max(messages)::text FROM mart.group_day WHERE day = '2025-12-31'",
    "SELECT NULL, NULL FROM (SELECT date_trunc('month', day), sum(messages) FROM mart.group_day "
    "WHERE group_id = 'qq:7' GROUP BY 1) AS months",
)


@dataclass
class Read:
    """Seconds of each answer, the number of answers that mix versions, and errors."""

    seconds: list[float] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def quantile_ms(self, share: float) -> float:
        """Return the quantile of the answer times, in milliseconds."""
        return float(np.quantile(self.seconds, share)) * 1000


def main() -> None:
    """Measure with the options of the command line, and print a table."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="emberline-readers-") as folder:
        state = StateFolder(Path(folder) / "state")
        server = EmbeddedPostgres(state)
        try:
            idle, during = measure(
                server.start(),
                server.url(READER),
                readers=options.readers,
                publishes=options.publishes,
                groups=options.groups,
                days=options.days,
                idle_seconds=options.seconds,
            )
        finally:
            server.stop()
            state.destroy()
    console = Console()
    console.print(
        f"{os.cpu_count()} CPUs; {options.readers} readers, {options.publishes} publications, "
        f"{options.groups * options.days:,} rows of group_day"
    )
    console.print(_table({"nothing happens": idle, "versions are published": during}))


def measure(
    writer: str, reader: str, *, readers: int, publishes: int, groups: int, days: int, idle_seconds: float
) -> tuple[Read, Read]:
    """Measure readers while nothing happens, then while versions are published.

    Args:
        writer: SQLAlchemy URL of an empty warehouse for its owner.
        reader: The same for those who read `mart`.
        readers: How many read at once.
        publishes: How many versions are published meanwhile, one right after the other.
        groups: Rows of `dim_group`; each version changes all of them.
        days: Days of `group_day` a group; each version changes those of the newest day.
        idle_seconds: How long they read while nothing happens.
    """
    warehouse = Warehouse(writer)
    warehouse.prepare()
    _publish(warehouse, 1, groups, days)
    with _reading(reader, readers) as idle:
        time.sleep(idle_seconds)
    with _reading(reader, readers) as during:
        for version in range(2, publishes + 2):
            _publish(warehouse, version, groups, days)
    return idle, during


def _publish(warehouse: Warehouse, version: int, groups: int, days: int) -> None:
    """Stage what a version changes, and publish it; the first one is staged as a whole."""
    state, before = State(f"version {version}"), f"version {version - 1}"
    with warehouse.stage_many() as stage:
        if version == 1:
            rows = _rows(version, groups, days)
            for table in DATA_TABLES:
                stage(table, rows.get(table.name, _empty(table)), state)
        else:
            now, then = _rows(version, groups, 1), _rows(version - 1, groups, 1)
            for table in (dim_group, group_day):
                stage(table, Difference(now[table.name], then[table.name], before), state)
    published = warehouse.publish(
        DATA_TABLES,
        known=Known(version, version, _NEWEST, _ZONE, is_synthetic=True, rules=0, rebuilds=0),
        late=Late(since=lambda _: pl.DataFrame(schema=LATENESS), zone=_ZONE),
        guard=Guard("readers", needs_check=False),
        now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )
    if published.version != version:
        raise AssertionError(f"version {published.version} was published, not {version}")


def _rows(version: int, groups: int, days: int) -> dict[str, pl.DataFrame]:
    ids = pl.LazyFrame({"group_id": [f"qq:{number}" for number in range(groups)]})
    dates = pl.LazyFrame({"day": pl.date_range(_NEWEST - dt.timedelta(days - 1), _NEWEST, eager=True)})
    counts = [column.name for column in group_day.columns if column.name not in ("group_id", "day")]
    marked = pl.when(pl.col("day") == _NEWEST).then(version).otherwise(1)
    named = ids.with_columns(carrier=pl.lit("qq"), name=pl.lit(str(version)))
    others = [column.name for column in dim_group.columns if column.name not in ("group_id", "carrier", "name")]
    return {
        "dim_group": cast_to(dim_group, named.with_columns(pl.lit(None).alias(name) for name in others)).collect(),
        "group_day": cast_to(
            group_day, ids.join(dates, how="cross").with_columns(marked.alias(name) for name in counts)
        ).collect(),
    }


def _empty(table: sa.Table) -> pl.DataFrame:
    return pl.DataFrame(schema={str(column.name): polars_type(column.type) or pl.Null for column in table.columns})


@contextmanager
def _reading(url: str, readers: int) -> Iterator[Read]:
    """Run readers in their own process until the end of the block, so that staging does not block them."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_read, args=(url, readers, theirs))
    process.start()
    read = Read()
    try:
        ours.recv()
        yield read
        ours.send("stop")
        found: Read = ours.recv()
        read.seconds, read.mixed, read.errors = found.seconds, found.mixed, found.errors
    finally:
        ours.close()
        process.join(30)
        process.kill()


def _read(url: str, readers: int, parent: Connection) -> None:
    """Read with so many threads until the parent stops them, then send it what they measured."""
    read, stopped = Read(), threading.Event()
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    threads = [threading.Thread(target=_reader, args=(plain, read, stopped, number)) for number in range(readers)]
    for thread in threads:
        thread.start()
    parent.send("reading")
    try:
        parent.recv()
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    parent.send(read)


def _reader(url: str, read: Read, stopped: threading.Event, number: int) -> None:
    pause = 0.5 + number / 100  # not in step
    try:
        with psycopg.connect(url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not stopped.wait(pause):
                start = time.perf_counter()
                with connection.transaction():
                    answers = [connection.execute(query.encode()).fetchone() or () for query in _QUERIES]
                read.seconds.append(time.perf_counter() - start)
                if len(seen := {value for answer in answers for value in answer if value is not None}) != 1:
                    read.mixed.append(", ".join(sorted(seen)))
    except psycopg.Error as error:
        read.errors.append(str(error))


def _table(reads: dict[str, Read]) -> Table:
    table = Table("while", "answers", "p50 ms", "p99 ms", "longest ms", "mixed versions", "errors")
    for name, read in reads.items():
        milliseconds = (f"{read.quantile_ms(share):.1f}" for share in (0.5, 0.99, 1))
        table.add_row(name, f"{len(read.seconds):,}", *milliseconds, str(len(read.mixed)), str(len(read.errors)))
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--publishes", type=int, default=50)
    parser.add_argument("--groups", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seconds", type=float, default=30, help="how long to read while nothing happens")
    return parser.parse_args()


if __name__ == "__main__":
    main()
