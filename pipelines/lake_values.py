"""Values of records in `raw` and `quarantine`: removed when they are old; and how far back the others reach.

Coordinates, times and the SHA-256 of the value stay, and so does every count. What was decoded of a record stays in
`events`: its value is read again only to decode it once more.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from pipelines.ingest.feeds import undecoded
from pipelines.lake import Handle, Lake, LakeConflict
from schemas.errors import EmberlineError
from schemas.lake import EVENTS, QUARANTINE, RAW


class ValuesRemoved(EmberlineError):
    """Records are to be decoded whose values were removed."""


def remove_values(lake: Lake, kept: dt.timedelta, now: dt.datetime) -> dict[str, int]:
    """Remove values, keys and headers of decoded records that Kafka got longer ago, and keep the values' hashes.

    Whole days of UTC go at once, so that a file is written again once a day and not at every upkeep. A record without
    Kafka's time counts as old. The bytes leave the store with the files of old versions (`pipelines.lake_upkeep`).

    Args:
        lake: holds the tables.
        kept: For how long after Kafka's time of them.
        now: The clock, UTC.

    Returns:
        Records whose value was removed, by table; 0 where a writer was faster: what is left goes next time.

    Raises:
        LakeUnavailable: The store failed.
    """
    before = (now - kept).replace(hour=0, minute=0, second=0, microsecond=0)
    raw = lake.open(RAW)
    return {
        RAW.name: _remove(lake, raw, before, now, _is_undecoded(lake, raw)),
        QUARANTINE.name: _remove(lake, lake.open(QUARANTINE), before, now, None),
    }


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


def refuse_rebuild(raw: Handle) -> None:
    """Raise `ValuesRemoved` if decoding all of `raw` again would lose events: of some records nothing is left."""
    reach = values_reach(raw)
    if reach.since is not None:
        raise ValuesRemoved(
            f"Events cannot be decoded again as a whole. {reach}",
            "Nothing was changed. Restore lake table raw from a backup that still has the values, then try again.",
            raw.delta.table_uri,
        )


def refuse_removed(raw: Handle, records: pl.DataFrame) -> None:
    """Raise `ValuesRemoved` if any of these records of `raw` cannot be decoded: it is no tombstone."""
    if records["removed_at"].null_count() < records.height:
        raise ValuesRemoved(
            f"Lake table events lacks records of raw that cannot be decoded again. {values_reach(raw)}",
            "Restore lake table events from a backup. Without one, begin a new lake (lake.uri): Kafka is read again.",
            raw.delta.table_uri,
        )


def _remove(lake: Lake, handle: Handle, before: dt.datetime, now: dt.datetime, spared: str | None) -> int:
    if not _has_old(handle, before):
        return 0
    where = f"removed_at IS NULL AND (kafka_time IS NULL OR kafka_time < '{before.isoformat()}')"
    values = {"value_sha256": "sha256(value)", "removed_at": f"to_timestamp_micros({int(now.timestamp() * 1_000_000)})"}
    try:
        return lake.update(
            handle,
            where if spared is None else f"{where} AND NOT ({spared})",
            values | dict.fromkeys(("value", "key", "headers"), "NULL"),
        )
    except LakeConflict:  # the ingest has just written old records
        return 0


def _has_old(handle: Handle, before: dt.datetime) -> bool:
    """Whether any file may have a record to remove the value of, by the statistics in the log: no file is read."""
    files = pl.DataFrame(handle.delta.get_add_actions(flatten=True))
    if files.is_empty():
        return False
    is_old = (pl.col("min.kafka_time") < before) | (pl.col("null_count.kafka_time") > 0)
    is_left = pl.col("null_count.removed_at") > 0
    # A statistic that is not there says nothing.
    return files.select((is_old.fill_null(value=True) & is_left.fill_null(value=True)).any()).item()


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
