"""Lake table `raw` -> `events` and `quarantine`, each exactly once.

Each of the two tables holds, in its own commits, how far into raw it has come. The order of writing is touched days,
then quarantine, then events: a crash between them repeats work and doubles nothing, and a day is never changed
unmarked.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Final

import polars as pl

from pipelines.carriers import Carrier
from pipelines.events.decode import DecodedRecords, DecodeRules, decode
from pipelines.events.deduplicate import Deduplicated, deduplicate
from pipelines.events.marks import marks
from pipelines.events.nobody import acts_nobody
from pipelines.ingest.feeds import app_id, undecoded
from pipelines.ingest.known_keys import KnownKeys
from pipelines.ingest.raw import in_spans, raw_rows
from pipelines.ingest.tolerance import USUAL, Tolerance, refuse_bad_batch
from pipelines.lake import Handle, Lake
from schemas.errors import EmberlineError
from schemas.lake import EVENTS, QUARANTINE, RAW, TOUCHED


class ZoneChanged(EmberlineError):
    """The business zone was changed under a lake that has events."""


_ZONE: Final = "settings/zone"

BATCH: Final = "batch"
"""The application transaction that counts the batches of `events`."""


@dataclass(frozen=True)
class Counts:
    """What became of records of raw: `raw = events + duplicates + quarantined + tombstones`.

    `conflicts` are the duplicates whose body differs from the copy that won in their batch. All numbers but this one
    are the same whatever the batches; this one is zero exactly if no two copies of an event differ. `of_nobody` are the
    events whose account stands for nobody.
    """

    raw: int = 0
    events: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    tombstones: int = 0
    of_nobody: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def stored_counts(lake: Lake) -> Counts:
    """The counts over all history, as the log of `events` holds them."""
    handle = lake.open(EVENTS)
    return Counts(**{f.name: handle.position(_counter(f.name)) or 0 for f in fields(Counts)})


def ingest_events(
    lake: Lake,
    carriers: Mapping[str, Carrier],
    rules: DecodeRules,
    batch_rows: int = 250_000,
    on_progress: Callable[[int, int], None] = lambda _done, _todo: None,
    tolerance: Tolerance = USUAL,
) -> Counts:
    """Decode, validate and deduplicate all records of `raw` that `events` does not include yet.

    Args:
        lake: holds all four tables.
        carriers: topic -> adapter.
        rules: see `DecodeRules`.
        batch_rows: records a commit, about; bounds memory.
        on_progress: called after each batch with records done and to do.
        tolerance: how much of a batch may be bad.

    Raises:
        ZoneChanged: the stored events have days of another zone.
        TooManyBadRecords: more of a batch is bad than the tolerance allows; of this batch nothing was written.
    """
    raw, events = lake.open(RAW), lake.open(EVENTS)
    _refuse_another_zone(events, rules.zone)
    spans = _new_spans(lake, raw, events)
    todo = sum(span.rows for span in spans)
    known = KnownKeys(events, todo) if todo > batch_rows else None
    total = Counts()
    for batch in _ahead(raw, spans, batch_rows, carriers, rules):
        total += _ingest_batch(lake, events, known, batch, rules, tolerance)
        on_progress(total.raw, todo)
    return total


@dataclass(frozen=True)
class _Batch:
    """Records of `raw`, what was decoded of them, and the offset behind them for each (topic id, partition)."""

    records: pl.DataFrame
    decoded: DecodedRecords
    stop: dict[tuple[str, int], int]


def _ahead(
    raw: Handle, spans: list[_Span], batch_rows: int, carriers: Mapping[str, Carrier], rules: DecodeRules
) -> Iterator[_Batch]:
    """The batches in order, one decoded ahead in a thread while the caller stores the one before: two in memory."""

    def read(batch: list[_Span]) -> _Batch:
        start = {(span.topic_id, span.partition): span.start for span in batch}
        stop = {(span.topic_id, span.partition): span.stop for span in batch}
        records = raw_rows(raw, start, stop)
        return _Batch(records, decode(records, carriers, rules), stop)

    with ThreadPoolExecutor(1, thread_name_prefix="decode") as thread:
        taken, left = _take(spans, batch_rows)
        ahead = thread.submit(read, taken) if taken else None
        while ahead is not None:
            batch = ahead.result()
            taken, left = _take(left, batch_rows)
            ahead = thread.submit(read, taken) if taken else None
            yield batch


@dataclass(frozen=True)
class _Span:
    """Records `[start, stop)` of one partition, `rows` of them (estimated for a part: offsets may have gaps)."""

    topic_id: str
    partition: int
    start: int
    stop: int
    rows: int


def _new_spans(lake: Lake, raw: Handle, events: Handle) -> list[_Span]:
    """What is new, each from its first record on, with the number of records; nothing is read of those before."""
    new = {(span.topic_id, span.partition): span for span in undecoded(lake, raw, events)}
    wanted = in_spans({key: span.start for key, span in new.items()}, {key: span.stop for key, span in new.items()})
    of_partition = ["topic_id", "partition"]
    found = raw.scan().filter(wanted).group_by(of_partition).agg(pl.col("offset").min(), rows=pl.len())
    counted = {(t, p): (first, rows) for t, p, first, rows in found.collect(engine="streaming").iter_rows()}
    spans = []
    for key, span in new.items():
        # Where there is no record only the position moves: markers of transactions, or a gap.
        first, rows = counted.get(key, (span.start, 0))
        spans.append(_Span(*key, first, span.stop, rows))
    return spans


def _take(spans: list[_Span], rows: int) -> tuple[list[_Span], list[_Span]]:
    """Split about `rows` records off the spans, from each in proportion, so that partitions advance together."""
    share = min(1.0, rows / max(1, sum(span.rows for span in spans)))
    taken, left = [], []
    for span in spans:
        cut = span.stop if share == 1.0 else span.start + max(1, int((span.stop - span.start) * share))
        part = min(span.rows, round(span.rows * (cut - span.start) / (span.stop - span.start)))
        taken.append(_Span(span.topic_id, span.partition, span.start, cut, part))
        if cut < span.stop:
            left.append(_Span(span.topic_id, span.partition, cut, span.stop, span.rows - part))
    return taken, left


def _ingest_batch(
    lake: Lake, events: Handle, known: KnownKeys | None, read: _Batch, rules: DecodeRules, tolerance: Tolerance
) -> Counts:
    records, decoded, stop = read.records, read.decoded, read.stop
    refuse_bad_batch(records, decoded.quarantine, tolerance)
    suspects = decoded.events if known is None else decoded.events.filter(known.may_hold(decoded.events))
    found = deduplicate(decoded.events, _stored(events, suspects))
    superseded = _rows_of(events, found.superseded)
    counts = Counts(
        raw=records.height,
        events=found.added.height - found.superseded.height,
        duplicates=found.duplicates,
        conflicts=found.conflicts,
        quarantined=decoded.quarantine.height,
        tombstones=decoded.tombstones,
        of_nobody=_of_nobody(found.added) - _of_nobody(superseded),
    )
    batch = (events.position(BATCH) or 0) + 1
    positions = {app_id(*partition): offset for partition, offset in stop.items()}
    _mark_touched(lake, marks(found.added, superseded, batch))
    _quarantine(lake, batch, decoded, positions)
    settings = {_ZONE: _code(rules.zone)}
    _write_events(lake, events, batch, found, superseded, positions | _counters(events, counts) | settings)
    if known is not None:
        known.add(found.added)
    return counts


def _of_nobody(events: pl.DataFrame) -> int:
    return events.select(acts_nobody().sum()).item()


def _stored(events: Handle, new: pl.DataFrame) -> pl.DataFrame:
    """The stored rows with the keys of `new`. Keys are compared first: few rows are read whole."""
    if new.is_empty():
        return pl.DataFrame(schema=EVENTS.schema)
    keys = new.select(EVENTS.key).unique()
    known = events.scan().select(EVENTS.key).join(keys.lazy(), on=EVENTS.key, how="semi").collect(engine="streaming")
    return _rows_of(events, known)


def _rows_of(events: Handle, keys: pl.DataFrame) -> pl.DataFrame:
    if keys.is_empty():
        return pl.DataFrame(schema=EVENTS.schema)
    ids = keys["event_id"].unique()
    matching = events.scan().filter(pl.col("event_id").is_in(ids.implode()))
    return matching.join(keys.lazy(), on=EVENTS.key, how="semi").collect(engine="streaming")


def _mark_touched(lake: Lake, touched: pl.DataFrame) -> None:
    if not touched.is_empty():
        lake.append(lake.open(TOUCHED), touched, {})


def _quarantine(lake: Lake, batch: int, decoded: DecodedRecords, positions: Mapping[str, int]) -> None:
    handle = lake.open(QUARANTINE)
    fresh = decoded.quarantine.with_columns(batch=pl.lit(batch, pl.Int64))
    partitions = fresh.select("topic_id", "partition").unique()
    for topic_id, partition in partitions.iter_rows():
        done = handle.position(app_id(topic_id, partition)) or 0
        of_partition = (pl.col("topic_id") == topic_id) & (pl.col("partition") == partition)
        fresh = fresh.filter(~of_partition | (pl.col("offset") >= done))
    if not fresh.is_empty():
        # A run that died before its events may have come further than this batch: no position goes back.
        furthest = {name: max(stop, handle.position(name) or 0) for name, stop in positions.items()}
        lake.append(handle, fresh, furthest)


def _write_events(
    lake: Lake,
    events: Handle,
    batch: int,
    found: Deduplicated,
    superseded: pl.DataFrame,
    positions: Mapping[str, int],
) -> None:
    added = found.added.with_columns(batch=pl.lit(batch, pl.Int64))
    positions = {**positions, BATCH: batch}
    if superseded.is_empty():
        lake.append(events, added, positions)
        return
    months = pl.concat([added["month"], superseded["month"]]).unique()
    kept = (
        events.scan()
        .filter(pl.col("month").is_in(months.implode()))
        .join(superseded.lazy(), on=EVENTS.key, how="anti")
        .collect(engine="streaming")
    )
    lake.replace_months(events, pl.concat([kept, added]), months, positions)


def advance_batch(lake: Lake, events: Handle) -> None:
    """Count a batch without events: what changes without any still is later than all that was.

    Raises:
        LakeConflict: another writer committed since the handle was loaded.
    """
    lake.append(events, pl.DataFrame(schema=EVENTS.schema), {BATCH: (events.position(BATCH) or 0) + 1})


def _refuse_another_zone(events: Handle, zone: str) -> None:
    """An event's day is of the zone it was stored in; two zones in one table would count days twice or not at all."""
    stored = events.position(_ZONE)
    if stored is not None and stored != _code(zone):
        raise ZoneChanged(
            f"The events in the lake have their days in another zone than {zone}.",
            "Set rules.zone back, or start a new lake (lake.uri) and run again: raw is read from Kafka once more.",
            events.delta.table_uri,
        )


def _code(zone: str) -> int:
    return zlib.crc32(zone.encode())


def _counter(name: str) -> str:
    return f"count/{name}"


def _counters(events: Handle, counts: Counts) -> dict[str, int]:
    return {
        _counter(f.name): (events.position(_counter(f.name)) or 0) + getattr(counts, f.name) for f in fields(counts)
    }
