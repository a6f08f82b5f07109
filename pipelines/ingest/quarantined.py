"""Events that people put in quarantine: their copies are in `quarantined_event` instead of `events`.

A copy counts from the commit of `events` that includes its offset. Copies left by a run that died before that commit do
not count, and are not written twice. A copy of a record whose value was removed always counts: it is never decoded
again.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.events.deduplicate import first_delivered
from pipelines.ingest.event_rows import rows_of
from pipelines.ingest.feeds import app_id
from pipelines.inputs import input_id
from pipelines.lake import Handle, Lake
from pipelines.lake_values import has_value
from pipelines.quarantine import quarantined
from schemas.lake import EVENTS, QUARANTINE_RULING, QUARANTINED_EVENT, RAW

RULINGS: Final = input_id(QUARANTINE_RULING.name)
"""The application transaction of `events` with the number of applied rulings on events."""

_PARTITION: Final = ("topic_id", "partition")


class QuarantinedEvents:
    """The events in quarantine by the rulings loaded at creation; `rulings` is their number."""

    def __init__(self, lake: Lake) -> None:
        """Load the rulings."""
        self._lake = lake
        log = lake.open(QUARANTINE_RULING)
        self.rulings = log.content
        self.keys = quarantined(log.scan()).select(EVENTS.key).collect()

    def is_followed_by(self, events: Handle) -> bool:
        """Return whether these rulings are applied to `events`."""
        return (events.position(RULINGS) or 0) == self.rulings

    def holds(self, rows: pl.DataFrame) -> pl.Series:
        """Return which rows of `EVENTS` are of events in quarantine."""
        if self.keys.is_empty():
            return pl.Series([False], dtype=pl.Boolean).new_from_index(0, rows.height)
        marked = self.keys.with_columns(is_held=pl.lit(value=True))
        found = rows.select(EVENTS.key).join(marked, on=EVENTS.key, how="left", maintain_order="left")
        return found["is_held"].fill_null(value=False)

    def first_copies(self, rows: pl.DataFrame, events: Handle) -> pl.DataFrame:
        """Return the first delivered copies of those of the rows' events that are in quarantine."""
        keys = rows.filter(self.holds(rows)).select(EVENTS.key).unique()
        return self._first_copies(keys, events)

    def released(self, events: Handle) -> pl.DataFrame:
        """Return the first delivered copies of released events that are not in `events` again yet."""
        kept = self._lake.open(QUARANTINED_EVENT).scan().select(EVENTS.key).unique().collect(engine="streaming")
        free = self._first_copies(kept.filter(~self.holds(kept)), events)
        return free.join(rows_of(events, free.select(EVENTS.key)), on=EVENTS.key, how="anti")

    def keep(self, copies: pl.DataFrame, batch: int | None) -> None:
        """Write copies, each once.

        Args:
            copies: Rows of `EVENTS`.
            batch: The batch that removes them from `events`; None: they were not in it.
        """
        if copies.is_empty():
            return
        handle = self._lake.open(QUARANTINED_EVENT)
        stored = handle.scan().collect(engine="streaming")
        on = QUARANTINED_EVENT.key
        if batch is None:
            copies = copies.join(stored, on=on, how="anti")
        else:
            stored = stored.join(copies, on=on, how="anti")
        fresh = copies.with_columns(batch=pl.lit(batch, pl.Int64)).select(QUARANTINED_EVENT.schema.names())
        self._lake.replace(handle, pl.concat([stored, fresh]), {})

    def _first_copies(self, keys: pl.DataFrame, events: Handle) -> pl.DataFrame:
        copies = rows_of(self._lake.open(QUARANTINED_EVENT), keys)
        ends = copies.select(_PARTITION).unique()
        included = ends.with_columns(
            end=pl.Series([events.position(app_id(*partition)) or 0 for partition in ends.iter_rows()], dtype=pl.Int64)
        )
        located = copies.join(included, on=_PARTITION)
        beyond = located.filter(pl.col("offset") >= pl.col("end"))
        counting = located.filter(pl.col("offset") < pl.col("end"))
        return first_delivered(pl.concat([counting, self._without_value(beyond)]).drop("end"))

    def _without_value(self, copies: pl.DataFrame) -> pl.DataFrame:
        """Return the copies whose record has lost its value."""
        if copies.is_empty():
            return copies
        at = pl.col("offset").is_in(copies["offset"].unique().implode())
        removed = self._lake.open(RAW).scan().filter(at & ~has_value()).select(RAW.key).collect(engine="streaming")
        return copies.join(removed, on=RAW.key, how="semi")
