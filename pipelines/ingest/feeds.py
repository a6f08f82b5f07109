"""The partitions that `raw` has, or may soon have, records of (lake table `feed`), and their undecoded offsets.

A partition is recorded before its first record is written, so that all records of `raw` can be found, even after their
topic was deleted. Recording one too early costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass

import polars as pl

from pipelines.lake import Handle, Lake, LakeConflict
from schemas.lake import EVENTS, FEED, RAW


@dataclass(frozen=True)
class Feed:
    """A partition of a topic, read from `from_offset` on."""

    topic: str
    topic_id: str
    partition: int
    from_offset: int


@dataclass(frozen=True)
class Undecoded:
    """Offsets `[start, stop)` of a partition that `raw` includes but `events` does not; some may have no record."""

    topic_id: str
    partition: int
    start: int
    stop: int


def app_id(topic_id: str, partition: int) -> str:
    """Return the application transaction with the position of a partition."""
    return f"kafka/{topic_id}/{partition}"


def record_feeds(lake: Lake, feeds: Iterable[Feed]) -> None:
    """Record the partitions that are not recorded yet."""
    wanted = list(feeds)
    while True:
        handle = lake.open(FEED)
        new = [feed for feed in wanted if handle.position(app_id(feed.topic_id, feed.partition)) is None]
        if not new:
            return
        rows = pl.DataFrame([astuple(feed) for feed in new], schema=FEED.schema, orient="row")
        try:
            lake.append(handle, rows, {app_id(feed.topic_id, feed.partition): feed.from_offset for feed in new})
        except LakeConflict:
            continue
        return


def undecoded(lake: Lake, raw: Handle, events: Handle | None) -> list[Undecoded]:
    """Return the undecoded offsets by topic id and partition, without reading records.

    Args:
        lake: The lake of `feed`.
        raw: Handle of `RAW`.
        events: Handle of `EVENTS`; None if the table does not exist yet.
    """
    found = []
    # Read after `raw` was loaded, so that each partition with a position in it is recorded.
    feeds = lake.find(FEED)
    rows = [] if feeds is None else feeds.scan().sort(FEED.key).collect().rows()
    for _, topic_id, partition, from_offset in rows:
        name = app_id(topic_id, partition)
        stop, done = raw.position(name), None if events is None else events.position(name)
        start = from_offset if done is None else done
        if stop is not None and start < stop:
            found.append(Undecoded(topic_id, partition, start, stop))
    return found


def in_spans(start: Mapping[tuple[str, int], int], stop: Mapping[tuple[str, int], int]) -> pl.Expr:
    """Return whether a record of `raw` has an offset in `[start, stop)` of its (topic id, partition)."""
    return pl.any_horizontal(
        pl.lit(value=False),
        *(
            (pl.col("topic_id") == topic_id)
            & (pl.col("partition") == partition)
            & pl.col("offset").is_between(start.get((topic_id, partition), 0), end, closed="left")
            for (topic_id, partition), end in stop.items()
        ),
    )


def undecoded_offsets(lake: Lake) -> int:
    """Return how many offsets `raw` is ahead of `events`; no table is created."""
    raw = lake.find(RAW)
    if raw is None:
        return 0
    return sum(span.stop - span.start for span in undecoded(lake, raw, lake.find(EVENTS)))
