"""What changed in the payloads of a topic: its newest day against the days before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.carriers.census import CENSUS, census
from pipelines.lake import Lake
from pipelines.lake_values import has_value
from schemas.lake import IGNORED, QUARANTINE, RAW
from schemas.table import LakeTable

DAYS_BEFORE: Final = 28
SAMPLE: Final = 20_000
"""Records whose values are read of each of the two times, at most."""

_EXPECTED: Final = 10
"""A path has vanished if the newest day would have had it in this many of the sampled records."""

_JUMP: Final = 0.1

CHANGES: Final = pl.Schema(
    {"change": pl.String(), "name": pl.String(), "kind": pl.String(), "before": pl.Float64(), "now": pl.Float64()}
)
"""`change`: new path, new type, vanished path, new reason (a word of `ignored` or `quarantine`), more ignored or more
quarantined. `before` and `now`: shares of the records."""


@dataclass(frozen=True)
class Drift:
    """What changed.

    Attributes:
        day: The newest with records, by Kafka's time in UTC.
        sampled: Records whose values were read: of the days before, of the newest.
        records: Records there are: of the days before, of the newest.
        changes: `CHANGES`.
    """

    day: dt.date
    sampled: tuple[int, int]
    records: tuple[int, int]
    changes: pl.DataFrame


def find_drift(lake: Lake, topic: str) -> Drift | None:
    """Compare the newest day of a topic with the 28 days before; None where there are no two days. Writes nothing."""
    days = _by_day(lake, RAW, topic, ())
    day = days["day"].max()
    if days["day"].n_unique() == 1 or not isinstance(day, dt.date):
        return None
    (before, n_before), (now, n_now) = (_sampled(lake, topic, day, is_newest=newest) for newest in (False, True))
    if not n_before or not n_now:
        return None
    totals = _records(days, day)
    changes = [path_changes(before, n_before, now, n_now)]
    for table, word in ((IGNORED, "ignored"), (QUARANTINE, "quarantined")):
        reasons = _by_day(lake, table, topic, ("reason",))
        changes.append(reason_changes(reasons, day, totals, word))
    return Drift(day, (n_before, n_now), totals, pl.concat(changes))


def path_changes(before: pl.DataFrame, n_before: int, now: pl.DataFrame, n_now: int) -> pl.DataFrame:
    """Compare two censuses of so many records each: `CHANGES`, sorted by path."""
    both = before.join(now, on=["path", "kind"], how="full", coalesce=True, suffix="_now").with_columns(
        before=pl.col("records").fill_null(0) / n_before,
        now=pl.col("records_now").fill_null(0) / n_now,
        was=pl.col("records").sum().over("path") > 0,
        is_there=pl.col("records_now").sum().over("path") > 0,
    )
    is_new = pl.col("before") == 0
    change = (
        pl.when(is_new & ~pl.col("was"))
        .then(pl.lit("new path"))
        .when(is_new)
        .then(pl.lit("new type"))
        .when(~pl.col("is_there") & (pl.col("before") * n_now >= _EXPECTED))
        .then(pl.lit("vanished path"))
    )
    found = both.with_columns(change=change).filter(pl.col("change").is_not_null())
    return found.select("change", "kind", "before", "now", name="path").select(CHANGES.names()).sort("name", "kind")


def reason_changes(reasons: pl.DataFrame, day: dt.date, totals: tuple[int, int], word: str) -> pl.DataFrame:
    """Compare reasons by day: those that are new, and whether their share of all records rose by a tenth or more.

    Args:
        reasons: `day`, `reason`, `records`.
        day: the newest.
        totals: records of the days before, and of the newest.
        word: ignored or quarantined.
    """
    by_reason = reasons.group_by("reason").agg(
        before=pl.col("records").filter(pl.col("day") < day).sum() / totals[0],
        now=pl.col("records").filter(pl.col("day") == day).sum() / totals[1],
    )
    is_new = (pl.col("before") == 0) & (pl.col("now") > 0)
    name, kind = pl.col("reason").alias("name"), pl.lit(word).alias("kind")
    new = (
        by_reason.filter(is_new)
        .sort("reason")
        .select(pl.lit("new reason").alias("change"), name, kind, "before", "now")
    )
    shares = by_reason.select(pl.col("before", "now").sum()).row(0)
    jumped = [(f"more {word}", "", word, *shares)] if shares[1] - shares[0] >= _JUMP else []
    return pl.concat([new.match_to_schema(CHANGES), pl.DataFrame(jumped, schema=CHANGES, orient="row")])


def _by_day(lake: Lake, table: LakeTable, topic: str, by: tuple[str, ...]) -> pl.DataFrame:
    handle = lake.find(table)
    rows = pl.LazyFrame(schema=table.schema) if handle is None else handle.scan()
    counts = rows.filter(topic=topic).group_by(pl.col("kafka_time").dt.date().alias("day"), *by)
    counted = counts.agg(records=pl.len()).collect(engine="streaming")
    newest = counted["day"].max()
    if not isinstance(newest, dt.date):
        return counted
    return counted.filter(pl.col("day") >= newest - dt.timedelta(DAYS_BEFORE))


def _records(days: pl.DataFrame, day: dt.date) -> tuple[int, int]:
    newest = int(days.filter(day=day)["records"].sum())
    return int(days["records"].sum()) - newest, newest


def _sampled(lake: Lake, topic: str, day: dt.date, *, is_newest: bool) -> tuple[pl.DataFrame, int]:
    """The census of one record in so many of those that have a value, and of how many."""
    on = pl.col("kafka_time").dt.date()
    is_then = on == day if is_newest else on.is_between(day - dt.timedelta(DAYS_BEFORE), day, closed="left")
    rows = lake.open(RAW).scan().filter(is_then & has_value() & pl.col("value").is_not_null(), topic=topic)
    there = rows.select(pl.len()).collect(engine="streaming").item()
    if not there:
        return pl.DataFrame(schema=CENSUS), 0
    kept = rows.filter(pl.col("offset") % -(-there // SAMPLE) == 0).select("value").collect(engine="streaming")
    return census(kept["value"]), kept.height
