"""`identity` follows the links between accounts, and leaves word of every account whose person changes."""

from __future__ import annotations

import polars as pl

from pipelines.events.identity import changes, identity
from pipelines.ingest.events import BATCH
from pipelines.lake import Lake
from pipelines.refresh.changes import BATCH_INPUT
from pipelines.refresh.written import Refreshed, note, unchanged, write
from schemas.lake import EVENTS, IDENTITY, IDENTITY_CHANGE, TOUCHED


def refresh_identity(lake: Lake) -> Refreshed:
    """Resolve persons anew if a link came or went.

    The persons before and after are in `identity_change` before they are in `identity`: a run that dies in between
    leaves a row too many, which costs facts a recomputation.
    """
    handle, events = lake.open(IDENTITY), lake.open(EVENTS)
    batch, done = events.position(BATCH) or 0, handle.position(BATCH_INPUT)
    if done == batch:
        return unchanged(handle)
    seen = {BATCH_INPUT: batch}
    if done is not None and not _has_new_links(lake, done):
        note(lake, handle, seen)
        return unchanged(handle)
    before = handle.scan().collect(engine="streaming")
    after = identity(events.scan(), before, batch)
    changed = changes(before, after, batch)
    if not changed.is_empty():
        lake.append(lake.open(IDENTITY_CHANGE), changed, {})
    return write(lake, handle, after, before, seen)


def _has_new_links(lake: Lake, done: int) -> bool:
    marks = lake.open(TOUCHED).scan().filter((pl.col("batch") > done) & pl.col("links"))
    return not marks.head(1).collect().is_empty()
