"""The rules on groups and sources: which holds of which, judged by the published tables and the newest events.

See docs/definitions.md#life-of-a-group.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from pipelines.alerts.decide import Evaluation, Known, Verdict
from pipelines.alerts.lacking import with_what_is_missing, with_what_is_short
from pipelines.alerts.risks import RISKS
from pipelines.events.sequences import MISSING
from pipelines.groups.coverage import FULL
from pipelines.groups.risk.scores import score_in_words
from pipelines.groups.thresholds import LEAVES
from pipelines.time import business_day

GROUP_DYING: Final = "group_dying"
GROUP_DEAD: Final = "group_dead"
GROUP_DECLINING: Final = "group_declining"
GROUP_SILENT: Final = "group_silent"
GROUP_AT_RISK: Final = "group_at_risk"
STALE_FEED: Final = "stale_feed"

RULES: Final = (GROUP_DYING, GROUP_DEAD, GROUP_DECLINING, GROUP_SILENT, GROUP_AT_RISK, STALE_FEED)

_STATES: Final = {GROUP_DECLINING: "declining", GROUP_DYING: "dying", GROUP_DEAD: "dead"}
_LIVELY: Final = ("alive", "revived")
_NOT_YET_DYING: Final = (*_LIVELY, "declining")
_WORSE: Final = {"alive": 0, "revived": 0, "declining": 1, "dying": 2, "dead": 3}
_AS_BAD_AS: Final = {GROUP_SILENT: 1, GROUP_AT_RISK: 2, **{rule: _WORSE[state] for rule, state in _STATES.items()}}
"""By rule: a group whose state is better than this has recovered."""

HEARD: Final = pl.Schema({"group_id": pl.String(), "source": pl.String(), "heard_at": pl.Datetime("us", "UTC")})
"""The newest event of each source, by group of its chats; `group_id` is null where a source has no groups."""


@dataclass(frozen=True)
class Limits:
    """Thresholds of the rules.

    Attributes:
        idle: A source is stale after so long without any event.
        silent_days: A group is silent after so many measured days without member activity,
        least_messages: and only if it usually has at least so many messages a week.
        target_precision: A group is at risk from the risk on at which this share (0 to 1) of past alerts was right.
    """

    idle: dt.timedelta = dt.timedelta(hours=24)
    silent_days: int = 14
    least_messages: float = 10.0
    target_precision: float = 0.5


@dataclass(frozen=True)
class Signals:
    """The input of the rules.

    Attributes:
        groups: The current spell of every group: `group_id`, `state`, `since`, `reason`, `name`, `purpose`,
            `last_active_day`, `coverage`, `silent_days` (measured) and `messages_usual` (a week) on the newest complete
            day, and numbers in any other column.
        heard: `HEARD`; None if Kafka is not read up to now, so that a silent source is not known to be silent.
        error: Why an input could not be read, if so.
        risks: `RISKS`; a group without a row has no risk that may alert.
        missing: `pipelines.events.sequences.MISSING`: numbers of groups and sources that did not arrive.
        short: `pipelines.ingest.short.short_by_owner`: messages of owners' groups that did not arrive; None: none.
    """

    groups: pl.DataFrame
    heard: pl.DataFrame | None
    error: str | None = None
    risks: pl.DataFrame = field(default_factory=RISKS.to_frame)
    missing: pl.DataFrame = field(default_factory=MISSING.to_frame)
    short: pl.DataFrame | None = None


def heard(group_day: pl.LazyFrame, feed_day: pl.LazyFrame, events: pl.LazyFrame) -> pl.LazyFrame:
    """Find the time of each source's newest event, for each of its groups (`HEARD`).

    A source without groups, such as a shop's, has one row without a group. Of `events` only the newest day of each
    source is read.

    Args:
        group_day: Columns of `schemas.lake.GROUP_DAY`.
        feed_day: Columns of `schemas.lake.FEED_DAY`.
        events: Columns of `schemas.lake.EVENTS`.
    """
    newest = feed_day.group_by("source").agg(pl.col("day").max()).collect(engine="streaming")
    days = newest["day"].unique()
    near = pl.col("month").is_in(days.dt.month_start().unique().implode()) & pl.col("day").is_in(days.implode())
    times = (
        events.filter(near)
        .join(newest.lazy(), on=["source", "day"], how="semi")
        .group_by("source")
        .agg(heard_at=pl.col("time").max())
    )
    connectors = group_day.select("group_id", "source").drop_nulls("source").unique()
    return times.join(connectors, on="source", how="left").select(HEARD.names())


def evaluate(
    signals: Signals,
    rules: Collection[str],
    open_subjects: Mapping[str, Collection[str]],
    limits: Limits,
    zone: str,
    now: dt.datetime,
) -> tuple[Evaluation, ...]:
    """Judge groups and sources by the rules.

    A silent source is not a silent group: a group is not measured while none of its sources had an event within
    `limits.idle`. No rule holds of a group that no source sees completely, such as one known by mentions of a bot only.
    The reason of a group whose source has missing numbers, or whose owner has missing messages, begins with them.

    Args:
        signals: The input.
        rules: The rules that are on.
        open_subjects: By rule, the subjects with an open alert, which get a verdict also if the rule does not hold.
        limits: The thresholds.
        zone: IANA name of the business zone.
        now: The clock, UTC.

    Returns:
        One evaluation per rule, with a verdict on each subject of which it holds and on each open subject.
    """
    if signals.error is not None:
        return tuple(Evaluation(rule, error=signals.error) for rule in rules)
    feeds = None if signals.heard is None else _feeds(signals.heard, limits.idle, now)
    found = []
    for rule in rules:
        subjects = open_subjects.get(rule, ())
        if rule == STALE_FEED:
            verdicts = _of_feeds(feeds, subjects, zone)
        else:
            holding = _holding(signals, rule, subjects, limits)
            if signals.heard is not None and not signals.missing.is_empty():
                holding = with_what_is_missing(holding, signals.missing, signals.heard, zone)
            if signals.short is not None and not signals.short.is_empty():
                holding = with_what_is_short(holding, signals.short, zone)
            verdicts = _of_groups(holding, feeds, rule, subjects)
        found.append(Evaluation(rule, tuple(verdicts)))
    return tuple(found)


def _feeds(heard: pl.DataFrame, idle: dt.timedelta, now: dt.datetime) -> pl.DataFrame:
    """Add to `HEARD` the newest event of the source, `source_at`, and whether source and group are measured."""
    return heard.with_columns(source_at=pl.col("heard_at").max().over("source")).with_columns(
        is_live=pl.col("source_at") >= now - idle,
        is_measured=(pl.col("source_at") >= now - idle).any().over("group_id"),
    )


def _holding(signals: Signals, rule: str, subjects: Collection[str], limits: Limits) -> pl.DataFrame:
    """Add `holds`, and since when and why, to the groups."""
    if rule == GROUP_SILENT:
        return _silent(signals.groups, limits)
    if rule == GROUP_AT_RISK:
        return _at_risk(signals.groups.join(signals.risks, on="group_id", how="left"), subjects)
    return signals.groups.with_columns(holds=pl.col("state") == _STATES[rule])


def _silent(groups: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    days, usual = pl.col("silent_days"), pl.col("messages_usual")
    is_silent = (days >= limits.silent_days) & (usual >= limits.least_messages)
    holds = (pl.col("state").is_in(_LIVELY) & is_silent).fill_null(value=False)
    silence = pl.format(
        "no member activity on {} measured days since {}; usually {} messages a week",
        days, "last_active_day", usual.round(0).cast(pl.Int64, strict=False),
    )  # fmt: skip
    first_silent = pl.col("last_active_day") + pl.duration(days=1)
    return groups.with_columns(
        holds=holds,
        since=pl.when(holds).then(first_silent).otherwise("since"),
        reason=pl.when(holds).then(silence).otherwise("reason"),
    )


def _at_risk(groups: pl.DataFrame, subjects: Collection[str]) -> pl.DataFrame:
    """Judge living groups by their risk; not those that are dying or dead, and null for those without a risk."""
    risk, drivers = pl.col("risk_28"), pl.col("drivers")
    is_judged = pl.col("state").is_in(_NOT_YET_DYING)
    is_open = pl.col("group_id").is_in(list(subjects))
    line = pl.col("risk_line")
    holds = risk >= pl.when(is_open).then(LEAVES * line).otherwise(line)
    percent = (100 * risk).round(0).cast(pl.Int64)
    in_words = pl.concat_str(
        pl.format("the risk of 28 days without any member from now on is {} %", percent),
        pl.format(" ({})", score_in_words()),
        ignore_nulls=True,
    )
    has_risk = is_judged & risk.is_not_null()
    began = pl.when(holds).then(pl.coalesce("risk_since", "risk_day")).otherwise("risk_day")
    return groups.with_columns(
        holds=pl.when(is_judged).then(holds).otherwise(pl.lit(value=False)),
        since=pl.when(has_risk).then(began).otherwise("since"),
        reason=pl.when(has_risk & (drivers != "")).then(pl.format("{}: {}", in_words, drivers))
        .when(has_risk).then(in_words)
        .otherwise("reason"),
    ).drop("risk_since", "risk_day")  # fmt: skip


def _of_groups(
    groups: pl.DataFrame, feeds: pl.DataFrame | None, rule: str, subjects: Collection[str]
) -> Iterator[Verdict]:
    concerned = groups.filter(pl.col("holds") | pl.col("group_id").is_in(list(subjects))).drop("last_active_day")
    if feeds is None:
        concerned = concerned.with_columns(is_measured=pl.lit(value=False))
    else:
        measured = feeds.select("group_id", "is_measured").unique()
        concerned = concerned.join(measured, on="group_id", how="left", maintain_order="left")
    for row in concerned.iter_rows(named=True):
        is_measured, holds, group_id = row.pop("is_measured"), row.pop("holds"), row.pop("group_id")
        is_seen = row.pop("coverage") in {None, FULL}
        known = Known(row.pop("since"), row.pop("reason"), row.pop("name"), row.pop("purpose"), row.pop("state"), row)
        is_better = known.state in _WORSE and _WORSE[known.state] < _AS_BAD_AS[rule]
        yield Verdict(group_id, (holds if is_measured else None) if is_seen else False, known, is_better)


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
        silent = f"no event since {heard_at}; {row['groups']} groups are not judged meanwhile"
        known = Known(
            row["day"],
            f"events again at {heard_at}" if row["is_live"] else silent,
            details={"heard_at": row["source_at"].isoformat(), "groups": row["groups"]},
        )
        yield Verdict(row["source"], not row["is_live"], known)
