"""Interventions: what the company did for groups, by people's notes and by the events."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.groups.feed_day import measured_days
from pipelines.groups.newest import newest_until
from pipelines.groups.staff_act import BROADCAST, OPERATED, RED_PACKET, WROTE_FIRST
from pipelines.groups.thresholds import LifeRules
from schemas.lake import INTERVENTION

USUAL_DAYS: Final = 28
"""How far back a group's usual joins are looked for, and how long a group is known before anything is unusual in it."""

LEAST_JOINED: Final = 5
TIMES_USUAL: Final = 2

_A_DAY: Final = pl.duration(days=1)
_OF_DAY: Final = ("group_id", "day")
_FOUND: Final = ("group_id", "day", "action", "at", "account_id")
_SENT: Final = {RED_PACKET: "red_packet", BROADCAST: "broadcast"}


def intervention(
    acts: pl.LazyFrame,
    group_day: pl.LazyFrame,
    feed_day: pl.LazyFrame,
    groups: pl.LazyFrame,
    zone: str,
    rules: LifeRules,
) -> pl.LazyFrame:
    """Find what was done for each group (docs/definitions.md#interventions).

    Notes have a row each; actions seen in events have one row per group, day and action. A row depends only on its day
    and earlier days, so later events do not change it.

    Args:
        acts: `schemas.lake.STAFF_ACT` over all history of some groups.
        group_day: `schemas.lake.GROUP_DAY` of the same groups.
        feed_day: `schemas.lake.FEED_DAY` of all sources.
        groups: `schemas.lake.GROUP` of the same groups.
        zone: IANA name of the business zone.
        rules: Thresholds, by purpose, with the least days of a silence.

    Returns:
        `schemas.lake.INTERVENTION`.
    """
    since = group_day.group_by("group_id").agg(known_since=pl.col("day").min())
    measured = measured_days(group_day, feed_day)
    parts = (
        *(acts.filter(act=act, is_noted=False).with_columns(action=pl.lit(word)) for act, word in _SENT.items()),
        _wrote_after_silence(acts.filter(act=WROTE_FIRST, is_noted=False), group_day, measured, groups, rules),
        _new_operators(acts.filter(act=OPERATED, is_noted=False), since),
        _waves(group_day, measured, since, zone),
    )
    seen = pl.concat([part.select(_FOUND) for part in parts]).with_columns(
        origin=pl.lit("seen"), intervention_id=pl.format("{}/{}", "action", "day"), note=pl.lit(None, pl.String)
    )
    noted = acts.filter("is_noted").with_columns(origin=pl.lit("noted"), action="act", intervention_id=_id_of_note())
    return (
        pl.concat([part.select(*_FOUND, "origin", "intervention_id", "note") for part in (seen, noted)])
        .rename({"account_id": "by"})
        .select(INTERVENTION.columns.keys())
        .cast(INTERVENTION.schema)
    )


def _id_of_note() -> pl.Expr:
    """Source and id of the event; lengths keep different pairs different, and notes apart from what is seen."""
    parts = (pl.format("{}:{}", pl.col(name).str.len_bytes(), name) for name in ("source", "event_id"))
    return pl.concat_str(*parts, separator="/")


def _wrote_after_silence(
    wrote: pl.LazyFrame, group_day: pl.LazyFrame, measured: pl.LazyFrame, groups: pl.LazyFrame, rules: LifeRules
) -> pl.LazyFrame:
    """Find the first message of an operator in each silence of members that is long enough to count for the states."""
    of_purpose = {purpose: thresholds.silent_days for purpose, thresholds in rules.by_purpose.items()}
    is_silence = pl.col("purpose").replace_strict(
        list(of_purpose), list(of_purpose.values()), default=rules.general.silent_days, return_dtype=pl.Int64
    )
    n_measured = measured.sort(_OF_DAY).with_columns(n_measured=pl.int_range(1, pl.len() + 1).over("group_id"))
    active = group_day.filter(pl.col("active_members") > 0).select("group_id", "day", last_active="day")
    days = _by_known_day(n_measured)
    until_active = newest_until(active, pl.col("day"), days, "known_day").rename({"n_measured": "n_until_active"})
    eve = pl.col("day") - _A_DAY
    before = newest_until(wrote, eve, days, "known_day")
    return (
        newest_until(before, eve, _by_known_day(until_active), "known_day")
        .join(groups.select("group_id", is_silence), on="group_id", how="left")
        .filter(pl.col("n_measured") - pl.col("n_until_active") >= pl.col("purpose"))
        .group_by("group_id", "last_active")
        .agg(pl.col("day", "at", "account_id").sort_by("day").first(), action=pl.lit("operator_wrote"))
    )


def _by_known_day(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.rename({"day": "known_day"}).sort("known_day")


def _new_operators(operated: pl.LazyFrame, since: pl.LazyFrame) -> pl.LazyFrame:
    """Find, by day, the first operator who was never seen before in a group that has been known for a while."""
    first = operated.group_by("group_id", "account_id").agg(pl.col("day", "at").sort_by("at").first())
    return (
        first.join(since, on="group_id")
        .filter(pl.col("day") - pl.col("known_since") >= pl.duration(days=USUAL_DAYS))
        .group_by(_OF_DAY)
        .agg(pl.col("at", "account_id").sort_by("at", "account_id").first(), action=pl.lit("new_operator"))
    )


def _waves(group_day: pl.LazyFrame, measured: pl.LazyFrame, since: pl.LazyFrame, zone: str) -> pl.LazyFrame:
    """Find days on which far more members joined than on any day of the weeks before.

    A day after an unmeasured day is left out: it is unknown on which of the two they joined.
    """
    day = pl.col("day")
    joined = group_day.filter(pl.col("joined") > 0).select(*_OF_DAY, "joined").sort(_OF_DAY)
    most = pl.col("joined").rolling_max_by("day", f"{USUAL_DAYS}d", closed="left").over("group_id").fill_null(0)
    is_wave = (pl.col("joined") >= LEAST_JOINED) & (pl.col("joined") >= TIMES_USUAL * pl.col("most"))
    # Where clocks are put forth at midnight, the day begins an hour later.
    starts = (
        (day.cast(pl.Datetime("us")) + pl.duration(hours=hours)).dt.replace_time_zone(
            zone, ambiguous="earliest", non_existent="null"
        )
        for hours in (0, 1)
    )
    return (
        joined.with_columns(most=most)
        .filter(is_wave)
        .join(since, on="group_id")
        .filter(day - pl.col("known_since") >= pl.duration(days=USUAL_DAYS))
        .join(measured.with_columns(day=day + _A_DAY), on=_OF_DAY, how="semi")
        .with_columns(
            action=pl.lit("invitation_wave"),
            at=pl.coalesce(starts).dt.convert_time_zone("UTC"),
            account_id=pl.lit(None, pl.String),
        )
    )
