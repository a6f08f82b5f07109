"""Erase a person from every store, search for what is left, and write a receipt. A repeated erasure continues.

The list of erased persons alone determines what to remove, so no progress has to be stored.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from assets.resources import Progress
from emberline.embedded.state import write_private
from emberline.instance import DAGSTER_SCHEMA
from emberline.runner import RunOutcome, run_pipeline
from emberline.services import Services
from pipelines.erasure import Person, record_erasure
from pipelines.events.suppression import Suppression
from pipelines.ingest.erased import search_payloads, suppression_of
from pipelines.ingest.event_writer import EventWriter
from pipelines.ingest.events import catch_up
from pipelines.lake import Lake
from pipelines.lake_purge import all_traces, drop_rest, purge
from pipelines.publish.database import Database
from pipelines.publish.erase import all_rows_naming, clear_statistics, delete_rows, mask_rows, rewrite, text_tables
from schemas.lake import RAW
from schemas.operations import OPS
from schemas.warehouse import MART, STAGING, restatement
from sensors.jobs import follow_job

FOLDER: Final = "erasures"
"""The folder of receipts in the state folder."""

OUT_OF_REACH: Final = (
    "Kafka: records stay in the source topics, and in those that alerts go to, for as long as the topics keep them. "
    "What is read of them again is ignored.",
    "Backups and snapshots of lake, warehouse and state folder: restore one, and ask for the erasure again.",
    "PostgreSQL's write-ahead log, its archive, and its own log of what it refused: as long as the server keeps them.",
    "What alerts, reports, exports and BI tools took out before.",
    "Free space of the disk: files are removed, not overwritten.",
)

_SEARCHED: Final = "every text of every row searched"
_PERSONS: Final = "person_id"
_ENGINES: Final = ("kafka", "postgres", "lake", "secrets", FOLDER)
"""Folders of the state folder that are searched separately, or have no texts of events."""


@dataclass(frozen=True)
class Store:
    """The result for a store: what was removed, how it was verified, and what is left."""

    store: str
    removed: str
    verified: str
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """The result of an erasure; it has no ids."""

    erasure: int
    finished_at: dt.datetime
    accounts: int
    events: int
    stores: tuple[Store, ...]
    out_of_reach: tuple[str, ...] = OUT_OF_REACH

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left."""
        return not any(store.left for store in self.stores)

    def as_dict(self) -> dict[str, object]:
        """Return the receipt as JSON values."""
        return {**asdict(self), "finished_at": self.finished_at.isoformat(), "is_complete": self.is_complete}


def erase_person(
    services: Services,
    person: Person,
    progress: Progress,
    *,
    actor: str,
    reason: str,
    now: dt.datetime,
    accept_loss: bool = False,
) -> tuple[RunOutcome, Receipt | None]:
    """Add a person to the list of erased persons, run the pipeline, remove and search remaining data.

    Args:
        services: the services of the settings.
        person: see `pipelines.erasure.person_of`.
        progress: reports long steps.
        actor: who requests the erasure.
        reason: why; both are kept.
        now: the clock, UTC.
        accept_loss: whether to publish even if tables lose many of their rows.

    Returns:
        The run that updated facts and warehouse, and the receipt; None if that run failed: repeat the erasure.

    Raises:
        NamesThePerson: actor or reason name the person; nothing was written.
        LakeConflict: a run committed first; repeat the erasure.
    """
    lake, rules = services.lake(), services.rules()
    pseudonyms = rules.decoding.pseudonyms
    number = record_erasure(lake, person, pseudonyms, actor=actor, reason=reason, now=now)
    suppression = suppression_of(lake, pseudonyms)
    writer = EventWriter(lake, rules.topics, rules.decoding, rules.tolerance)
    catch_up(lake.open(RAW), writer, rules.limits.rows, progress.of("erasing events"))
    search_payloads(lake, suppression)
    outcome = run_pipeline(services, progress, follow_job.name, accept_loss=accept_loss, command="emberline erase")
    if not outcome.is_success:
        return outcome, None
    stores = (
        _lake(lake, suppression),
        _warehouse(services, suppression),
        _history(services, suppression, person),
        _files(services, suppression),
    )
    receipt = Receipt(number, now, len(person.pseudonyms), person.events, stores)
    file = receipt_file(services, number)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    write_private(file, json.dumps(receipt.as_dict(), indent=2))
    return outcome, receipt


