"""The funnel's traps as data: `funnel.yaml` holds the cases."""

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines.funnel.funnel import funnel
from pipelines.funnel.views import summary
from tests.pipelines.funnel.samples import at, definition, numbered, on_timeline

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("funnel.yaml").read_text(encoding="utf-8"))
NEVER_OVER = at(days=10_000)


def entries_of(case: dict[str, Any]) -> pl.LazyFrame:
    events = [
        {"person_id": person, "time": at(days), "type": kind, "source": "//test"}
        for person, history in case["events"].items()
        for days, kind in history
    ]
    chosen = definition_of(case)
    first, end = case.get("range", (0, 10_000))
    entries = funnel(on_timeline(numbered(events)), chosen, NEVER_OVER)
    return entries.filter(pl.col("entered_at").is_between(at(first), at(end), closed="left"))


def definition_of(case: dict[str, Any]):
    return definition(*(f"type = '{kind}'" for kind in case["steps"]), window=dt.timedelta(days=case.get("window", 60)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"trap {case['trap']}: {case['name']}")
def test_each_step_is_reached_by_as_many_persons_as_the_case_says(case):
    assert summary(entries_of(case), definition_of(case)).collect()["reached"].to_list() == case["reached"]


@pytest.mark.parametrize(
    "case", [case for case in CASES if "entered" in case], ids=lambda case: f"trap {case['trap']}: {case['name']}"
)
def test_the_best_chain_starts_when_the_case_says(case):
    entered = dict(entries_of(case).select("person_id", "entered_at").collect().iter_rows())
    assert entered == {person: at(days) for person, days in case["entered"].items()}
