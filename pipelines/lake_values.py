"""Remove old values of records in `raw` and `quarantine`, and report how far back the remaining ones reach.

Coordinates, times and the SHA-256 of the value stay, and so does every count. The decoded event stays in `events`; the
value is only needed to decode the record again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.ingest.feeds import Undecoded, in_spans, undecoded
from pipelines.lake import Handle, Lake, LakeConflict
from schemas.errors import EmberlineError
from schemas.lake import EVENTS, QUARANTINE, RAW, LakeTable

AT_ONCE: Final = 256 * 1024 * 1024
"""Size in bytes, about, of the data files whose values are removed at a time, since runs wait for it."""

_NAMED_AT_ONCE: Final = 20_000
"""Most records that one update names by their offsets."""

_REMOVALS: Final = "values/removals"
"""The application transaction of `raw` that removals and fences write, so that of two at a time one is refused."""


class ValuesRemoved(EmberlineError):
    """Records have to be decoded whose values were removed."""


def remove_values(lake: Lake, kept: dt.timedelta, now: dt.datetime, most_bytes: int = AT_ONCE) -> dict[str, int]:
    """Remove values, keys and headers of old decoded records, and keep the values' hashes.

    Works by whole days of UTC, so that a file is rewritten once a day and not at every maintenance. If that is too much
    at a time, the oldest go first and the others next time. A record without a Kafka timestamp counts as old. The bytes
    leave the store with the files of old versions (`pipelines.lake_maintenance`).

    Args:
        lake: holds the tables.
        kept: Retention after the Kafka timestamp.
        now: The clock, UTC.
        most_bytes: Size, about, of the files of each table that are rewritten at most.

    Returns:
        Number of records whose value was removed, by table; 0 if another writer committed first.

    Raises:
        LakeUnavailable: The store failed.
    """
    before = (now - kept).replace(hour=0, minute=0, second=0, microsecond=0)
    raw = lake.open(RAW)
    return {
        RAW.name: _remove(lake, raw, before, now, _is_undecoded(lake, raw), most_bytes),
        QUARANTINE.name: _remove(lake, lake.open(QUARANTINE), before, now, None, most_bytes),
    }


def remove_values_at(lake: Lake, table: LakeTable, records: pl.DataFrame, now: dt.datetime) -> int:
    """Remove values, keys and headers of these records, and keep the values' hashes.

    Args:
        lake: holds the table.
        table: `RAW` or `QUARANTINE`.
        records: `topic_id`, `partition`, `offset`, of decoded records.
        now: The clock, UTC.

    Returns:
        Number of records whose value was removed now.

    Raises:
        LakeConflict: another writer committed first; some values may be removed.
        LakeUnavailable: The store failed.
    """
    removed = 0
    for (topic_id, partition), of_partition in records.group_by("topic_id", "partition"):
        for some in of_partition.sort("offset").iter_slices(_NAMED_AT_ONCE):
            handle = lake.open(table)
            offsets = ", ".join(map(str, some["offset"]))
            of_them = f"topic_id = '{topic_id}' AND partition = {partition} AND \"offset\" IN ({offsets})"
            where = f"removed_at IS NULL AND {of_them}"
            removed += lake.update(handle, where, _removal(now), {_REMOVALS: _removals(handle) + 1})
    return removed


def fence_removals(lake: Lake) -> Handle:
    """Make every removal that has begun fail, and return a version of `raw` after all finished ones."""
    while True:
        raw = lake.open(RAW)
        with suppress(LakeConflict):
            lake.append(raw, pl.DataFrame(schema=RAW.schema), {_REMOVALS: _removals(raw) + 1})
            return raw


@dataclass(frozen=True)
class Reach:
    """How far back values of `raw` reach.

    Attributes:
        records: Number of records whose value was removed.
        since: The instant, UTC, from which on all records have their values; None if no value was ever removed.
    """

    records: int
    since: dt.datetime | None

    def __str__(self) -> str:
        if self.since is None:
            return "All records have their values."
        return (
            f"Values reach back to {self.since:%Y-%m-%d %H:%M} UTC. "
            f"Those of {self.records:,} older records were removed (privacy.keep_raw_days)."
        )


def values_reach(raw: Handle) -> Reach:
    """Return how far back records can be decoded again.

    Args:
        raw: of `RAW`.
    """
    removed = raw.scan().filter(~has_value()).select(records=pl.len(), newest=pl.col("kafka_time").max())
    records, newest = removed.collect(engine="streaming").row(0)
    return Reach(records, None if newest is None else newest + dt.timedelta(microseconds=1))


def has_value() -> pl.Expr:
    """Whether a record of `raw` can be decoded again because it still has its value."""
    return pl.col("removed_at").is_null()


def refuse_removed(raw: Handle, spans: Sequence[Undecoded], kept_through: dt.datetime | None) -> None:
    """Raise `ValuesRemoved` if `events` lacks records that cannot be decoded again.

    Args:
        raw: of `RAW`.
        spans: offsets that `events` does not include.
        kept_through: `events` nevertheless includes all records whose value was removed until then; None: does not.
    """
    is_lost = ~has_value() if kept_through is None else pl.col("removed_at") > kept_through
    start = {(span.topic_id, span.partition): span.start for span in spans}
    stop = {(span.topic_id, span.partition): span.stop for span in spans}
    if not spans or raw.scan().filter(in_spans(start, stop) & is_lost).head(1).collect(engine="streaming").is_empty():
        return
    raise ValuesRemoved(
        f"Lake table events lacks records of raw that cannot be decoded again. {values_reach(raw)}",
        "Restore lake table events from a backup. Without one, begin a new lake (lake.uri): Kafka is read again.",
        raw.delta.table_uri,
    )


def _remove(
    lake: Lake, handle: Handle, before: dt.datetime, now: dt.datetime, spared: str | None, most_bytes: int
) -> int:
    values = _removal(now)
    for cut in _cuts(handle, before, most_bytes):
        where = f"removed_at IS NULL AND (kafka_time IS NULL OR kafka_time < '{cut.isoformat()}')"
        if spared is not None:
            where = f"{where} AND NOT ({spared})"
        with suppress(LakeConflict):  # the ingest has just written old records, or events are being rebuilt
            # If all of these were removed before, or are not decoded yet, go on with later files.
            if removed := lake.update(handle, where, values, {_REMOVALS: _removals(handle)}):
                return removed
            continue
        return 0
    return 0


def _removal(now: dt.datetime) -> dict[str, str]:
    """Return the new values of a record's columns, as SQL."""
    values = {"value_sha256": "sha256(value)", "removed_at": f"to_timestamp_micros({int(now.timestamp() * 1_000_000)})"}
    return values | dict.fromkeys(("value", "key", "headers"), "NULL")


