"""Retention and ClickHouse's `retention` agree on random histories, unit by unit."""

import csv
import datetime as dt
import io
from pathlib import Path

import chdb
import numpy as np
import polars as pl
import pytest

from pipelines.engagement import retention
from pipelines.engagement.calendar import Unit
from tests.pipelines.engagement.frames import rows_of

ZONE = "Asia/Shanghai"
PERIODS = 8
FIRST_OF: dict[Unit, str] = {"day": "toDate", "week": "toMonday", "month": "toStartOfMonth"}
QUERY = """
    SELECT cohort, count(), {sums} FROM (
        SELECT person_id, cohort, retention({conditions}) AS returned FROM (
            SELECT assumeNotNull(person_id) AS person_id, toDateTime(assumeNotNull(time), 'UTC') AS time,
                {first_of}(time, '{zone}') AS start, min(start) OVER (PARTITION BY person_id) AS cohort
            FROM file('{path}', Parquet)
        ) GROUP BY person_id, cohort
    ) GROUP BY cohort
"""


@pytest.mark.parametrize("unit", list(FIRST_OF))
@pytest.mark.parametrize("seed", range(4))
def test_first_ever_cohorts_by_calendar_are_those_of_clickhouse(unit: Unit, seed: int, tmp_path: Path):
    events = history(np.random.default_rng(seed))
    events.write_parquet(tmp_path / "events.parquet")
    anything = pl.lit(value=True)
    newest = events["time"].max()
    assert isinstance(newest, dt.datetime)
    through = newest.date() + dt.timedelta(days=400)
    found = retention(events.lazy(), anything, anything, unit=unit, zone=ZONE, complete_through=through)
    cells = rows_of(found.filter(pl.col("period") < PERIODS), "cohort", "period", "cohort_size", "returned")
    assert cells == of_clickhouse(tmp_path / "events.parquet", unit)


def history(rng: np.random.Generator) -> pl.DataFrame:
    """Some thousands of events of some hundreds of persons within a year."""
    hours = rng.integers(0, 365 * 24 * 3600, 4000)
    start = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    time = pl.Series([start + dt.timedelta(seconds=int(each)) for each in hours], dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"person_id": pl.Series(rng.integers(0, 400, 4000)).cast(pl.String), "time": time})


def of_clickhouse(path: Path, unit: Unit) -> set[tuple[dt.date, int, int, int]]:
    """Rows (cohort, period, cohort size, returned)."""
    conditions = ["start = cohort"] + [f"start = cohort + INTERVAL {period} {unit}" for period in range(PERIODS)]
    sums = ", ".join(f"sum(returned[{period + 2}])" for period in range(PERIODS))
    query = QUERY.format(sums=sums, conditions=", ".join(conditions), first_of=FIRST_OF[unit], zone=ZONE, path=path)
    rows = csv.reader(io.StringIO(str(chdb.query(query, "CSV"))))
    return {
        (dt.date.fromisoformat(cohort), period, int(size), int(count))
        for cohort, size, *counts in rows
        for period, count in enumerate(counts)
    }
