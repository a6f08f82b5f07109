"""Which months of a table can hold rows that are others than before, by its files alone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from pipelines.lake import Lake
from pipelines.lake_months import changed_months, replaced_months
from schemas.lake import PERSON_DAY

MARCH, APRIL = dt.date(2025, 3, 1), dt.date(2025, 4, 1)


def active(person: str, month: dt.date) -> pl.DataFrame:
    row = {"person_id": person, "group_id": "g", "day": month, "messages": 1, "replies": 0, "reactions": 0}
    return pl.DataFrame([{**row, "month": month}], schema=PERSON_DAY.schema)


def test_rows_that_are_added_change_a_month_and_replace_none(tmp_path: Path):
    lake = Lake(str(tmp_path))
    lake.append(lake.open(PERSON_DAY), pl.concat([active("ann", MARCH), active("ann", APRIL)]), {})
    before = lake.open(PERSON_DAY)
    lake.append(lake.open(PERSON_DAY), active("bo", APRIL), {})
    added = lake.open(PERSON_DAY)
    assert changed_months(before, added).to_list() == [APRIL]
    assert replaced_months(before, added).to_list() == []
    lake.replace_months(lake.open(PERSON_DAY), active("chen", MARCH), pl.Series([MARCH]), {})
    replaced = lake.open(PERSON_DAY)
    assert sorted(changed_months(before, replaced)) == [MARCH, APRIL]
    assert replaced_months(before, replaced).to_list() == [MARCH]
