"""Decode `raw` again: after an adapter was mended, after another zone was set, or where `events` is damaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pipelines.carriers import Carrier
from pipelines.events.decode import DecodeRules
from pipelines.ingest.event_writer import Counts, EventWriter, beginning_of
from pipelines.ingest.events import catch_up
from pipelines.ingest.reset import reset_events
from pipelines.ingest.tolerance import USUAL, Tolerance
from pipelines.lake import Handle, Lake
from pipelines.lake_damage import LakeDamaged, files_lost, lost_among
from pipelines.lake_place import local_path
from pipelines.lake_values import refuse_rebuild
from pipelines.pseudonym_key import bind_key
from schemas.lake import EVENTS, IDENTITY, IDENTITY_CHANGE, QUARANTINE, RAW, TOUCHED, LakeTable

_FROM_RAW: Final = (EVENTS, QUARANTINE, TOUCHED, IDENTITY, IDENTITY_CHANGE)
"""What is made of `raw` before facts are; a damaged one is moved away and begins again."""


def rebuild_events(
    lake: Lake,
    carriers: Mapping[str, Carrier],
    rules: DecodeRules,
    batch_rows: int,
    tolerance: Tolerance = USUAL,
    on_progress: Callable[[int, int], None] = lambda _done, _todo: None,
) -> Counts:
    """Decode all that `raw` holds into `events` and `quarantine` again; the next run computes every fact from scratch.

    Where it is interrupted, the next run goes on. Meanwhile `events` has a part of its rows.

    Args:
        lake: holds all tables.
        carriers: topic -> adapter.
        rules: see `DecodeRules`; the zone may be another one than before.
        batch_rows: records a commit, about; bounds memory.
        tolerance: how much of a batch may be bad.
        on_progress: called after each batch with records done and to do.

    Raises:
        ValuesRemoved: values of `raw` were removed, so that events would be lost; nothing was changed.
        LakeDamaged: files of `raw` are gone, so that events would be lost; or a damaged table lies in an object store.
        WrongPseudonymKey: the lake holds pseudonyms of another key.
        LakeConflict: a run is writing events; nothing was written, or what was is gone on with by the next run.
        EmberlineError: see `EventWriter`.
    """
    bind_key(lake, rules.pseudonyms)
    raw = lake.open(RAW)
    if lost := lost_among(raw.delta.file_uris(), most=None):
        raise files_lost(RAW, raw.delta.table_uri, lost)
    refuse_rebuild(raw)
    for table in _FROM_RAW:
        if lake.has(table) and not _is_readable(lake, table):
            _move_away(lake, table)
    events = lake.open(EVENTS)
    reset_events(lake, events, beginning_of(rules.zone))
    writer = EventWriter(lake, carriers, rules, tolerance)
    catch_up(raw, writer, batch_rows, on_progress)
    return writer.counts


def _is_readable(lake: Lake, table: LakeTable) -> bool:
    try:
        handle: Handle = lake.open(table)
    except LakeDamaged:
        return False
    return table is EVENTS or not lost_among(handle.delta.file_uris(), most=None)


def _move_away(lake: Lake, table: LakeTable) -> Path:
    """Rename the folder of a damaged table: the next one who opens the table makes it again."""
    uri = lake.table_uri(table)
    folder = local_path(uri)
    if folder is None:
        raise LakeDamaged(
            f"Lake table {table.name} is damaged, and what lies in an object store is not moved by emberline.",
            "Move all that lies under this place away with the tools of the store, then try again.",
            uri,
        )
    number = 1
    while (target := folder.with_name(f"{folder.name}.damaged-{number}")).exists():
        number += 1
    return folder.rename(target)
