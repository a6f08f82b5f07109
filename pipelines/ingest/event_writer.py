"""Write decoded batches to `events`, `quarantine` and `ignored`, exactly once.

Each table records in its commits up to which position of `raw` it is written. The order is change log, quarantine,
ignored records, sequence numbers, control totals, payload census, then events: a crash in between repeats work but
duplicates nothing, and no day changes without an entry in the change log.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from pipelines.carriers import Carrier
from pipelines.events.decode import DecodedRecords, DecodeRules, decode
from pipelines.events.deduplicate import Deduplicated, deduplicate
from pipelines.events.placeholders import had_placeholder
from pipelines.ingest import payload_census
from pipelines.ingest.control_totals import drop_owners, put_totals_together, record_totals
from pipelines.ingest.counts import Counts, counters, counts_of
from pipelines.ingest.erased import (
    SUPPRESSIONS,
    Erased,
    alone_in_record,
    drop_held,
    held_of,
    note_ignored,
    requested,
    stored_of,
    suppression_of,
)
from pipelines.ingest.event_rows import log_changes, rows_of, stored_copies, write_events
from pipelines.ingest.feeds import Undecoded, app_id, undecoded
from pipelines.ingest.old_ids import WITHOUT_ACCOUNTS, replace_old_ids
from pipelines.ingest.quarantined import RULINGS, QuarantinedEvents
from pipelines.ingest.reset import BATCH, begin_after_facts, finish_reset, kept_through
from pipelines.ingest.sequences import put_together, record_ranges
from pipelines.ingest.tolerance import Tolerance, refuse_bad_batch
from pipelines.lake import Handle, Lake, LakeConflict
from pipelines.lake_values import remove_values_at
from schemas.errors import EmberlineError
from schemas.lake import CONTROL_TOTAL, EVENTS, GAPS, IGNORED, QUARANTINE, RAW, SEQUENCE_RANGE, LakeTable

if TYPE_CHECKING:
    from pipelines.ingest.known_keys import KnownKeys


class ZoneChanged(EmberlineError):
    """The business zone was changed although the lake has events."""


_ZONE: Final = "settings/zone"


@dataclass(frozen=True)
class Batch:
    """Records of `raw`, what they were decoded to, and which events may have a copy in the batch or stored.

    `census` is the census of their payloads: `PAYLOAD_CENSUS`.
    """

    records: pl.DataFrame
    decoded: DecodedRecords
    may_be_copy: pl.Series
    census: pl.DataFrame


_TO_LOOK_AT: Final = (QUARANTINE, IGNORED, GAPS, SEQUENCE_RANGE, CONTROL_TOTAL)
"""Created empty at the start, because people query them: they must see no rows, not a missing table."""


class EventWriter:
    """Decodes and writes consecutive batches; `counts` has their counts.

    One thread may decode a batch while another writes the previous one.
    """

    def __init__(self, lake: Lake, carriers: Mapping[str, Carrier], rules: DecodeRules, tolerance: Tolerance) -> None:
        """Load `events`, and create the tables that people query for missing records.

        If `events` was reset or lost, the other tables are reset as well: see `finish_reset`. If an earlier version
        wrote it, ids are replaced: see `replace_old_ids`.

        Args:
            lake: The lake of all tables.
            carriers: Topic -> adapter.
            rules: The rules of decoding.
            tolerance: Error budget of a batch.

        Raises:
            ZoneChanged: The stored events have days of another zone.
        """
        for table in _TO_LOOK_AT:
            if not lake.has(table):
                lake.open(table)
        self._lake = lake
        self._carriers = carriers
        self._rules = replace(rules, suppression=suppression_of(lake, rules.pseudonyms))
        self._tolerance = tolerance
        self._events = lake.open(EVENTS)
        self._known: KnownKeys | None = None
        self.counts = Counts()
        _refuse_another_zone(self._events, rules.zone)
        begin_after_facts(lake, self._events)
        finish_reset(lake, self._events, rules.zone)
        replace_old_ids(lake, self._events, rules.pseudonyms)
        self._quarantined = QuarantinedEvents(lake)
        put_together(lake)
        put_totals_together(lake)
        payload_census.put_together(lake, self._events.position(BATCH) or 0)

    def not_decoded(self, raw: Handle) -> list[Undecoded]:
        """Return the offsets of `raw` that are not decoded into `events` yet, by partition."""
        return undecoded(self._lake, raw, self._events)

    @property
    def kept_through(self) -> dt.datetime | None:
        """See `reset.kept_through`."""
        return kept_through(self._events)

    def follow_rulings(self) -> None:
        """Remove quarantined events from `events`, and restore released ones. No batch may be in flight.

        Raises:
            LakeConflict: Another writer committed to `events`.
        """
        self._quarantined = QuarantinedEvents(self._lake)
        if self._quarantined.is_followed_by(self._events):
            return
        out, back = rows_of(self._events, self._quarantined.keys), self._quarantined.released(self._events)
        placeholders = _placeholders(back) - _placeholders(out)
        counts = Counts(
            events=back.height - out.height,
            quarantined=out.height - back.height,
            placeholders=placeholders,
            taken_out=out.height,
            put_back=back.height,
        )
        positions = {RULINGS: self._quarantined.rulings} | counters(counts_of(self._events) + counts)
        if not (out.is_empty() and back.is_empty()):
            number = (self._events.position(BATCH) or 0) + 1
            log_changes(self._lake, back, out, number)
            self._quarantined.keep(out, number)
            positions[BATCH] = number
            back = back.with_columns(batch=pl.lit(number, pl.Int64))
        write_events(self._lake, self._events, back, out, positions)
        self.counts += counts

    def follow_erasures(self) -> None:
        """Delete events of erased persons, and clear their accounts in other events. No batch may be in flight.

        Values of their records are removed first, because the events identify these records. There is a commit per
        month; the list counts as applied with the last one.

        Raises:
            LakeConflict: Another writer committed to `events` or `raw`.
        """
        suppression = self._rules.suppression
        if (self._events.position(SUPPRESSIONS) or 0) == suppression.number:
            if suppression.number:  # a run that died may have left copies that do not count
                drop_held(self._lake, suppression)
            return
        drop_owners(self._lake, suppression)
        for found in stored_of(self._events, suppression):
            remove_values_at(self._lake, RAW, found.before.select(RAW.key).unique(), requested(suppression))
            gone = found.before.join(found.after, on=EVENTS.key, how="anti")
            placeholders = _placeholders(found.after) - _placeholders(found.before)
            self._erase(gone, Counts(events=-gone.height, placeholders=placeholders), found)
        held = held_of(self._lake, suppression)
        remove_values_at(self._lake, RAW, held.select(RAW.key).unique(), requested(suppression))
        counted = self._quarantined.first_copies(held, self._events)
        gone = counted.join(suppression.without(counted), on=EVENTS.key, how="anti")
        self._erase(gone, Counts(quarantined=-gone.height), None, {SUPPRESSIONS: suppression.number})
        drop_held(self._lake, suppression)

    def _erase(
        self, gone: pl.DataFrame, counts: Counts, found: Erased | None, followed: Mapping[str, int] | None = None
    ) -> None:
        alone = alone_in_record(self._lake, self._events, gone)
        counts += Counts(ignored=alone.height, further=alone.height - gone.height)
        number = (self._events.position(BATCH) or 0) + 1
        note_ignored(self._lake, alone, number)
        positions = counters(counts_of(self._events) + counts) | dict(followed or {})
        none = pl.DataFrame(schema=EVENTS.schema)
        before, after = (none, none) if found is None else (found.before, found.after)
        if not before.is_empty():
            log_changes(self._lake, after, before, number)
            positions[BATCH] = number
        after = after.with_columns(batch=pl.lit(number, pl.Int64))
        write_events(self._lake, self._events, after, before, positions)
        self.counts += counts

    def decode(self, records: pl.DataFrame) -> Batch:
        """Decode records of `raw`, in the order of writing. A batch that is never written does no harm.

        Raises:
            CarrierUnknown: A topic has no adapter.
        """
        decoded = decode(records, self._carriers, self._rules)
        if self._known is None:
            # Imported here: loading the compiler takes longer than most commands.
            from pipelines.ingest.known_keys import KnownKeys

            self._known = KnownKeys(self._events)
        may_be_copy = self._known.claim(decoded.events) | self._quarantined.holds(decoded.events)
        census = payload_census.batch_census(records, decoded.quarantine, decoded.ignored)
        return Batch(records, decoded, may_be_copy, census)

    def write(self, batch: Batch, stop: Mapping[tuple[str, int], int]) -> None:
        """Deduplicate a batch and store it.

        Args:
            batch: A batch decoded by this writer.
            stop: The offset after the batch for each (topic id, partition).

        Raises:
            TooManyBadRecords: The batch exceeds the error budget; nothing of it was written.
            LakeConflict: Another writer committed to `events`.
        """
        decoded = batch.decoded
        refuse_bad_batch(batch.records, decoded.quarantine, self._tolerance)
        found = self._deduplicated(decoded.events, batch.may_be_copy)
        superseded = rows_of(self._events, found.superseded)
        is_held = self._quarantined.holds(found.added)
        held = found.added.filter(is_held)
        added = found.added if held.is_empty() else found.added.filter(~is_held)
        # A quarantined event has no copy in `events`.
        held_before = found.superseded.height - superseded.height
        counts = Counts(
            raw=batch.records.height,
            events=added.height - superseded.height,
            duplicates=found.duplicates,
            conflicts=found.conflicts,
            quarantined=decoded.quarantine.height + held.height - held_before,
            tombstones=decoded.tombstones,
            ignored=decoded.ignored.height,
            further=decoded.further,
            placeholders=_placeholders(added) - _placeholders(superseded),
        )
        number = (self._events.position(BATCH) or 0) + 1
        positions = {app_id(*partition): offset for partition, offset in stop.items()}
        log_changes(self._lake, added, superseded, number)
        for table, rows in ((QUARANTINE, decoded.quarantine), (IGNORED, decoded.ignored)):
            _write_once(self._lake, table, rows.with_columns(batch=pl.lit(number, pl.Int64)), positions)
        record_ranges(self._lake, decoded.ranges)
        record_totals(self._lake, decoded.totals)
        payload_census.record_census(self._lake, batch.census, number)
        self._quarantined.keep(held, None)
        settings = {_ZONE: _code(self._rules.zone), WITHOUT_ACCOUNTS: 1}
        positions |= counters(counts_of(self._events) + counts) | settings | {BATCH: number}
        is_sorted = added is decoded.events
        added = added.with_columns(batch=pl.lit(number, pl.Int64))
        write_events(self._lake, self._events, added, superseded, positions, is_sorted=is_sorted)
        self.counts += counts

    def _deduplicated(self, new: pl.DataFrame, may_be_copy: pl.Series) -> Deduplicated:
        if not may_be_copy.any():
            return Deduplicated(new, new.select(EVENTS.key).clear(), 0, 0)
        copies = new.filter(may_be_copy)
        stored = (stored_copies(self._events, copies), self._quarantined.first_copies(copies, self._events))
        found = deduplicate(copies, pl.concat(stored))
        return replace(found, added=pl.concat([new.filter(~may_be_copy), found.added]))


def _placeholders(events: pl.DataFrame) -> int:
    return events.select(had_placeholder().sum()).item()


def _write_once(lake: Lake, table: LakeTable, fresh: pl.DataFrame, positions: Mapping[str, int]) -> None:
    """Append the rows of records beyond the table's positions."""
    while not fresh.is_empty():
        handle = lake.open(table)
        for topic_id, partition in fresh.select("topic_id", "partition").unique().iter_rows():
            done = handle.position(app_id(topic_id, partition)) or 0
            of_partition = (pl.col("topic_id") == topic_id) & (pl.col("partition") == partition)
            fresh = fresh.filter(~of_partition | (pl.col("offset") >= done))
        if fresh.is_empty():
            return
        # A run that died before writing events may be further than this batch: positions never move back.
        furthest = {name: max(stop, handle.position(name) or 0) for name, stop in positions.items()}
        # Maintenance may have removed old values meanwhile; the rows to add are the same.
        with suppress(LakeConflict):
            lake.append(handle, fresh, furthest)
            return


def beginning_of(zone: str) -> dict[str, int]:
    """Return the positions of `events`, other than those in Kafka, before the first event of a zone."""
    return {_ZONE: _code(zone), **counters(Counts())}


def advance_batch(lake: Lake, events: Handle) -> None:
    """Count a batch without events, so that changes without events get a later batch number.

    Raises:
        LakeConflict: Another writer committed since the handle was loaded.
    """
    lake.append(events, pl.DataFrame(schema=EVENTS.schema), {BATCH: (events.position(BATCH) or 0) + 1})


def _refuse_another_zone(events: Handle, zone: str) -> None:
    """Raise `ZoneChanged` if stored days are of another zone: mixed zones would count days twice or not at all."""
    stored = events.position(_ZONE)
    if stored is not None and stored != _code(zone):
        raise ZoneChanged(
            f"The days of the events in the lake are of another zone than {zone}.",
            "Set rules.zone back, or decode raw again in this zone: emberline rebuild events",
            events.delta.table_uri,
        )


def _code(zone: str) -> int:
    return zlib.crc32(zone.encode())
