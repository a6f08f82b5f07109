"""The rules: what holds of which group or feed, from what is published and what was heard (definitions, section 7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.alerts.decide import Evaluation, Known, Verdict
from pipelines.time import business_day

GROUP_DYING: Final = "group_dying"
GROUP_DEAD: Final = "group_dead"
GROUP_DECLINING: Final = "group_declining"
STALE_FEED: Final = "stale_feed"

_STATES: Final = {GROUP_DECLINING: "declining", GROUP_DYING: "dying", GROUP_DEAD: "dead"}
_WORSE: Final = {"alive": 0, "revived": 0, "declining": 1, "dying": 2, "dead": 3}

HEARD: Final = pl.Schema({"group_id": pl.String(), "source": pl.String(), "heard_at": pl.Datetime("us", "UTC")})
"""When a source last told of a group; without a group: of none, as by a heartbeat."""


@dataclass(frozen=True)
class Signals:
    """What rules are judged by.

    Attributes:
        groups: The current spell of every group: `group_id`, `state`, `since`, `reason`, `name`, `purpose`, and
            numbers in any other column.
        heard: `HEARD`; None where what feeds tell is not read up to now, so that their silence means nothing.
        error: Why `heard` could not be read, if so.
    """

    groups: pl.DataFrame
    heard: pl.DataFrame | None
    error: str | None = None


def heard(events: pl.LazyFrame) -> pl.LazyFrame:
    """When each source last told of each group (`HEARD`).

    Args:
        events: Columns of `schemas.lake.EVENTS`.
    """
    return events.group_by("group_id", "source").agg(heard_at=pl.col("time").max()).select(HEARD.names())


def evaluate(
    signals: Signals,
    rules: Collection[str],
    open_subjects: Mapping[str, Collection[str]],
    idle: dt.timedelta,
    zone: str,
    now: dt.datetime,
) -> tuple[Evaluation, ...]:
    """Judge groups and feeds.

    A silent feed is not a silent group: a group none of whose sources told anything within `idle` is not measured.

    Args:
        signals: What could be read.
        rules: Those that are on.
        open_subjects: By rule, subjects to judge also where the rule does not hold of them.
        idle: After how long without any event a source is stale.
        zone: IANA name of the business zone.
        now: The clock, UTC.

    Returns:
        An evaluation a rule. It has verdicts on what holds and on open subjects; of a stale group none holds.
    """
    if signals.error is not None:
        return tuple(Evaluation(rule, error=signals.error) for rule in rules)
    feeds = None if signals.heard is None else _feeds(signals.heard, idle, now)
    return tuple(
        Evaluation(rule, tuple(_of_feeds(feeds, open_subjects.get(rule, ()), zone)))
        if rule == STALE_FEED
        else Evaluation(rule, tuple(_of_groups(signals.groups, feeds, rule, open_subjects.get(rule, ()))))
        for rule in rules
    )


def _feeds(heard: pl.DataFrame, idle: dt.timedelta, now: dt.datetime) -> pl.DataFrame:
    """`HEARD` with the newest event of the source in `source_at`, and whether source and group are measured."""
    return heard.with_columns(source_at=pl.col("heard_at").max().over("source")).with_columns(
        is_live=pl.col("source_at") >= now - idle,
        is_measured=(pl.col("source_at") >= now - idle).any().over("group_id"),
    )


def _of_groups(
    groups: pl.DataFrame, feeds: pl.DataFrame | None, rule: str, subjects: Collection[str]
) -> Iterator[Verdict]:
    state = _STATES[rule]
    concerned = groups.filter((pl.col("state") == state) | pl.col("group_id").is_in(list(subjects)))
    if feeds is None:
        concerned = concerned.with_columns(is_measured=pl.lit(value=False))
    else:
        measured = feeds.select("group_id", "is_measured").unique()
        concerned = concerned.join(measured, on="group_id", how="left", maintain_order="left")
    for row in concerned.iter_rows(named=True):
        is_measured, group_id = row.pop("is_measured"), row.pop("group_id")
        known = Known(row.pop("since"), row.pop("reason"), row.pop("name"), row.pop("purpose"), row.pop("state"), row)
        is_better = known.state in _WORSE and _WORSE[known.state] < _WORSE[state]
        yield Verdict(group_id, known.state == state if is_measured else None, known, is_better)


def _of_feeds(feeds: pl.DataFrame | None, subjects: Collection[str], zone: str) -> Iterator[Verdict]:
    if feeds is None:
        return
    sources = (
        feeds.group_by("source")
        .agg(
            pl.col("source_at", "is_live").first(),
            groups=(pl.col("group_id").is_not_null() & ~pl.col("is_measured")).sum(),
        )
        .filter(~pl.col("is_live") | pl.col("source").is_in(list(subjects)))
        .with_columns(day=business_day(pl.col("source_at"), zone), clock=pl.col("source_at").dt.convert_time_zone(zone))
        .sort("source")
    )
    for row in sources.iter_rows(named=True):
        heard_at = f"{row['clock']:%Y-%m-%d %H:%M}"
        silent = f"nothing was heard since {heard_at}; {row['groups']} groups are not judged meanwhile"
        known = Known(
            row["day"],
            f"heard again at {heard_at}" if row["is_live"] else silent,
            details={"heard_at": row["source_at"].isoformat(), "groups": row["groups"]},
        )
        yield Verdict(row["source"], not row["is_live"], known)
