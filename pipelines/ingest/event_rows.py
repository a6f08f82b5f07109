"""Rows of `events` by their keys: found, appended and replaced."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.lake import Handle, Lake
from schemas.lake import EVENTS


def stored_copies(events: Handle, new: pl.DataFrame) -> pl.DataFrame:
    """Find the stored rows with the keys of `new`. Keys are compared first: few rows are read whole."""
    keys = new.select(EVENTS.key).unique()
    known = events.scan().select(EVENTS.key).join(keys.lazy(), on=EVENTS.key, how="semi").collect(engine="streaming")
    return rows_of(events, known)


def rows_of(events: Handle, keys: pl.DataFrame) -> pl.DataFrame:
    """Find the rows with these keys (`EVENTS.key`)."""
    if keys.is_empty():
        return pl.DataFrame(schema=events.table.schema)
    ids = keys["event_id"].unique()
    matching = events.scan().filter(pl.col("event_id").is_in(ids.implode()))
    return matching.join(keys.lazy(), on=EVENTS.key, how="semi").collect(engine="streaming")


def write_events(
    lake: Lake,
    events: Handle,
    added: pl.DataFrame,
    removed: pl.DataFrame,
    positions: Mapping[str, int],
    *,
    is_sorted: bool = False,
) -> None:
    """Append rows, and take others away in the same commit.

    Args:
        lake: holds `events`.
        events: loaded before the positions were read.
        added: rows to append.
        removed: stored rows to take away.
        positions: app id -> new version.
        is_sorted: whether `added` lies in the order of the table already.
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
