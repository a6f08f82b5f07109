"""Which groups are at risk by a model that may alert, and since when."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.alerts.decide import Verdict
from pipelines.alerts.risks import RISKS, newest_risks
from pipelines.alerts.rules import Limits, Signals, evaluate
from schemas.lake import GROUP_RISK
from tests.pipelines.alerts.samples import DAY, NOON, TODAY
from tests.pipelines.alerts.test_rules import NOW, groups

LINE = 0.5
SILENT = "no member active for 9 days (+21)"
TOLD_BY = "25 % by the shipped model, the rest by days of silence"


def record(*rows: tuple[int, float, bool]) -> pl.LazyFrame:
    """The record of a group `a`: days ago, the risk, and whether the model may alert."""
    found = [
        ("a", TODAY - ago * DAY, risk, risk, SILENT, "m", may_alert, "box", 0.25, None) for ago, risk, may_alert in rows
    ]
    return pl.LazyFrame(found, schema=GROUP_RISK.schema, orient="row")


def judged(*rows: tuple[int, float, bool], state: str = "alive", is_open: bool = False) -> Verdict | None:
    newest = pl.LazyFrame({"group_id": ["a"], "day": [TODAY]})
    risks = newest_risks(record(*rows), newest, LINE).collect()
    open_subjects = {"group_at_risk": {"a"} if is_open else set[str]()}
    signals = Signals(groups(a=state), NOW, risks=risks)
    [found] = evaluate(signals, ["group_at_risk"], open_subjects, Limits(), "Asia/Shanghai", NOON)
    return found.verdicts[0] if found.verdicts else None


@pytest.mark.parametrize("state", ["alive", "revived", "declining"])
def test_a_living_group_is_at_risk_from_the_threshold_on_and_told_with_the_per_cent_and_the_drivers(state: str):
    found = judged((0, 0.5, True), state=state)
    assert found is not None
    assert (found.holds, found.known.since) == (True, TODAY)
    assert found.known.reason == f"the risk of 28 days without any member from now on is 50 % ({TOLD_BY}): {SILENT}"
    assert found.known.details["risk_28"] == 0.5


def test_a_group_is_not_at_risk_below_the_threshold_nor_by_a_model_that_may_not_alert():
    assert judged((0, 0.499, True)) is None
    assert judged((0, 0.9, False)) is None


@pytest.mark.parametrize("state", ["dying", "dead", "ended"])
def test_of_a_group_that_is_dying_dead_or_ended_the_state_says_more(state: str):
    assert judged((0, 0.9, True), state=state) is None
    ended = judged((0, 0.9, True), state=state, is_open=True)
    assert ended is not None
    assert (ended.holds, ended.is_recovery, ended.known.reason) == (False, False, "why")


def test_what_is_open_goes_on_down_to_the_lower_threshold_and_recovers_below_it():
    on, over = judged((0, 0.375, True), is_open=True), judged((0, 0.374, True), is_open=True)
    assert on is not None
    assert over is not None
    assert on.holds
    assert (over.holds, over.is_recovery) == (False, True)
    assert over.known.reason.startswith("the risk of 28 days without any member from now on is 37 %")


@pytest.mark.parametrize("rows", [(), ((0, 0.1, False),), ((1, 0.9, True),)])
def test_without_a_risk_of_the_newest_day_that_may_alert_what_is_open_is_not_measured(
    rows: tuple[tuple[int, float, bool], ...],
):
    found = judged(*rows, is_open=True)
    assert found is not None
    assert found.holds is None


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.25, 0.375, 0.4, 0.5, 0.8]), st.booleans()), max_size=12))
def test_a_risk_is_high_since_it_reached_the_threshold_and_has_not_been_below_the_lower_one(
    days: list[tuple[float, bool]],
):
    rows = [(len(days) - 1 - number, risk, may_alert) for number, (risk, may_alert) in enumerate(days)]
    since: dt.date | None = None
    for ago, risk, may_alert in rows:
        if may_alert and risk < 0.375:
            since = None
        elif may_alert and risk >= 0.5 and since is None:
            since = TODAY - ago * DAY
    newest = pl.LazyFrame({"group_id": ["a"], "day": [TODAY]})
    found = newest_risks(record(*rows), newest, LINE).collect()
    assert found.schema == RISKS
    is_told = bool(days) and days[-1][1]
    assert found.rows() == ([("a", TODAY, days[-1][0], SILENT, "box", 0.25, since, LINE)] if is_told else [])
