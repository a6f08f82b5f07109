"""People's rulings on events: an append-only log, and the events it puts in quarantine."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.events.deduplicate import first_delivered
from pipelines.lake import Lake
from schemas.errors import EmberlineError
from schemas.lake import EVENTS, QUARANTINE, QUARANTINE_RULING, QUARANTINED_EVENT

_SAID: Final = ("type", "time", "group_id", "order_id", "amount_minor", "currency")


class NoSuchEvent(EmberlineError):
    """No event has this source and id."""


class AlreadyQuarantined(EmberlineError):
    """The event is in quarantine."""


class NotQuarantined(EmberlineError):
    """The event is not in quarantine, so it cannot be put back."""


def quarantined(rulings: pl.LazyFrame) -> pl.LazyFrame:
    """Return the newest ruling on each event that is in quarantine.

    Args:
        rulings: rows of `QUARANTINE_RULING`, in any order.
    """
    newest = rulings.sort("ruling").unique(EVENTS.key, keep="last", maintain_order=True)
    return newest.filter("is_quarantined")


def rule_on_event(
    lake: Lake,
    source: str,
    event_id: str,
    *,
    is_quarantined: bool,
    actor: str,
    reason: str,
    now: dt.datetime,
    pseudonym: str | None = None,
    is_expected: bool = False,
) -> None:
    """Put an event in quarantine, or back. The next run of the pipeline applies the ruling.

    An event that is expected is ruled on under its id and the pseudonym, since its kind is not known.

    Args:
        lake: holds the rulings and the events.
        source: of the event.
        event_id: its id in the source, or its pseudonym.
        is_quarantined: True puts it in quarantine, False takes it out.
        actor: who decided.
        reason: why.
        now: the clock, UTC.
        pseudonym: the id under which it is stored if its kind is one of `OF_AN_ACCOUNT`.
        is_expected: the event need not have arrived yet.

    Raises:
        NoSuchEvent: no such event arrived, and it is not expected.
        AlreadyQuarantined: it is in quarantine already.
        NotQuarantined: it cannot be taken out, because it is not in quarantine.
        LakeConflict: another ruling was written first.
    """
    handle = lake.open(QUARANTINE_RULING)
    rulings = handle.scan().collect()
    ids = list(dict.fromkeys(one for one in (event_id, pseudonym) if one is not None))
    is_event = (pl.col("source") == source) & pl.col("event_id").is_in(ids)
    standing = quarantined(rulings.lazy()).filter(is_event).collect()
    if not is_quarantined and standing.is_empty():
        raise NotQuarantined(
            f"No ruling has put event {event_id} of {source} in quarantine.",
            "See which are: emberline quarantine list",
        )
    if is_quarantined and not standing.is_empty():
        by, why = standing.row(0, named=True)["actor"], standing.row(0, named=True)["reason"]
        raise AlreadyQuarantined(
            f"Event {event_id} of {source} is in quarantine already, put there by {by}: {why}",
            "Nothing is left to do; the next run applies it, if none has yet: emberline run",
        )
    meant = standing["event_id"].to_list() if not is_quarantined else ids if is_expected else _arrived(lake, is_event)
    if not meant:
        raise NoSuchEvent(
            f"No event has the source {source} and the id {event_id}.",
            "Give both as the columns source and event_id of lake table events have them; "
            "with --expected also an event that has not arrived yet.",
        )
    rows = [
        (number, source, one, is_quarantined, actor, reason, now)
        for number, one in enumerate(meant, start=rulings.height + 1)
    ]
    lake.append(handle, pl.DataFrame(rows, schema=QUARANTINE_RULING.schema, orient="row"), {})


def _arrived(lake: Lake, is_event: pl.Expr) -> list[str]:
    """Return the ids of the events that are meant and have arrived."""
    arrived = (lake.open(table).scan().filter(is_event).select("event_id") for table in (EVENTS, QUARANTINED_EVENT))
    return pl.concat(arrived).unique().collect(engine="streaming")["event_id"].sort().to_list()


def in_quarantine(lake: Lake) -> pl.DataFrame:
    """Return the newest ruling on each event in quarantine, with the event.

    Returns:
        The columns of `QUARANTINE_RULING`, and `type`, `time`, `group_id`, `order_id`, `amount_minor` and `currency` of
        the event, null where it has not arrived. Newest first.
    """
    standing = quarantined(lake.open(QUARANTINE_RULING).scan()).collect()
    keys = standing.select(EVENTS.key).lazy()
    # Until the next run it is still in `events`.
    copies = [
        lake.open(table).scan().join(keys, on=EVENTS.key, how="semi").collect(engine="streaming")
        for table in (EVENTS, QUARANTINED_EVENT)
    ]
    said = first_delivered(pl.concat(copies)).select(*EVENTS.key, *_SAID)
    return standing.join(said, on=EVENTS.key, how="left").sort("ruling", descending=True)


def rejected_records(lake: Lake, after_batch: int = 0) -> pl.DataFrame:
    """Count the records of later batches that were no valid events, by reason.

    Returns:
        One row per reason, the most frequent first: `reason`, `records`, `detail` (the most frequent one), and `topic`
        and `offset` of the newest record.
    """
    by_detail = (
        lake.open(QUARANTINE)
        .scan()
        .filter(pl.col("batch") > after_batch)
        .group_by("reason", "detail")
        .agg(pl.col("topic", "offset").sort_by("batch", "offset").last(), pl.col("batch").max(), records=pl.len())
        .sort("records", "detail", descending=[True, False])
    )
    newest = pl.col("topic", "offset").sort_by("batch", "offset").last()
    by_reason = by_detail.group_by("reason", maintain_order=True).agg(
        pl.col("records").sum().cast(pl.Int64), pl.col("detail").first(), newest
    )
    return by_reason.sort("records", "reason", descending=[True, False]).collect(engine="streaming")