def receipt_file(services: Services, number: int) -> Path:
    """Return where the receipt of an erasure is kept."""
    return services.state.path / FOLDER / f"{number}.json"


def _lake(lake: Lake, suppression: Suppression) -> Store:
    drop_rest(lake, suppression)
    before = all_traces(lake, suppression)
    for table in before:
        purge(lake, table)
    left = [f"{table.name}/{file}" for table, files in all_traces(lake, suppression).items() for file in files]
    files = sum(map(len, before.values()))
    removed = f"events, values of records, old files and log of {len(before)} tables, {files} files"
    return Store("lake", removed, "every file of every table searched: data, log, checkpoints", tuple(left))


def _warehouse(services: Services, suppression: Suppression) -> Store:
    database, schemas = Database(services.warehouse_url()), (MART, STAGING, OPS)
    deleted, touched = 0, []
    for table, rows in all_rows_naming(database, schemas, suppression):
        # Published rows are derived from the lake only: a remaining row is reported, not deleted.
        if table.schema == MART and table.name != restatement.name:
            continue
        delete_rows(database, table, rows)
        deleted += rows.height
        touched.append(table)
    of_persons = [
        table for table in text_tables(database, schemas) if _PERSONS in table.columns and table not in touched
    ]
    rewrite(database, [*touched, *of_persons])
    statistics = clear_statistics(database, schemas, suppression)
    removed = f"published rows, and {deleted} rows of staging, restatements, alerts and notices; dead rows, statistics"
    return Store("warehouse", removed, _SEARCHED, (*statistics, *_left(database, schemas, suppression)))


def _history(services: Services, suppression: Suppression, person: Person) -> Store:
    database = Database(services.dagster_url())
    known = (*person.pseudonyms, *person.accounts, *person.texts)
    masked, touched = 0, []
    for table, rows in all_rows_naming(database, (DAGSTER_SCHEMA,), suppression):
        mask_rows(database, table, rows, suppression, known)
        masked += rows.height
        touched.append(table)
    rewrite(database, touched)
    statistics = clear_statistics(database, (DAGSTER_SCHEMA,), suppression)
    removed = f"names in {masked} rows of runs, events, tags and ticks"
    left = (*statistics, *_left(database, (DAGSTER_SCHEMA,), suppression))
    return Store("Dagster", removed, _SEARCHED, left)


def _left(database: Database, schemas: Sequence[str], suppression: Suppression) -> tuple[str, ...]:
    return tuple(f"{table}: {rows.height} rows" for table, rows in all_rows_naming(database, schemas, suppression))


def _files(services: Services, suppression: Suppression) -> Store:
    removed = 0
    for file in _naming(services, suppression):
        # A process that writes a log continues with the same file.
        file.open("w").close() if file.suffix == ".log" else file.unlink()
        removed += 1
    left = tuple(str(file) for file in _naming(services, suppression))
    return Store("state folder", f"{removed} files: logs, reports, traces", "every file searched", left)


def _naming(services: Services, suppression: Suppression) -> list[Path]:
    found = []
    for file in _files_of(services.state.path):
        try:
            content = file.read_bytes()
        except OSError:  # gone meanwhile
            continue
        if suppression.names_in(content):
            found.append(file)
    return found


def _files_of(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name not in _ENGINES and entry.is_dir():
            yield from (file for file in sorted(entry.rglob("*")) if file.is_file())
        elif entry.is_file():
            yield entry
