"""`python -m benchmarks.runs`: how much a thousand runs store, with maintenance at intervals.

Each run is one of `pipeline_job`, in this process, over a few new synthetic events; maintenance is `maintenance_job`,
with retention times scaled to the length of the benchmark. By default every 20th run is of the whole graph with all
checks; the others end with `person_day` and `group_day`, so that a thousand fit into an hour. With `--whole-every 1`
every run is whole.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Table

from assets.ingest import INGESTED
from emberline.definitions import build_defs
from emberline.instance import dagster_instance
from emberline.services import Services
from emberline.settings import Settings
from pipelines.operations.maintenance import MaintenancePolicy
from schemas.lake import GROUP_DAY, IDENTITY, IDENTITY_CHANGE, PERSON_DAY, TABLES

_TOPIC = "group.messages"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_LARGEST = 8
_FIRST_HALF = [dg.AssetKey(table.name) for table in (*INGESTED, IDENTITY, IDENTITY_CHANGE, PERSON_DAY, GROUP_DAY)]


@dataclass(frozen=True)
class Left:
    """What is stored after so many runs: bytes, files, and rows of Dagster's tables by name.

    Seconds are medians since the previous report, of partial runs and of whole ones; None if there were none.
    """

    runs: int
    seconds_a_run: float | None
    seconds_a_whole_run: float | None
    dagster_bytes: int
    rows: dict[str, int]
    log_bytes: int
    log_files: int
    data_files: int
    data_bytes: int


def measure(
    services: Services, runs: int, every: int, keep: int, whole_every: int, report_every: int
) -> Iterator[Left]:
    """Run the pipeline so often, with maintenance every `every` runs; report every `report_every` runs.

    One run in `whole_every` is of the whole graph.
    """
    kafka = services.kafka()
    kafka.create_topics(services.settings.kafka.topics, 1)
    policy = MaintenancePolicy(small_files=20, keep_versions=dt.timedelta(0), keep_runs=keep)
    resources: dict[str, Any] = {
        "kafka": kafka,
        "lake": services.lake(),
        "warehouse": services.warehouse(),
        "rules": services.rules(),
        "maintenance_policy": policy,
    }
    defs = build_defs(resources)
    pipeline, maintenance = (defs.resolve_job_def(name) for name in ("pipeline_job", "maintenance_job"))
    half: list[float] = []
    whole: list[float] = []
    with dagster_instance(services) as instance:
        for number in range(1, runs + 1):
            _say(services, number)
            is_whole = number % whole_every == 0
            began = time.monotonic()
            _run(pipeline, instance, None if is_whole else _FIRST_HALF)
            (whole if is_whole else half).append(time.monotonic() - began)
            if number % every == 0:
                _run(maintenance, instance)
            if number % report_every == 0:
                yield _left(services, number, _median(half), _median(whole))
                half.clear()
                whole.clear()


def _run(job: dg.JobDefinition, instance: dg.DagsterInstance, assets: list[dg.AssetKey] | None = None) -> None:
    job.execute_in_process(instance=instance, run_config=_QUIET, asset_selection=assets)


def _median(seconds: list[float]) -> float | None:
    return statistics.median(seconds) if seconds else None


def _say(services: Services, number: int) -> None:
    producer = services.kafka().producer()
    for member in range(5):
        event = {
            "specversion": "1.0",
            "id": f"run-{number}-{member}",
            "source": "simulator/runs",
            "type": "message.sent",
            "time": (dt.datetime.now(dt.UTC) - dt.timedelta(days=member)).isoformat(),
            "subject": f"wecom:simulated-{number % 7}",
            "data": {"member_id": f"wecom:simulated-{number % 50}-{member}", "message_id": f"{number}-{member}"},
        }
        producer.send(_TOPIC, key=None, value=json.dumps(event).encode())
    producer.close()


def _left(services: Services, number: int, half: float | None, whole: float | None) -> Left:
    rows, size = _dagster_tables(services)
    lake = Path(services.lake().uri)
    log = [path for name in TABLES for path in (lake / name / "_delta_log").glob("*")]
    data = [path for name in TABLES for path in (lake / name).rglob("*.parquet") if "_delta_log" not in path.parts]
    return Left(number, half, whole, size, rows, _bytes(log), len(log), len(data), _bytes(data))


def _bytes(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def _dagster_tables(services: Services) -> tuple[dict[str, int], int]:
    """Return rows by table, and the bytes of all tables with their indexes."""
    sizes = """
        SELECT relname, pg_total_relation_size(oid) FROM pg_class
        WHERE relnamespace = 'dagster'::regnamespace AND relkind = 'r'
    """
    engine = sa.create_engine(services.dagster_url(), poolclass=sa.NullPool)
    with engine.connect() as connection:
        size = {name: held for name, held in connection.execute(sa.text(sizes)).all()}  # noqa: C416
        tables = {name: sa.table(name, schema="dagster") for name in size}
        rows = {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in tables.items()
        }
    return rows, sum(size.values())


def main(
    runs: Annotated[int, typer.Option(help="Runs of the pipeline.")] = 1000,
    every: Annotated[int, typer.Option(help="Runs between two of maintenance.")] = 25,
    keep: Annotated[int, typer.Option(help="Runs that maintenance keeps.")] = 50,
    whole_every: Annotated[int, typer.Option(help="Runs of which one is of the whole graph.")] = 20,
    report_every: Annotated[int, typer.Option(help="Runs between two lines.")] = 100,
) -> None:
    """Measure what runs store."""
    console = Console(width=200)
    console.print(f"{runs:,} runs, 1 in {whole_every} of the whole graph; maintenance every {every}, {keep} runs kept.")
    table = Table("runs", "s a run", "s whole", "Dagster MB", "log MB", "log files", "data MB", "data files")
    with tempfile.TemporaryDirectory(prefix="emberline-runs-") as folder:
        services = Services(Settings(state=Path(folder) / "state"))
        try:
            for left in measure(services, runs, every, keep, whole_every, report_every):
                figures = _figures(left)
                table.add_row(*figures)
                largest = sorted(left.rows.items(), key=lambda held: -held[1])[:_LARGEST]
                rows = ", ".join(f"{name} {count:,}" for name, count in largest if count)
                console.print(" | ".join(figures), "| rows of Dagster:", rows, highlight=False, soft_wrap=True)
        finally:
            services.stop()
            console.print(table)


def _figures(left: Left) -> list[str]:
    """Return the cells of a row of the printed table, in order."""
    return [
        f"{left.runs:,}",
        *("-" if seconds is None else f"{seconds:.2f}" for seconds in (left.seconds_a_run, left.seconds_a_whole_run)),
        f"{left.dagster_bytes / 1e6:.1f}",
        f"{left.log_bytes / 1e6:.2f}",
        f"{left.log_files:,}",
        f"{left.data_bytes / 1e6:.2f}",
        f"{left.data_files:,}",
    ]


if __name__ == "__main__":
    typer.run(main)
