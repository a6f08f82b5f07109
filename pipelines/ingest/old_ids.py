"""Replace ids that name an account in lakes of earlier versions, which stored them in clear.

The pseudonym follows from the stored row alone, so rows are replaced in place, also those of records whose values were
removed, and a copy that arrives again has the id of its row. Each step may be interrupted and repeated.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.events.event_ids import MARK, MARKED, is_pseudonym, pseudonym_of, without_accounts
from pipelines.events.pseudonym import Pseudonyms
from pipelines.ingest.reset import BATCH, reset_facts
from pipelines.lake import Handle, Lake
from pipelines.lake_months import months_of
from schemas.kinds import MESSAGE_SENT
from schemas.lake import EVENTS, QUARANTINE_RULING, QUARANTINED_EVENT

WITHOUT_ACCOUNTS: Final = "settings/ids_without_accounts"
"""The application transaction of `events` that says that no id in it names an account in clear: 1."""

_TIMED: Final = r"/\d{4}-\d\d-\d\dT[^/]*\z"
_BY_BOT: Final = r"\A\d+/-?\d+\z"
_OF_GROUP: Final = pl.format("message/{}/", pl.col("group_id").str.strip_prefix("qq:"))
_NOW_MARKED: Final[dict[str, tuple[pl.Expr, ...]]] = {
    "event_id": (
        (pl.col("source") == "matterbridge") & pl.col("event_id").str.contains(_TIMED),
        (pl.col("source") == "qq") & pl.col("event_id").str.strip_prefix(_OF_GROUP).str.contains(_BY_BOT),
    ),
    "message_id": ((pl.col("source") == "matterbridge") & pl.col("message_id").str.contains(_TIMED),),
}
"""Ids of messages that `matterbridge` and `onebot11` made of accounts before they marked them, by column."""


def replace_old_ids(lake: Lake, events: Handle, pseudonyms: Pseudonyms) -> None:
    """Replace ids that name an account in `events`, its quarantined copies and rulings on them, if it is not done yet.

    One month is in memory at a time. If ids changed, every fact is computed from scratch by its next refresh.

    Args:
        lake: The lake of all tables.
        events: Handle of `EVENTS`; no reset of it is unfinished.
        pseudonyms: The company's key.

    Raises:
        LakeConflict: Another writer was faster; the next writer continues.
    """
    if events.position(BATCH) is None or events.position(WITHOUT_ACCOUNTS):
        return
    _replace_in_rulings(lake, events, pseudonyms)
    if lake.has(QUARANTINED_EVENT):
        copies = lake.open(QUARANTINED_EVENT)
        stored = copies.scan().collect(engine="streaming")
        if not (made := _replaced(stored, pseudonyms)).equals(stored):
            lake.replace(copies, made, {})
    is_changed = False
    for month in months_of(events):
        stored = events.scan().filter(pl.col("month") == month).collect(engine="streaming")
        if not (made := _replaced(stored, pseudonyms)).equals(stored):
            if not is_changed:
                # Before the rows: a crash in between must not leave facts of the old ids.
                reset_facts(lake)
                is_changed = True
            lake.replace_months(events, made, pl.Series([month]), {})
    lake.append(events, pl.DataFrame(schema=EVENTS.schema), {WITHOUT_ACCOUNTS: 1})


def _replace_in_rulings(lake: Lake, events: Handle, pseudonyms: Pseudonyms) -> None:
    """Let rulings name events by the ids that these get; an event that has not arrived yet may get either id."""
    if not lake.has(QUARANTINE_RULING):
        return
    log = lake.open(QUARANTINE_RULING)
    rulings = log.scan().collect()
    keys = rulings.select(EVENTS.key).unique().lazy()
    tables = [events.scan(), *([lake.open(QUARANTINED_EVENT).scan()] if lake.has(QUARANTINED_EVENT) else [])]
    named = pl.concat(
        table.join(keys, on=EVENTS.key, how="semi").select(*EVENTS.key, "type", "group_id", *MARKED[1:])
        for table in tables
    )
    arrived = named.collect(engine="streaming").unique(EVENTS.key)
    ids = arrived.select(*EVENTS.key, new=_replaced(arrived, pseudonyms)["event_id"])
    found = rulings.join(ids, on=EVENTS.key, how="left", maintain_order="left")
    made = found.with_columns(event_id=pl.coalesce("new", "event_id")).drop("new")
    awaited = found.filter(pl.col("new").is_null() & ~is_pseudonym(pl.col("event_id"))).drop("new")
    either = awaited.with_columns(
        event_id=pl.Series([pseudonym_of(one, pseudonyms) for one in awaited["event_id"]], dtype=pl.String)
    ).join(rulings, on=EVENTS.key, how="anti")
    numbered = either.with_columns(ruling=rulings.height + pl.int_range(1, pl.len() + 1))
    if not (whole := pl.concat([made, numbered.cast(QUARANTINE_RULING.schema)])).equals(rulings):
        lake.replace(log, whole, {})


def _replaced(rows: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.DataFrame:
    of_message = pl.col("type") == MESSAGE_SENT
    marked = rows.with_columns(
        pl.when(of_message & pl.any_horizontal(was)).then(pl.lit(MARK) + pl.col(column)).otherwise(column).alias(column)
        for column, was in _NOW_MARKED.items()
    )
    return without_accounts(marked, pseudonyms)
