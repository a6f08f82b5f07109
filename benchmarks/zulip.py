"""The public Zulip community of `../shared/data`, as days of persons in groups; for benchmarks only."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from schemas.lake import PERSON_DAY

ARCHIVE: Final = Path(__file__).parents[2] / "shared" / "data" / "zulip" / "messages.parquet"
ABSENT: Final = f"the archive of the community is not here: {ARCHIVE.parent.name}/{ARCHIVE.name} of ../shared/data"


def person_day() -> pl.LazyFrame:
    """Return the days of members as `schemas.lake.PERSON_DAY`, in UTC, since the archive has no business zone."""
    time = pl.from_epoch("ts").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    days = (
        pl.scan_parquet(ARCHIVE)
        .unique("msg_id", keep="first", maintain_order=True)
        .filter(~pl.col("is_bot"))
        .select(person_id="sender", group_id=pl.format("zulip:{}", "stream_id"), time=time, day=time.dt.date())
        .group_by("person_id", "group_id", "day")
        .agg(messages=pl.len(), first_time=pl.col("time").min(), last_time=pl.col("time").max())
        .with_columns(replies=0, reactions=0, month=pl.col("day").dt.truncate("1mo"))
        .select(PERSON_DAY.columns.keys())
        .cast(PERSON_DAY.schema)
    )
    return days.collect().lazy()
