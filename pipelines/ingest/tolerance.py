"""Error budget of a batch: a larger share of bad records means that a producer or an adapter is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from schemas.errors import EmberlineError


class TooManyBadRecords(EmberlineError):
    """A batch exceeds the error budget: its producer or its adapter is broken."""


@dataclass(frozen=True)
class Tolerance:
    """Error budget: at most `share` of a batch may be quarantined; batches of fewer than `rows` records pass."""

    share: float = 0.5
    rows: int = 1000


USUAL: Final = Tolerance()


def refuse_bad_batch(records: pl.DataFrame, quarantine: pl.DataFrame, tolerance: Tolerance) -> None:
    """Check a batch as a whole and each topic's part of it, so that a large topic does not hide a small broken one.

    Args:
        records: The batch, rows of `RAW`.
        quarantine: Its invalid records, rows of `QUARANTINE`.
        tolerance: The error budget.

    Raises:
        TooManyBadRecords: The share exceeds the budget; names the topic with the most bad records.
    """
    if quarantine.is_empty():
        return
    topics = (
        records.group_by("topic")
        .agg(rows=pl.len())
        .join(quarantine.group_by("topic").agg(bad=pl.len()), on="topic", how="left")
        .with_columns(pl.col("bad").fill_null(0))
        .sort("bad", "topic", descending=True)
    )
    whole = topics.select(pl.first("topic"), pl.sum("rows", "bad"))
    judged = pl.concat([topics, whole], how="vertical_relaxed")
    broken = judged.filter(pl.col("rows") >= tolerance.rows, pl.col("bad") > tolerance.share * pl.col("rows"))
    if broken.is_empty():
        return
    topic, rows, bad = broken.row(0)
    reasons = quarantine.filter(pl.col("topic") == topic).group_by("reason").agg(pl.len(), pl.first("detail", "offset"))
    reason, count, detail, offset = reasons.sort("len", "reason", descending=True).row(0)
    raise TooManyBadRecords(
        f"Topic {topic}: {bad:,} of {rows:,} records of a batch ({bad / rows:.0%}) are not valid events, "
        f"more than the {tolerance.share:.0%} allowed. The most frequent reason, {count:,} times: {reason}"
        f"{f' ({detail})' if detail else ''}, first at offset {offset}.",
        "Nothing is lost: raw has the records, and none of the batch was decoded into events. Fix the producer or "
        "the topic's carrier; or raise ingest.max_bad_share to quarantine them, then run again.",
    )
