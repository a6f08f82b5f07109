"""Compare the tables of a lake with their logs and with each other. Nothing is changed, and nothing is created."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final
from urllib.parse import unquote

import polars as pl
from deltalake.exceptions import DeltaError

from pipelines.ingest.event_writer import BATCH
from pipelines.ingest.feeds import app_id
from pipelines.inputs import input_id
from pipelines.lake import Handle, Lake
from pipelines.lake_damage import damage_of_log, files_lost, log_unreadable, remedy, unanswered
from pipelines.lake_place import local_path
from pipelines.operations.examination import Examined, examined
from schemas.lake import EVENTS, FEED, RAW, TABLES, LakeTable

AREA: Final = "lake"
_SHOWN: Final = 3


def examine_lake(lake: Lake) -> list[Examined]:
    """Look at every table: its log, each of its data files, and whether it goes with those it is made from.

    Its cost follows the number of files, and no row is read.
    """
    found: list[Examined] = []
    for table in TABLES.values():
        found += examined(AREA, table.name, partial(_table, lake, table))
    if not found:
        return [Examined(AREA, lake.uri, "warning", "There is no lake yet.", "Make it: emberline run")]
    if any(finding.health == "broken" for finding in found):
        return found
    return found + examined(AREA, EVENTS.name, lambda: _order(lake))


def _table(lake: Lake, table: LakeTable) -> Iterator[Examined]:
    uri = lake.table_uri(table)
    folder = local_path(uri)
    if not lake.has(table):
        return
    if folder is not None and damage_of_log(folder) is not None:
        raise log_unreadable(table, uri)
    handle = lake.open(table)
    lost, damaged = _files(handle)
    if lost:
        raise files_lost(table, uri, lost)
    if damaged:
        names = ", ".join(damaged[:_SHOWN])
        files = "1 file is" if len(damaged) == 1 else f"{len(damaged)} files are"
        found = f"{files} not as long as the log says: {names}."
        yield Examined(AREA, table.name, "broken", found, remedy(table))
        return
    files = len(handle.delta.file_uris())
    yield Examined(AREA, table.name, "ok", f"Version {handle.version:,}; data files: {files:,}.")


def _files(handle: Handle) -> tuple[list[str], list[str]]:
    """The data files that are gone, and those of another length than the log has of them."""
    folder = local_path(handle.delta.table_uri)
    if folder is None:
        try:
            return handle.delta.repair(dry_run=True)["files_removed"], []
        except (DeltaError, OSError) as error:
            raise unanswered(handle.table, handle.delta.table_uri, error) from error
    lost, damaged = [], []
    for path, size in pl.DataFrame(handle.delta.get_add_actions(flatten=True)).select("path", "size_bytes").iter_rows():
        file = folder / unquote(path)
        if not file.exists():
            lost.append(path)
        elif file.stat().st_size != size:
            damaged.append(path)
    return lost, damaged


def _order(lake: Lake) -> Iterator[Examined]:
    """Facts include no more than events has, and events no more than raw: else commits of these were lost."""
    events = lake.find(EVENTS)
    newest = 0 if events is None else events.position(BATCH) or 0
    ahead = [
        table.name
        for table in TABLES.values()
        if lake.has(table) and (lake.open(table).position(input_id(BATCH)) or 0) > newest
    ]
    if ahead:
        yield Examined(
            AREA, EVENTS.name, "broken",
            f"It ends at batch {newest:,}, and later ones are in {', '.join(ahead)}: commits of it are lost.",
            "Decode raw again: emberline rebuild events",
        )  # fmt: skip
    if events is None or not (lake.has(RAW) and lake.has(FEED)):
        return
    raw = lake.open(RAW)
    partitions = lake.open(FEED).scan().select("topic_id", "partition").collect()
    names = [app_id(topic_id, number) for topic_id, number in partitions.iter_rows()]
    if behind := sum((events.position(name) or 0) > (raw.position(name) or 0) for name in names):
        yield Examined(
            AREA, RAW.name, "warning",
            f"Of {behind} partition{'s' if behind > 1 else ''} events has more than raw: commits of raw are lost.",
            "Nothing has to be done while Kafka has the records: the next run reads them again.",
        )  # fmt: skip
