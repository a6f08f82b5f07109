"""The line of the risk is the lowest that is right, early and seldom enough."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.risk.box import Line
from pipelines.groups.risk.lines import LINES, PRIOR_ALERTS, elsewhere, line_for, precision

NONE = [Line(risk, 0, 0, 0, 0, 0, None, 0.0) for risk in LINES]


def own(precisions: list[float], leads: list[float], weekly: list[float]) -> list[Line]:
    rows = zip(LINES, precisions, leads, weekly, strict=True)
    return [Line(risk, 1000, 1000 * right, 100, 80, 50, lead, week) for risk, right, lead, week in rows]


def test_without_alerts_of_one_s_own_the_line_is_that_of_the_score_elsewhere():
    assert line_for(0.5, NONE, 1.0) == 0.25
    assert line_for(0.5, NONE, 0.15) == 0.275
    assert line_for(0.99, NONE, 1.0) is None


def test_one_s_own_alerts_decide_where_there_are_many():
    many = own([0.3] * 9 + [0.7] * 20, [20.0] * 29, [5.5] * 29)
    assert line_for(0.5, many, 1.0) == LINES[9]
    late = [replace(line, lead_days=9.0) if line.risk < 0.5 else line for line in many]
    assert line_for(0.5, late, 1.0) == 0.5
    often = [replace(line, weekly=5.6) if line.risk < 0.6 else line for line in many]
    assert line_for(0.5, often, 1.0) == 0.6


def test_where_no_line_is_seldom_enough_it_is_the_highest_of_the_others():
    often = own([0.3] * 9 + [0.7] * 20, [20.0] * 12 + [9.0] * 17, [8.0] * 29)
    assert line_for(0.5, often, 1.0) == LINES[11]


def test_a_precision_of_few_alerts_is_drawn_to_that_elsewhere():
    prior = elsewhere(1.0)[0]
    there = prior.right / prior.alerts
    assert precision(NONE[0], prior) == pytest.approx(there)
    few = replace(NONE[0], alerts=PRIOR_ALERTS, right=0)
    assert precision(few, prior) == pytest.approx(there / 2)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.sampled_from([0.0, 0.15, 0.4, 0.6, 0.8, 1.0]))
def test_who_asks_for_more_precision_gets_no_lower_line(one: float, other: float, share: float):
    low, high = (line_for(target, NONE, share) for target in sorted((one, other)))
    assert high is None or (low is not None and low <= high)
