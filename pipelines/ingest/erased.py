"""Remove the data of erased persons from `events` and `raw`.

Everything is derived from the list of erased persons, so the next run finishes what a crash interrupts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.events.pseudonym import Pseudonyms
from pipelines.events.suppression import SUPPRESSED, Suppression
from pipelines.ingest.event_rows import rows_of
from pipelines.ingest.feeds import app_id
from pipelines.inputs import input_id
from pipelines.lake import Handle, Lake
from pipelines.lake_months import months_of
from pipelines.lake_values import has_value, remove_values_at
from schemas.lake import EVENTS, FEED, IGNORED, QUARANTINE, QUARANTINED_EVENT, RAW, SUPPRESSION, LakeTable

SUPPRESSIONS: Final = input_id(SUPPRESSION.name)
"""The application transaction of `events` and of `raw` with the number of applied rows of the list."""

_SEARCHED_AT_ONCE: Final = 200_000
_READ: Final = (
    *EVENTS.key, *RAW.key, "month", "type", "role", "account_id", "linked_account_id", "group_operators", "members",
    "intervention_note",
)  # fmt: skip


def suppression_of(lake: Lake, pseudonyms: Pseudonyms) -> Suppression:
    """Load the list of erased persons; no table is created."""
    handle = lake.find(SUPPRESSION)
    return Suppression(pseudonyms.key) if handle is None else Suppression(pseudonyms.key, handle.scan().collect())


@dataclass(frozen=True)
class Erased:
    """The rows of `events` of one month that name erased persons.

    Attributes:
        before: The current rows.
        after: The remaining rows: events on groups and of others, without the erased accounts and notes on them.
    """

    before: pl.DataFrame
    after: pl.DataFrame


def stored_of(events: Handle, suppression: Suppression) -> Iterator[Erased]:
    """Yield the stored events that name erased persons by month; months without any are left out."""
    for month in months_of(events):
        rows = events.scan().filter(pl.col("month") == month).select(_READ).collect(engine="streaming")
        before = rows_of(events, rows.filter(suppression.concerns(rows)).select(EVENTS.key))
        if not before.is_empty():
            yield Erased(before, suppression.without(before))


def held_of(lake: Lake, suppression: Suppression) -> pl.DataFrame:
    """Return the copies in `quarantined_event` that name erased persons."""
    rows = lake.open(QUARANTINED_EVENT).scan().collect(engine="streaming")
    return rows.filter(suppression.concerns(rows))


def drop_held(lake: Lake, suppression: Suppression) -> None:
    """Delete copies of their events in `quarantined_event`, and clear their accounts in copies of others' events."""
    handle = lake.open(QUARANTINED_EVENT)
    rows = handle.scan().collect(engine="streaming")
    kept = suppression.without(rows)
    if not kept.equals(rows, null_equal=True):
        lake.replace(handle, kept, {})


def alone_in_record(lake: Lake, events: Handle, gone: pl.DataFrame) -> pl.DataFrame:
    """Return the records (`COORDINATES`) of these rows of `EVENTS` that have no other stored rows."""
    records = gone.select(RAW.key).unique().lazy()
    others = [
        events.scan().join(gone.lazy(), on=EVENTS.key, how="anti").select(RAW.key),
        lake.open(QUARANTINED_EVENT).scan().join(gone.lazy(), on=EVENTS.key, how="anti").select(RAW.key),
        lake.open(QUARANTINE).scan().select(RAW.key),
    ]
    elsewhere = [some.join(records, on=RAW.key, how="semi").collect(engine="streaming") for some in others]
    return gone.unique(RAW.key, maintain_order=True).join(pl.concat(elsewhere), on=RAW.key, how="anti")


def note_ignored(lake: Lake, records: pl.DataFrame, batch: int) -> None:
    """Write records to `ignored` as suppressed, each once."""
    handle = lake.open(IGNORED)
    there = handle.scan().select(RAW.key).join(records.lazy(), on=RAW.key, how="semi").collect(engine="streaming")
    fresh = records.join(there, on=RAW.key, how="anti").with_columns(
        reason=pl.lit(SUPPRESSED), batch=pl.lit(batch, pl.Int64)
    )
    if not fresh.is_empty():
        lake.append(handle, fresh.select(IGNORED.schema.names()), {})


def search_payloads(lake: Lake, suppression: Suppression) -> dict[str, int]:
    """Remove the values of decoded records that name erased persons, among all records not searched yet.

    Returns:
        Number of removed values by table.

    Raises:
        LakeConflict: Another writer was faster; the next run continues.
    """
    if not suppression.number:
        return {}
    raw, events = lake.open(RAW), lake.open(EVENTS)
    is_same_list = raw.position(SUPPRESSIONS) == suppression.number
    theirs = lake.open(IGNORED).scan().filter(reason=SUPPRESSED).select(RAW.key).collect(engine="streaming")
    positions, removed = {SUPPRESSIONS: suppression.number}, 0
    feeds = lake.open(FEED).scan().select("topic_id", "partition", "from_offset").collect()
    for topic_id, partition, beginning in feeds.iter_rows():
        place, end = f"erased/{app_id(topic_id, partition)}", events.position(app_id(topic_id, partition)) or 0
        positions[place] = end
        start = raw.position(place) if is_same_list else None
        for first in range(beginning if start is None else start, end, _SEARCHED_AT_ONCE):
            within = pl.col("offset").is_between(first, min(first + _SEARCHED_AT_ONCE, end), closed="left")
            rows = lake.open(RAW).scan().filter(within, topic_id=topic_id, partition=partition)
            removed += _remove(lake, RAW, rows, suppression, theirs)
    quarantined = _remove(lake, QUARANTINE, lake.open(QUARANTINE).scan(), suppression, theirs)
    raw = lake.open(RAW)
    if any(raw.position(place) != position for place, position in positions.items()):
        lake.append(raw, pl.DataFrame(schema=RAW.schema), positions)
    return {RAW.name: removed, QUARANTINE.name: quarantined}


def requested(suppression: Suppression) -> dt.datetime:
    """Return when the newest erasure was requested, which is recorded as the removal time of values."""
    newest = suppression.rows["requested_at"].max()
    assert isinstance(newest, dt.datetime)  # noqa: S101 - the list has rows
    return newest


def _remove(lake: Lake, table: LakeTable, rows: pl.LazyFrame, suppression: Suppression, theirs: pl.DataFrame) -> int:
    """Remove the values of rows that name erased persons, and of records with only their events."""
    shown = rows.filter(has_value()).select(*RAW.key, "key", "headers", "value").collect(engine="streaming")
    of_headers = shown["headers"].list.eval(pl.element().struct.field("value"))
    names = suppression.sent(shown["value"]) | suppression.sent(shown["key"]) | _any_sent(of_headers, suppression)
    keys = shown.select(RAW.key)
    found = pl.concat([keys.filter(names), keys.join(theirs, on=RAW.key, how="semi")]).unique()
    return remove_values_at(lake, table, found, requested(suppression))


def _any_sent(lists: pl.Series, suppression: Suppression) -> pl.Series:
    values = pl.DataFrame({"value": lists}).with_row_index("row").explode("value")
    naming = values.filter(suppression.sent(values["value"]))["row"]
    return pl.Series(range(len(lists)), dtype=pl.UInt32).is_in(naming.implode())
