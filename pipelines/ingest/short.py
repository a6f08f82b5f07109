"""What did not arrive: days of owners with fewer messages than their platform counted, beside missing numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.events.control_totals import COMPARED, DAY, compare
from pipelines.ingest.missing import SHOWN_FOR, Lateness, by_sequence, complete_through, missing_numbers
from pipelines.lake import Lake
from pipelines.printable import counted, printable_name
from schemas.lake import CONTROL_TOTAL, EVENTS


@dataclass(frozen=True)
class Missing:
    """What did not arrive in the 28 days up to the watermark.

    Attributes:
        numbers: `missing.by_sequence`.
        messages: `short_by_owner`.
        not_comparable: Number of days of owners whose totals were not compared.
    """

    numbers: pl.DataFrame
    messages: pl.DataFrame
    not_comparable: int = 0


def what_is_missing(lake: Lake, lateness: Lateness) -> Missing:
    """Return what did not arrive; see `missing_numbers` and `compared_totals`."""
    compared = compared_totals(lake, lateness)
    numbers = by_sequence(missing_numbers(lake, lateness))
    return Missing(numbers, short_by_owner(compared), compared["short"].null_count())


def compared_totals(lake: Lake, lateness: Lateness) -> pl.DataFrame:
    """Compare the totals of the 28 days up to the watermark with the events; no table is created.

    Of events the messages of these days are read, and nothing where there are no totals.

    Args:
        lake: The lake of `control_total`, which need not exist.
        lateness: Allowed lateness of the watermark.

    Returns:
        `COMPARED`.
    """
    handle, events = lake.find(CONTROL_TOTAL), lake.find(EVENTS)
    totals = pl.DataFrame(schema=CONTROL_TOTAL.schema) if handle is None else handle.scan().collect(engine="streaming")
    if totals.is_empty() or events is None:
        return COMPARED.to_frame()
    through = complete_through(events, lateness)
    if through is None:
        return COMPARED.to_frame()
    is_shown = pl.col("begins_at").is_between(through - SHOWN_FOR - DAY, through - DAY)
    shown = totals.filter(is_shown | pl.col("group_id").is_not_null())
    # A day of the business zone may start before that of UTC.
    months = pl.col("month").is_between(
        (through - SHOWN_FOR - 2 * DAY).date().replace(day=1), (through + DAY).date().replace(day=1)
    )
    is_read = pl.col("time").is_between(through - SHOWN_FOR - DAY, through)
    return compare(shown, events.scan().filter(months, is_read))


def short_by_owner(compared: pl.DataFrame) -> pl.DataFrame:
    """Sum what did not arrive by owner, the most first.

    Args:
        compared: `COMPARED`.

    Returns:
        `source`, `owner_id`, `messages`, `n_days`, `after`, `before`, `group_ids`.
    """
    return (
        compared.filter(pl.col("short") > 0)
        .group_by("source", "owner_id")
        .agg(
            messages=pl.col("short").sum(),
            n_days=pl.len(),
            after=pl.col("begins_at").min(),
            before=pl.col("begins_at").max() + DAY,
            group_ids=pl.col("group_ids").explode().unique().sort(),
        )
        .sort("messages", "source", "owner_id", descending=[True, False, False])
    )


def short_sentence(row: Mapping[str, Any]) -> str:
    """Return a row of `short_by_owner` as a sentence."""
    return (
        f"{counted(row['messages'], 'message')} of the {counted(len(row['group_ids']), 'group')} of owner "
        f"{row['owner_id']} ({printable_name(row['source'])}) on {counted(row['n_days'], 'day')} from "
        f"{row['after']:%Y-%m-%d %H:%M} to {row['before']:%Y-%m-%d %H:%M} UTC."
    )


def incomparable_sentence(days: int) -> str:
    """Return in words how many days of owners (`short` is null) could not be compared."""
    return f"Not compared: totals of {counted(days, 'day')} of an owner not all of whose groups are known."
