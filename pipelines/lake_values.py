"""Values of records in `raw` and `quarantine`: removed when they are old; and how far back the others reach.

Coordinates, times and the SHA-256 of the value stay, and so does every count. What was decoded of a record stays in
`events`: its value is read again only to decode it once more.
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
"""Bytes of data files whose values one upkeep removes, about: runs wait for it. What is left goes hour by hour."""

_NAMED_AT_ONCE: Final = 20_000
"""Records that one update names by their offsets."""

_REMOVALS: Final = "values/removals"
"""The application transaction of `raw` that a removal and a fence both write: of two at a time one is refused."""


class ValuesRemoved(EmberlineError):
    """Records are to be decoded whose values were removed."""


def remove_values(lake: Lake, kept: dt.timedelta, now: dt.datetime, most_bytes: int = AT_ONCE) -> dict[str, int]:
    """Remove values, keys and headers of decoded records that Kafka got longer ago, and keep the values' hashes.

    Whole days of UTC go at once, so that a file is written again once a day and not at every upkeep. Where that is too
    much, the oldest go first and the others next time. A record without Kafka's time counts as old. The bytes leave the
    store with the files of old versions (`pipelines.lake_upkeep`).

    Args:
        lake: holds the tables.
        kept: For how long after Kafka's time of them.
        now: The clock, UTC.
        most_bytes: Size of the files of each table that are written again, about.

    Returns:
        Records whose value was removed, by table; 0 where a writer was faster: what is left goes next time.

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
        Records whose value was removed; those that had none any more do not count.

    Raises:
        LakeConflict: a writer was faster; some may be done.
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
    """Refuse every removal that has begun; the version of `raw` behind them, without a record more."""
    while True:
        raw = lake.open(RAW)
        with suppress(LakeConflict):
            lake.append(raw, pl.DataFrame(schema=RAW.schema), {_REMOVALS: _removals(raw) + 1})
            return raw


@dataclass(frozen=True)
class Reach:
    """How far back values of `raw` reach.

    Attributes:
        records: Records whose value was removed.
        since: The first instant, UTC, from which on no record had its value removed; None where none ever had.
    """

    records: int
    since: dt.datetime | None

    def __str__(self) -> str:
        if self.since is None:
            return "The values of all records are there."
        return (
            f"Values reach back to {self.since:%Y-%m-%d %H:%M} UTC. "
            f"Those of {self.records:,} older records were removed (privacy.keep_raw_days)."
        )


def values_reach(raw: Handle) -> Reach:
    """Tell how far back records can be decoded again.

    Args:
        raw: of `RAW`.
    """
    removed = raw.scan().filter(~has_value()).select(records=pl.len(), newest=pl.col("kafka_time").max())
    records, newest = removed.collect(engine="streaming").row(0)
    return Reach(records, None if newest is None else newest + dt.timedelta(microseconds=1))


def has_value() -> pl.Expr:
    """Whether a record of `raw` can be decoded again: nothing of it was removed."""
    return pl.col("removed_at").is_null()


def refuse_removed(raw: Handle, spans: Sequence[Undecoded], kept_through: dt.datetime | None) -> None:
    """Raise `ValuesRemoved` if `events` lacks records that cannot be decoded.

    Args:
        raw: of `RAW`.
        spans: what `events` does not include.
        kept_through: it includes, all the same, records whose value was removed up to then; None: none.
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
            # Where all of that went before, or is not decoded, the files behind have their turn.
            if removed := lake.update(handle, where, values, {_REMOVALS: _removals(handle)}):
                return removed
            continue
        return 0
    return 0


def _removal(now: dt.datetime) -> dict[str, str]:
    """What becomes of the columns of a record."""
    values = {"value_sha256": "sha256(value)", "removed_at": f"to_timestamp_micros({int(now.timestamp() * 1_000_000)})"}
    return values | dict.fromkeys(("value", "key", "headers"), "NULL")


def _removals(handle: Handle) -> int:
    return handle.position(_REMOVALS) or 0


def _cuts(handle: Handle, before: dt.datetime, most_bytes: int) -> list[dt.datetime]:
    """The instants before which values may go this time, one after the other until some do.

    Files with old records, oldest first, are as many as `most_bytes` allows, or one; if none of them has a value left,
    twice as many, and so on. That is told by the statistics in the log: no file is read.
    """
    files = pl.DataFrame(handle.delta.get_add_actions(flatten=True))
    if files.is_empty():
        return []
    oldest = pl.col("min.kafka_time")
    is_old = (oldest < before) | (pl.col("null_count.kafka_time") > 0)
    is_left = pl.col("null_count.removed_at") > 0
    # A statistic that is not there says nothing.
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
    """SQL: whether `events` does not include a record of `raw` yet; None where it includes all."""
    spans = undecoded(lake, raw, lake.open(EVENTS))
    return (
        " OR ".join(
            f"(topic_id = '{span.topic_id}' AND partition = {span.partition} AND \"offset\" >= {span.start})"
            for span in spans
        )
        or None
    )
