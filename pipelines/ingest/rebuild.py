"""Decode `raw` again: after an adapter was mended, after another zone was set, or where `events` is damaged."""

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

_FROM_RAW: Final = (EVENTS, QUARANTINE, IGNORED, SEQUENCE_RANGE, PAYLOAD_CENSUS, TOUCHED, IDENTITY, IDENTITY_CHANGE)
"""What is made of `raw` before facts are; a damaged one is moved away and begins again."""

_KEPT: Final = (EVENTS, QUARANTINE, IGNORED)
"""Those with rows that stay where values were removed."""


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild of `events` did.

    Attributes:
        decoded: What became of the records that were decoded again.
        kept: What had become of the others, whose values were removed: it stays as it was.
        reach: How far back values reach.
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

    What was made of records whose values were removed stays as it is; only its days follow another zone. Where it is
    interrupted, the next run goes on. Meanwhile `events` has a part of its rows.

    Args:
        lake: holds all tables.
        carriers: topic -> adapter.
        rules: see `DecodeRules`; the zone may be another one than before.
        batch_rows: records a commit, about; bounds memory.
        tolerance: how much of a batch may be bad.
        on_progress: called after each batch with records done and to do.
        actor: who asks.
        reason: why; both are kept with the request.
        now: when.

    Raises:
        ValuesRemoved: values of `raw` were removed, and what was made of them is damaged or gone; nothing was changed.
        LakeDamaged: files of `raw` are gone or broken, so that events would be lost; or a damaged table lies in an
            object store.
        WrongPseudonymKey: the lake holds pseudonyms of another key.
        LakeConflict: a run is writing events; nothing was written, or what was is gone on with by the next run.
        EmberlineError: see `EventWriter`.
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
    # Loaded behind the reset: of what was removed before it nothing is decoded.
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
        "Nothing was changed. Restore the table from a backup, then try again: what was made of those records is kept.",
        lake.table_uri(table),
    )


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
