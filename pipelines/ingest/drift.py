"""Schema drift of a topic: its newest day against the days before, by the census of its payloads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from pipelines.ingest.payload_census import read_census
from pipelines.lake import Lake
from pipelines.printable import printable_name

DAYS_BEFORE: Final = 28

LEAST: Final = 3
"""Minimum of records with a new path or reason: one or two are not a change."""

CHANCE: Final = 0.0001
"""A change is shown if its probability by chance, with records of all days mixed, is below this."""

_DAILY: Final = 0.8
"""A vanished path was present on at least this share of the days before, so not only on weekdays."""

_JUMP: Final = 0.1
_HISTORY: Final = 7
"""Minimum number of days before the newest for a check to compare them: in a young topic, new paths are normal."""

CHANGES: Final = pl.Schema(
    {"change": pl.String(), "name": pl.String(), "kind": pl.String(), "before": pl.Float64(), "now": pl.Float64()}
)
"""`change`: new path, new type, vanished path, new reason (of `ignored` or `quarantine`), more ignored or more
quarantined. `before` and `now`: shares of the records."""


@dataclass(frozen=True)
class Drift:
    """Changes of a topic's payloads.

    Attributes:
        day: The newest day with records, by Kafka's timestamp in UTC.
        sampled: Number of sampled records: of the days before, of the newest.
        records: Number of records: of the days before, of the newest.
        changes: `CHANGES`.
    """

    day: dt.date
    sampled: tuple[int, int]
    records: tuple[int, int]
    changes: pl.DataFrame


def find_drift(lake: Lake, topic: str) -> Drift | None:
    """Compare the newest day of a topic with the 28 days before, read-only; None if there are no two days."""
    return drift_of(read_census(lake, dt.timedelta(DAYS_BEFORE), topic))


def find_drifts(lake: Lake) -> dict[str, Drift]:
    """Compare the newest day of each topic with records on the lake's newest two days and on a week of days before.

    Returns:
        The changes by topic; topics without changes are left out.
    """
    counts = read_census(lake, dt.timedelta(DAYS_BEFORE))
    newest, found = counts["day"].max(), {}
    for (topic,), rows in counts.sort("topic").group_by("topic", maintain_order=True):
        of_topic = rows["day"].max()
        is_recent = isinstance(newest, dt.date) and of_topic in (newest, newest - dt.timedelta(1))
        drift = drift_of(rows) if is_recent and rows["day"].n_unique() > _HISTORY else None
        if drift is not None and not drift.changes.is_empty():
            found[str(topic)] = drift
    return found


def drift_of(counts: pl.DataFrame) -> Drift | None:
    """Compare the newest day of a topic with the days before; None if there are no two days.

    Args:
        counts: Rows of one topic from `read_census`.
    """
    day = counts["day"].max()
    if not isinstance(day, dt.date) or counts["day"].n_unique() == 1:
        return None
    paths, sampled = counts.filter(subject="path"), counts.filter(subject="sampled")
    changes = [new_paths(paths, sampled, day), vanished_paths(paths, sampled)]
    all_records = counts.filter(subject="records")
    for subject in ("ignored", "quarantined"):
        changes.append(reason_changes(counts.filter(subject=subject), all_records, day, subject))
    return Drift(day, _before_and_at(sampled, day), _before_and_at(all_records, day), pl.concat(changes))


def new_paths(paths: pl.DataFrame, sampled: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    """Find paths, and types of values at known paths, that are new on the newest day.

    Args:
        paths: `day`, `name`, `kind`, `records`.
        sampled: `day`, `records`: how many were sampled.
        day: The newest day.

    Returns:
        `CHANGES`, sorted by path.
    """
    n_before, n_now = _before_and_at(sampled, day)
    was = pl.col("before").sum().over("name") > 0
    found = (
        _compared(paths, ("name", "kind"), day)
        .with_columns(change=pl.when(was).then(pl.lit("new type")).otherwise(pl.lit("new path")))
        .filter(_is_new(n_before, n_now))
    )
    return _shares(found, n_before, n_now).sort("name", "kind")


def vanished_paths(paths: pl.DataFrame, sampled: pl.DataFrame) -> pl.DataFrame:
    """Find paths that were present every day and have been missing since yesterday; with two days, on the newest.

    A path that is present only on weekdays or in the daytime has not vanished.

    Args:
        paths: `day`, `name`, `kind`, `records`.
        sampled: `day`, `records`: how many were sampled.

    Returns:
        `CHANGES`, sorted by path.
    """
    days = sampled["day"].unique().sort()
    since = days[-2] if days.len() > 2 else days[-1]
    n_before, n_now = _before_and_at(sampled, since)
    n_days = days.filter(days < since).len()
    there_on = paths.filter(pl.col("day") < since).group_by("name").agg(days=pl.col("day").n_unique())
    daily = there_on.filter(pl.col("days") >= _DAILY * n_days)
    compared = _compared(paths.join(daily, on="name", how="semi"), ("name", "kind"), since)
    is_gone = pl.col("now").sum().over("name") == 0
    is_unlikely = _chance(n_before, n_now, pl.col("before")) < CHANCE
    found = compared.filter(is_gone & is_unlikely).with_columns(change=pl.lit("vanished path"))
    return _shares(found, n_before, n_now).sort("name", "kind")


def reason_changes(reasons: pl.DataFrame, records: pl.DataFrame, day: dt.date, word: str) -> pl.DataFrame:
    """Find new reasons, and whether their share of all records rose by a tenth or more.

    Args:
        reasons: `day`, `name`, `records`.
        records: `day`, `records`: all records.
        day: The newest day.
        word: ignored or quarantined.

    Returns:
        `CHANGES`.
    """
    n_before, n_now = _before_and_at(records, day)
    by_reason = _compared(reasons, ("name",), day).with_columns(kind=pl.lit(word))
    new = by_reason.filter(_is_new(n_before, n_now)).with_columns(change=pl.lit("new reason")).sort("name")
    before, now = _before_and_at(reasons, day)
    is_more = n_before and n_now and now >= LEAST and now / n_now - before / n_before >= _JUMP
    jumped = pl.DataFrame(
        [(f"more {word}", "", word, before / n_before, now / n_now)] if is_more else [], schema=CHANGES, orient="row"
    )
    return pl.concat([_shares(new, n_before, n_now), jumped])


def said(change: Mapping[str, Any]) -> str:
    """Return a row of `CHANGES` as a sentence."""
    kind = f" ({change['kind']})" if change["kind"] else ""
    name = f" {printable_name(change['name'])}" if change["name"] else ""
    return f"{change['change']}{name}{kind}, {change['before']:.1%} of the records before, {change['now']:.1%} now"


def _chance(n_before: int, n_now: int, records: pl.Expr) -> pl.Expr:
    """Return the probability that this many records, drawn from all days, are all from the days before."""
    return pl.lit(n_before / max(n_before + n_now, 1)).pow(records)


def _is_new(n_before: int, n_now: int) -> pl.Expr:
    now = pl.col("now")
    return (pl.col("before") == 0) & (now >= LEAST) & (_chance(n_now, n_before, now) < CHANCE)


def _compared(counts: pl.DataFrame, by: tuple[str, ...], day: dt.date) -> pl.DataFrame:
    """Return records `before` a day and from that day on (`now`)."""
    is_before = pl.col("day") < day
    return counts.group_by(by).agg(
        before=pl.col("records").filter(is_before).sum(), now=pl.col("records").filter(~is_before).sum()
    )


def _before_and_at(counts: pl.DataFrame, day: dt.date) -> tuple[int, int]:
    before, now = counts.filter(pl.col("day") < day), counts.filter(pl.col("day") >= day)
    return int(before["records"].sum()), int(now["records"].sum())


def _shares(found: pl.DataFrame, n_before: int, n_now: int) -> pl.DataFrame:
    shares = found.with_columns(pl.col("before") / max(n_before, 1), pl.col("now") / max(n_now, 1))
    return shares.select(CHANGES.names()).match_to_schema(CHANGES)
