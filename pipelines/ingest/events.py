"""Decode records of lake table `raw` that `events` and `quarantine` do not include yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from pipelines.ingest.event_writer import Batch, EventWriter
from pipelines.ingest.feeds import Undecoded, in_spans
from pipelines.ingest.raw import raw_rows
from pipelines.lake import Handle
from pipelines.lake_values import has_value, refuse_removed


def catch_up(
    raw: Handle,
    writer: EventWriter,
    batch_rows: int,
    on_progress: Callable[[int, int], None] = lambda _done, _todo: None,
) -> None:
    """Apply rulings on events, then write all records of `raw` that `events` does not include yet.

    Records whose value was removed are skipped if `events` has kept their events.

    Args:
        raw: Handle of `RAW`.
        writer: Continues from what `events` includes.
        batch_rows: Approximate records per commit; bounds memory.
        on_progress: Called after each batch with records done and to do.

    Raises:
        ValuesRemoved: The value of an undecoded record was removed: its earlier events are lost.
        EmberlineError: See `EventWriter`.
    """
    undecoded = writer.not_decoded(raw)
    refuse_removed(raw, undecoded, writer.kept_through)
    writer.follow_rulings()
    writer.follow_erasures()
    spans = _new_spans(raw, undecoded)
    todo, done = sum(span.rows for span in spans), 0
    for batch, stop in _ahead(raw, spans, batch_rows, writer):
        writer.write(batch, stop)
        done += batch.records.height
        on_progress(done, todo)


def _ahead(
    raw: Handle, spans: list[_Span], batch_rows: int, writer: EventWriter
) -> Iterator[tuple[Batch, dict[tuple[str, int], int]]]:
    """Yield the batches in order; a thread decodes the next while the caller stores one, so two are in memory."""

    def read(batch: list[_Span]) -> tuple[Batch, dict[tuple[str, int], int]]:
        start = {(span.topic_id, span.partition): span.start for span in batch}
        stop = {(span.topic_id, span.partition): span.stop for span in batch}
        return writer.decode(raw_rows(raw, start, stop).filter(has_value())), stop

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
    """Offsets `[start, stop)` of one partition with `rows` records (estimated for a part: offsets may have gaps)."""

    topic_id: str
    partition: int
    start: int
    stop: int
    rows: int


def _new_spans(raw: Handle, undecoded: list[Undecoded]) -> list[_Span]:
    """Return the spans of new records, each from its first record on; earlier ones are not read."""
    new = {(span.topic_id, span.partition): span for span in undecoded}
    wanted = in_spans({key: span.start for key, span in new.items()}, {key: span.stop for key, span in new.items()})
    of_partition = ["topic_id", "partition"]
    found = raw.scan().filter(wanted & has_value()).group_by(of_partition).agg(pl.col("offset").min(), rows=pl.len())
    counted = {(t, p): (first, rows) for t, p, first, rows in found.collect(engine="streaming").iter_rows()}
    spans = []
    for key, span in new.items():
        # Without records (transaction markers or a gap), only the position moves.
        first, rows = counted.get(key, (span.start, 0))
        spans.append(_Span(*key, first, span.stop, rows))
    return spans


def _take(spans: list[_Span], rows: int) -> tuple[list[_Span], list[_Span]]:
    """Split about `rows` records off the spans, proportionally, so that partitions advance together."""
    share = min(1.0, rows / max(1, sum(span.rows for span in spans)))
    taken, left = [], []
    for span in spans:
        cut = span.stop if share == 1.0 else span.start + max(1, int((span.stop - span.start) * share))
        part = min(span.rows, round(span.rows * (cut - span.start) / (span.stop - span.start)))
        taken.append(_Span(span.topic_id, span.partition, span.start, cut, part))
        if cut < span.stop:
            left.append(_Span(span.topic_id, span.partition, cut, span.stop, span.rows - part))
    return taken, left
