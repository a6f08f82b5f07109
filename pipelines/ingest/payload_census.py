"""Census of payload structure by topic and day, in lake table `payload_census`, from a sample of each batch.

About `SAMPLE` payloads per batch are read, so the cost does not grow with the batch. Counts carry their batch number: a
run that died before writing its events leaves counts that the same batch writes again; of these the larger ones are
used.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.carriers.census import census
from pipelines.lake import Lake
from pipelines.lake_additions import MOST_COMMITS, add_rows, put_rows_together
from schemas.lake import PAYLOAD_CENSUS

SAMPLE: Final = 200
"""Payloads of a batch in the sample, spread evenly over topics and days."""

_LEAST: Final = 20
"""Minimum sample of each topic and day in a batch, or all if there are fewer."""

MOST_NAMES: Final = 2_000
"""Most paths, or reasons, kept per topic and day: those of most records."""

KEPT: Final = dt.timedelta(days=60)
_MOST_REASONS: Final = 50
_OF: Final = ("topic", "day", "subject", "name", "kind")
_DAY: Final = pl.col("kafka_time").dt.date().alias("day")


def batch_census(records: pl.DataFrame, quarantine: pl.DataFrame, ignored: pl.DataFrame) -> pl.DataFrame:
    """Return the counts of a batch.

    Args:
        records: Rows of `raw`.
        quarantine: Their rows of `quarantine`.
        ignored: Their rows of `ignored`.

    Returns:
        `PAYLOAD_CENSUS`, `batch` null.
    """
    # Grouped once, because that costs more than reading the sample.
    has_value = pl.col("value").is_not_null()
    days = (
        records.with_row_index("index")
        .group_by("topic", _DAY)
        .agg(records=pl.len().cast(pl.Int64), present=pl.col("index").filter(has_value))
    )
    parts = [_counts(days, "records")]
    parts += [_reasons(rows, subject) for rows, subject in ((quarantine, "quarantined"), (ignored, "ignored"))]
    parts += _sampled(records["value"], days)
    counts = pl.concat([part.select(_SCHEMA.names()).match_to_schema(_SCHEMA) for part in parts])
    return counts.with_columns(batch=pl.lit(None, pl.Int64))


def record_census(lake: Lake, counts: pl.DataFrame, batch: int) -> None:
    """Add the counts of a batch.

    Args:
        lake: The lake of `payload_census`.
        counts: `PAYLOAD_CENSUS`.
        batch: Its number in `events`.
    """
    add_rows(lake, PAYLOAD_CENSUS, counts.with_columns(batch=pl.lit(batch, pl.Int64)))


def put_together(lake: Lake, batch: int, most: int = MOST_COMMITS) -> None:
    """Merge the counts of each day and drop old ones, if there were many commits since the last merge.

    Args:
        lake: The lake of `payload_census`.
        batch: The newest batch of `events`: counts of later ones are written again.
        most: Number of commits before a merge.
    """

    def together(rows: pl.LazyFrame) -> pl.DataFrame:
        counts = _summed(rows.filter(pl.col("batch") <= batch).collect(engine="streaming"))
        newest = counts["day"].max()
        if isinstance(newest, dt.date):
            counts = counts.filter(pl.col("day") >= newest - KEPT)
        place = pl.col("records").rank("ordinal", descending=True).over("topic", "day", "subject")
        kept = counts.filter(place <= MOST_NAMES).with_columns(batch=pl.lit(0, pl.Int64))
        return kept.select(PAYLOAD_CENSUS.schema.names())

    put_rows_together(lake, PAYLOAD_CENSUS, together, most)


def drop_census(lake: Lake) -> None:
    """Drop the counts that a rebuild counts again."""
    lake.replace(lake.open(PAYLOAD_CENSUS), pl.DataFrame(schema=PAYLOAD_CENSUS.schema), {})


def read_census(lake: Lake, days: dt.timedelta, topic: str | None = None) -> pl.DataFrame:
    """Read the counts of the newest days; no table is created.

    Args:
        lake: The lake of `payload_census`, which need not exist.
        days: Number of days, back from the newest day.
        topic: A topic; None: all.

    Returns:
        `topic`, `day`, `subject`, `name`, `kind`, `records`.
    """
    handle = lake.find(PAYLOAD_CENSUS)
    if handle is None:
        return pl.DataFrame(schema=_SCHEMA)
    rows = handle.scan() if topic is None else handle.scan().filter(topic=topic)
    newest = rows.select(pl.col("day").max()).collect(engine="streaming").item()
    if newest is None:
        return pl.DataFrame(schema=_SCHEMA)
    return _summed(rows.filter(pl.col("day") >= newest - days).collect(engine="streaming"))


_SCHEMA: Final = pl.Schema({name: PAYLOAD_CENSUS.schema[name] for name in (*_OF, "records")})


def _summed(counts: pl.DataFrame) -> pl.DataFrame:
    """Return the counts of each day; a batch written twice counts once."""
    once = counts.group_by("batch", *_OF).agg(pl.col("records").max())
    return once.group_by(_OF).agg(pl.col("records").sum()).match_to_schema(_SCHEMA)


def _counts(days: pl.DataFrame, subject: str) -> pl.DataFrame:
    return days.select("topic", "day", "records", subject=pl.lit(subject), name=pl.lit(""), kind=pl.lit(""))


def _reasons(rows: pl.DataFrame, subject: str) -> pl.DataFrame:
    """Return reasons by topic and day; only the most frequent, because carriers may put payload text into them."""
    counts = rows.group_by("topic", _DAY, "reason").agg(records=pl.len().cast(pl.Int64))
    place = pl.col("records").rank("ordinal", descending=True).over("topic", "day")
    name = pl.when(place <= _MOST_REASONS).then("reason").otherwise(pl.lit("…"))
    named = counts.group_by("topic", "day", name=name).agg(pl.col("records").sum())
    return _counts(named, subject).with_columns(named["name"])


def _sampled(values: pl.Series, days: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the paths in a sample of each topic and day, and the size of the sample."""
    parts = []
    wanted = max(_LEAST, SAMPLE // max(days.height, 1))
    for topic, day, present in zip(days["topic"], days["day"], days["present"], strict=True):
        every = max(1, -(-len(present) // wanted))
        sample = values.gather(present.gather_every(every))
        of_day = pl.DataFrame({"topic": [topic], "day": [day], "records": [len(sample)]})
        named = {"topic": pl.lit(topic), "day": pl.lit(day), "subject": pl.lit("path")}
        paths = census(sample).select("kind", "records", name="path", **named)
        parts += [_counts(of_day, "sampled"), paths]
    return parts
