"""What payloads look like by topic and day, in lake table `payload_census`: written beside decoding, from a sample.

Of a batch about `SAMPLE` payloads are read, so what that costs does not grow with the batch. Counts carry the
number of their batch: a run that died before its events leaves some that the same batch writes again, and of those the
larger ones count.
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
"""Payloads of a batch that are read, spread evenly over those of each topic and day."""

_LEAST: Final = 20
"""Of each topic and day in a batch at least so many are read, or all."""

MOST_NAMES: Final = 2_000
"""Paths, or reasons, of a topic and day that are kept: those of most records."""

KEPT: Final = dt.timedelta(days=60)
_MOST_REASONS: Final = 50
_OF: Final = ("topic", "day", "subject", "name", "kind")
_DAY: Final = pl.col("kafka_time").dt.date().alias("day")


def batch_census(records: pl.DataFrame, quarantine: pl.DataFrame, ignored: pl.DataFrame) -> pl.DataFrame:
    """Count a batch.

    Args:
        records: of `raw`.
        quarantine: rows of `quarantine` that were made of them.
        ignored: rows of `ignored` that were made of them.

    Returns:
        `PAYLOAD_CENSUS`, `batch` null.
    """
    # Grouped once: it costs more than to read the sample.
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
        lake: holds `payload_census`.
        counts: `PAYLOAD_CENSUS`.
        batch: its number in `events`.
    """
    add_rows(lake, PAYLOAD_CENSUS, counts.with_columns(batch=pl.lit(batch, pl.Int64)))


def put_together(lake: Lake, batch: int, most: int = MOST_COMMITS) -> None:
    """Put the counts of each day together, and drop old ones, if many commits added some since that was done last.

    Args:
        lake: holds `payload_census`.
        batch: the newest of `events`: counts of later ones are written again.
        most: commits.
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
    """Drop what is counted again."""
    lake.replace(lake.open(PAYLOAD_CENSUS), pl.DataFrame(schema=PAYLOAD_CENSUS.schema), {})


def read_census(lake: Lake, days: dt.timedelta, topic: str | None = None) -> pl.DataFrame:
    """Read the counts of the newest days; no table is created.

    Args:
        lake: holds `payload_census`, or not yet.
        days: back from the newest day of what is asked for.
        topic: one; all where none is given.

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
    """The counts of each day, of a batch that was written twice those of once."""
    once = counts.group_by("batch", *_OF).agg(pl.col("records").max())
    return once.group_by(_OF).agg(pl.col("records").sum()).match_to_schema(_SCHEMA)


def _counts(days: pl.DataFrame, subject: str) -> pl.DataFrame:
    return days.select("topic", "day", "records", subject=pl.lit(subject), name=pl.lit(""), kind=pl.lit(""))


def _reasons(rows: pl.DataFrame, subject: str) -> pl.DataFrame:
    """Reasons by topic and day; a carrier may put words of its payloads into them, so only the commonest stand."""
    counts = rows.group_by("topic", _DAY, "reason").agg(records=pl.len().cast(pl.Int64))
    place = pl.col("records").rank("ordinal", descending=True).over("topic", "day")
    name = pl.when(place <= _MOST_REASONS).then("reason").otherwise(pl.lit("…"))
    named = counts.group_by("topic", "day", name=name).agg(pl.col("records").sum())
    return _counts(named, subject).with_columns(named["name"])


def _sampled(values: pl.Series, days: pl.DataFrame) -> list[pl.DataFrame]:
    """The paths of a sample of each topic and day, and how many payloads that has."""
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