def _removals(handle: Handle) -> int:
    return handle.position(_REMOVALS) or 0


def _cuts(handle: Handle, before: dt.datetime, most_bytes: int) -> list[dt.datetime]:
    """Return instants before which to remove values, to be tried in order until some are removed.

    The first covers the oldest files up to `most_bytes`, or one file; each next one covers twice as many, for the case
    that none of the earlier files has values left. Uses the statistics in the log: no file is read.
    """
    files = pl.DataFrame(handle.delta.get_add_actions(flatten=True))
    if files.is_empty():
        return []
    oldest = pl.col("min.kafka_time")
    is_old = (oldest < before) | (pl.col("null_count.kafka_time") > 0)
    is_left = pl.col("null_count.removed_at") > 0
    # A file without the statistic may have any value.
    old = files.filter(is_old.fill_null(value=True) & is_left.fill_null(value=True)).sort(oldest, nulls_last=False)
    if old.is_empty():
        return []
    behind = old.select(oldest.alias("cut"), total=pl.col("size_bytes").cum_sum())
    behind = behind.filter((pl.col("cut") > pl.col("cut").min()) & (pl.col("cut") < before))
    cuts = []
    while not (beyond := behind.filter(pl.col("total") > most_bytes)).is_empty():
        cuts.append(beyond["cut"][0])
        most_bytes *= 2
    return [*cuts, before]


def _is_undecoded(lake: Lake, raw: Handle) -> str | None:
    """Return an SQL predicate of records of `raw` that `events` does not include; None if it includes all."""
    spans = undecoded(lake, raw, lake.open(EVENTS))
    return (
        " OR ".join(
            f"(topic_id = '{span.topic_id}' AND partition = {span.partition} AND \"offset\" >= {span.start})"
            for span in spans
        )
        or None
    )
