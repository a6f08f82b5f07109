"""Decoded offsets of each partition at an earlier batch of `events`, before a rebuild."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.ingest.feeds import app_id
from pipelines.ingest.reset import BATCH, RESET
from pipelines.lake import Handle, Lake
from schemas.lake import EVENTS, FEED

DECODED_THROUGH: Final = pl.Schema({"topic_id": pl.String, "partition": pl.Int32, "end": pl.Int64})
"""The offset after the last decoded one, per partition with decoded records."""

_ALL: Final = (1 << 63) - 1


def decoded_through(lake: Lake, batch: int) -> pl.DataFrame | None:
    """Return the decoded offsets at a batch of `events`, if `events` was rebuilt since.

    Args:
        lake: The lake with `events` and `feed`.
        batch: A batch of `events`.

    Returns:
        `DECODED_THROUGH`; None if `events` was not reset since. If the log of `events` does not reach back to the
        batch, all offsets count as decoded.
    """
    events = lake.open(EVENTS)
    if (reset := events.position(RESET)) is None or batch >= reset:
        return None
    then = _at(lake, events, batch)
    feeds = lake.open(FEED).scan().select("topic_id", "partition").collect()
    ends = [
        (topic_id, partition, _ALL if then is None else then.position(app_id(topic_id, partition)))
        for topic_id, partition in feeds.iter_rows()
    ]
    return pl.DataFrame(ends, schema=DECODED_THROUGH, orient="row").drop_nulls("end")


def _at(lake: Lake, events: Handle, batch: int) -> Handle | None:
    """Return the newest version of `events` that ends with a batch, by binary search: batches only grow."""
    found, low, high = None, 0, events.version
    while low <= high:
        middle = (low + high) // 2
        tried = lake.at(events, middle)
        if tried is None or (tried.position(BATCH) or 0) <= batch:
            found, low = tried, middle + 1
        else:
            high = middle - 1
    return found if found is not None and (found.position(BATCH) or 0) == batch else None
