"""Compare the tables of a lake with their logs and with each other, read-only."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

import polars as pl

from pipelines.ingest.event_writer import BATCH
from pipelines.ingest.feeds import app_id
from pipelines.inputs import input_id
from pipelines.lake import Lake
from pipelines.lake_damage import Damage, files_damaged
from pipelines.lake_log import log_damaged
from pipelines.lake_search import all_damage
from pipelines.operations.examination import Examined, examined
from schemas.lake import EVENTS, FEED, RAW, TABLES, LakeTable

AREA: Final = "lake"


def examine_lake(lake: Lake, *, is_read: bool = False) -> list[Examined]:
    """Examine every table: its log, its data files, and whether its version matches those of its inputs.

    The cost grows with the number of files.

    Args:
        lake: The lake of the tables.
        is_read: Whether to read each data file completely, the only way to find damage in its middle.
    """
    found: list[Examined] = []
    for table in TABLES.values():
        found += examined(AREA, table.name, partial(_table, lake, table, is_read=is_read))
    if not found:
        return [Examined(AREA, lake.uri, "warning", "There is no lake yet.", "Make it: emberline run")]
    if any(finding.health == "broken" for finding in found):
        return found
    return found + examined(AREA, EVENTS.name, lambda: _order(lake))


def _table(lake: Lake, table: LakeTable, *, is_read: bool) -> Iterator[Examined]:
    uri, files = lake.table_uri(table), lake.files(table)
    if not lake.has(table):
        return
    if log_damage := log_damaged(table, files):
        raise log_damage
    handle = lake.open(table)
    if any(damage := all_damage(lake, handle)):
        raise files_damaged(table, uri, damage)
    if is_read and (broken := [file for file in handle.delta.file_uris() if not _is_readable(lake, file)]):
        raise files_damaged(table, uri, Damage([], broken))
    count = len(handle.delta.file_uris())
    yield Examined(AREA, table.name, "ok", f"Version {handle.version:,}; data files: {count:,}.")


def _is_readable(lake: Lake, file: str) -> bool:
    try:
        pl.read_parquet(file, hive_partitioning=False, storage_options=dict(lake.storage_options) or None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return False
    return True


def _order(lake: Lake) -> Iterator[Examined]:
    """Find lost commits: facts must not include more than `events` has, nor `events` more than `raw`."""
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
