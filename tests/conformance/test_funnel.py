"""The funnel's traps by their number in the definitions; `funnel.yaml` holds those that are data."""

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import yaml

from pipelines.funnel import funnel
from pipelines.funnel.views import entry_rows, matches, summary
from pipelines.time import Interval
from schemas.funnel import MODES
from tests.pipelines.funnel.samples import NO_GROUPS, at, definition, numbered, on_timeline

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("funnel.yaml").read_text(encoding="utf-8"))
NEVER_OVER = at(days=10_000)


def entries_of(case: dict[str, Any]) -> pl.LazyFrame:
    events = [
        {"person_id": person, "time": at(days), "type": kind, "source": "//test"}
        for person, history in case["events"].items()
        for days, kind in history
    ]
    first, end = case.get("range", (0, 9_000))
    return funnel(on_timeline(numbered(events)), definition_of(case), NEVER_OVER, Interval(at(first), at(end)))


def definition_of(case: dict[str, Any]):
    options = {name: case[name] for name in ("mode", "strict_increase", "count") if name in case}
    window = dt.timedelta(days=case.get("window", 60))
    return definition(*(f"type = '{kind}'" for kind in case["steps"]), window=window, **options)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"trap {case['trap']}: {case['name']}")
def test_each_step_is_reached_by_as_many_as_the_case_says(case):
    assert summary(entries_of(case), definition_of(case)).collect()["reached"].to_list() == case["reached"]


@pytest.mark.parametrize(
    "case", [case for case in CASES if "entered" in case], ids=lambda case: f"trap {case['trap']}: {case['name']}"
)
def test_the_best_chain_starts_when_the_case_says(case):
    entered = dict(entries_of(case).select("person_id", "entered_at").collect().iter_rows())
    assert entered == {person: at(days) for person, days in case["entered"].items()}


@pytest.mark.parametrize("first", [dt.date(2026, 3, 1), dt.date(2026, 10, 25)], ids=["23 hours", "25 hours"])
def test_trap_8_fourteen_days_are_fourteen_calendar_days_when_clocks_change(first: dt.date):
    zone = ZoneInfo("America/New_York")
    fortnight = Interval.of_days(first, first + dt.timedelta(days=13), zone.key)
    noons = [dt.datetime.combine(first + dt.timedelta(days=n), dt.time(12), zone) for n in range(-1, 15)]
    edges = [fortnight.start, fortnight.end - dt.timedelta(microseconds=1), fortnight.end]
    events = [
        {"person_id": f"p{n:02}", "time": time.astimezone(dt.UTC), "type": "a", "source": "//test"}
        for n, time in enumerate([*noons, *edges])
    ]
    entries = funnel(on_timeline(numbered(events)), definition("type = 'a'", "type = 'b'"), NEVER_OVER, fortnight)
    entered = [time.astimezone(zone).date() for time in entries.collect()["entered_at"]]
    assert sorted(set(entered)) == [first + dt.timedelta(days=n) for n in range(14)]
    assert len(entered) == 14 + 2


@pytest.mark.parametrize("count", ["persons", "entries"])
@pytest.mark.parametrize("mode", MODES)
def test_trap_13_the_drill_down_counts_what_the_chart_counts(mode: str, count: str):
    kinds = "abxabcaacbabcbca"
    events = [
        {"person_id": person, "time": at(day * 3), "type": kind, "source": "//test"}
        for person, shift in (("p", 0), ("q", 5), ("r", 9))
        for day, kind in enumerate(kinds[shift:] + kinds[:shift])
    ]
    chosen = definition(*(f"type = '{kind}'" for kind in "abc"), window=dt.timedelta(days=8), mode=mode, count=count)
    entries = funnel(on_timeline(numbered(events)), chosen, at(40)).collect().lazy()
    key = ["funnel", "person_id", "entry"]
    drilled = matches(entries, NO_GROUPS).join(entry_rows(entries, NO_GROUPS).filter("is_mature"), on=key).collect()
    chart = summary(entries, chosen).collect()
    assert chart["reached"].to_list() == [drilled.filter(step_number=number).height for number in (1, 2, 3)]
    assert drilled.select(*key, "step_number").is_unique().all()
