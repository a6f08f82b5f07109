"""Find, append and replace rows of `events` by key, and log what changes."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.events.change_log import change_log
from pipelines.lake import Handle, Lake
from schemas.lake import EVENTS, TOUCHED


def stored_copies(events: Handle, new: pl.DataFrame) -> pl.DataFrame:
    """Return the stored rows with the keys of `new`. Keys are compared first, so few rows are read completely."""
    keys = new.select(EVENTS.key).unique()
    known = events.scan().select(EVENTS.key).join(keys.lazy(), on=EVENTS.key, how="semi").collect(engine="streaming")
    return rows_of(events, known)


def rows_of(events: Handle, keys: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with these keys (`EVENTS.key`)."""
    if keys.is_empty():
        return pl.DataFrame(schema=events.table.schema)
    ids = keys["event_id"].unique()
    matching = events.scan().filter(pl.col("event_id").is_in(ids.implode()))
    return matching.join(keys.lazy(), on=EVENTS.key, how="semi").collect(engine="streaming")


def log_changes(lake: Lake, added: pl.DataFrame, removed: pl.DataFrame, batch: int) -> None:
    """Write to the change log what a write of `events` is going to change; see `change_log`. Call it before that."""
    changes = change_log(added, removed, batch)
    if not changes.is_empty():
        lake.append(lake.open(TOUCHED), changes, {})


def write_events(
    lake: Lake,
    events: Handle,
    added: pl.DataFrame,
    removed: pl.DataFrame,
    positions: Mapping[str, int],
    *,
    is_sorted: bool = False,
) -> None:
    """Append rows and delete others in one commit.

    Args:
        lake: The lake of `events`.
        events: Handle, loaded before the positions were read.
        added: Rows to append.
        removed: Stored rows to delete.
        positions: App id -> new version.
        is_sorted: Whether `added` is in the order of the table already.
    """
    if removed.is_empty():
        lake.append(events, added, positions, is_sorted=is_sorted)
        return
    months = pl.concat([added["month"], removed["month"]]).unique()
    kept = (
        events.scan()
        .filter(pl.col("month").is_in(months.implode()))
        .join(removed.lazy(), on=EVENTS.key, how="anti")
        .collect(engine="streaming")
    )
    lake.replace_months(events, pl.concat([kept, added]), months, positions)
