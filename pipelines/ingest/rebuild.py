"""Decode `raw` again: after a fix of an adapter, a change of the zone, or damage to `events`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.carriers import Carrier
from pipelines.events.decode import DecodeRules
from pipelines.ingest.counts import Counts, counts_of
from pipelines.ingest.event_writer import EventWriter, beginning_of
from pipelines.ingest.events import catch_up
from pipelines.ingest.feeds import undecoded
from pipelines.ingest.reset import finish_reset, kept_through, reset_events
from pipelines.ingest.tolerance import USUAL, Tolerance
from pipelines.lake import Handle, Lake
from pipelines.lake_damage import LakeDamaged, damage_of, files_damaged
from pipelines.lake_place import local_path
from pipelines.lake_values import Reach, ValuesRemoved, refuse_removed, values_reach
from pipelines.pseudonym_key import bind_key
from pipelines.refresh.rebuilds import request_rebuild
from pipelines.refresh.written import REBUILT
from schemas.lake import (
    CONTROL_TOTAL,
    EVENTS,
    IDENTITY,
    IDENTITY_CHANGE,
    IGNORED,
    PAYLOAD_CENSUS,
    QUARANTINE,
    RAW,
    SEQUENCE_RANGE,
    TOUCHED,
    LakeTable,
)

_FROM_RAW: Final = (
    EVENTS, QUARANTINE, IGNORED, SEQUENCE_RANGE, CONTROL_TOTAL, PAYLOAD_CENSUS, TOUCHED, IDENTITY, IDENTITY_CHANGE,
)  # fmt: skip
"""Tables decoded from `raw`; a damaged one is moved away and created again."""

_KEPT: Final = (EVENTS, QUARANTINE, IGNORED)
"""Tables that keep rows of records whose values were removed."""


@dataclass(frozen=True)
class Rebuilt:
    """Result of a rebuild of `events`.

    Attributes:
        decoded: Counts of the records that were decoded again.
        kept: Counts of the others, whose values were removed and whose rows are kept.
        reach: How far back values are available, as a sentence.
    """

    decoded: Counts
    kept: Counts
    reach: Reach


def rebuild_events(
    lake: Lake,
    carriers: Mapping[str, Carrier],
    rules: DecodeRules,
    batch_rows: int,
    tolerance: Tolerance = USUAL,
    on_progress: Callable[[int, int], None] = lambda _done, _todo: None,
    *,
    actor: str,
    reason: str,
    now: dt.datetime,
) -> Rebuilt:
    """Decode all that `raw` holds into `events` and `quarantine` again; the next run computes every fact from scratch.

    Rows of records whose values were removed are kept; only their days change if the zone did. After an interruption
    the next run continues. Meanwhile `events` has only part of its rows.

    Args:
        lake: The lake of all tables.
        carriers: Topic -> adapter.
        rules: The rules of decoding; the zone may differ from the previous one.
        batch_rows: Approximate records per commit; bounds memory.
        tolerance: Error budget of a batch.
        on_progress: Called after each batch with records done and to do.
        actor: Who requests it.
        reason: Why; both are stored with the request.
        now: When.

    Raises:
        ValuesRemoved: Values of `raw` were removed, and their rows are damaged or lost; nothing was changed.
        LakeDamaged: Files of `raw` are missing or broken, so that events would be lost; or a damaged table is in an
            object store.
        WrongPseudonymKey: The lake has pseudonyms of another key.
        LakeConflict: A run is writing events; either nothing was written, or the next run continues.
        EmberlineError: See `EventWriter`.
    """
    bind_key(lake, rules.pseudonyms)
    raw = lake.open(RAW)
    if any(damage := damage_of(raw.delta, most=None)):
        raise files_damaged(RAW, raw.delta.table_uri, damage)
    reach = values_reach(raw)
    for table in _FROM_RAW:
        if lake.has(table) and not _is_readable(lake, table, reach):
            if reach.records and table in _KEPT:
                raise _not_again(lake, table, reach)
            _move_away(lake, table)
    events = lake.open(EVENTS)
    finish_reset(lake, events, rules.zone)
    refuse_removed(raw, undecoded(lake, raw, events), kept_through(events))
    number = request_rebuild(lake, EVENTS.name, since=None, actor=actor, reason=reason, now=now)
    reset_events(lake, events, beginning_of(rules.zone) | {REBUILT: number})
    writer = EventWriter(lake, carriers, rules, tolerance)
    kept = counts_of(lake.open(EVENTS))
    # Loaded after the reset, so that records whose values were removed before it are not decoded.
    raw = lake.open(RAW)
    catch_up(raw, writer, batch_rows, on_progress)
    return Rebuilt(writer.counts, kept, values_reach(raw))


def _is_readable(lake: Lake, table: LakeTable, reach: Reach) -> bool:
    try:
        handle: Handle = lake.open(table)
    except LakeDamaged:
        return False
    is_dropped_unread = table is EVENTS and not reach.records
    return is_dropped_unread or not any(damage_of(handle.delta, most=None))


def _not_again(lake: Lake, table: LakeTable, reach: Reach) -> ValuesRemoved:
    return ValuesRemoved(
        f"Lake table {table.name} is damaged, and not all of it can be decoded again. {reach}",
        "Nothing was changed. Restore the table from a backup, then try again: the rows of those records are then "
        "kept.",
        lake.table_uri(table),
    )


def _move_away(lake: Lake, table: LakeTable) -> Path:
    """Rename the folder of a damaged table; it is created again when it is next opened."""
    uri = lake.table_uri(table)
    folder = local_path(uri)
    if folder is None:
        raise LakeDamaged(
            f"Lake table {table.name} is damaged, and emberline does not move files in an object store.",
            "Move everything under this path away with the tools of the store, then try again.",
            uri,
        )
    number = 1
    while (target := folder.with_name(f"{folder.name}.damaged-{number}")).exists():
        number += 1
    return folder.rename(target)
