"""Dashboards: no chart sums what must not be summed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.dashboard import Chart, Dashboard, faults
from schemas.dashboards import DASHBOARDS, SALES
from schemas.metrics import METRICS


def of(*charts: Chart, choices: tuple[str, ...] = ()) -> Dashboard:
    return Dashboard("A page", "page", "What it shows.", (charts,), choices)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.slug)
def test_a_dashboard_has_no_fault(dashboard: Dashboard):
    assert faults(dashboard) == []


def test_a_title_names_one_chart():
    named: dict[str, Chart] = {}
    for chart in (chart for dashboard in DASHBOARDS for chart in dashboard.charts):
        assert named.setdefault(chart.title, chart) == chart


def test_every_page_says_how_new_its_data_is_and_whether_it_is_simulated():
    for dashboard in DASHBOARDS:
        first = dashboard.charts[0]
        assert "newest_complete_day" in first.metrics
        assert "is_synthetic" in first.by


def test_money_of_several_currencies_and_models_is_not_added_up():
    assert faults(replace(SALES, choices=("model",))) == [
        f"{title}: {name} is added up over currency"
        for chart in SALES.charts
        for title, name in [(chart.title, metric.name) for metric in chart.measured if "currency" in metric.within]
    ]


@pytest.mark.parametrize(
    ("chart", "fault"),
    [
        (Chart("C", "number", ("net_sales",)), "C: net_sales is added up over currency, model"),
        (
            Chart("C", "stacked_bars", ("active_groups",), ("carrier", "week")),
            "C: active_groups is stacked over week",
        ),
        (Chart("C", "number", ("groups", "joins")), "C: joins belongs to another dataset"),
        (Chart("C", "table", ("groups",), ("weekday",)), "C: groups has no dimension weekday"),
        (Chart("C", "number", ("groups",), width=13), "row 1 is wider than the page"),
    ],
)
def test_what_is_wrong_with_a_chart_is_told(chart: Chart, fault: str):
    assert faults(of(chart)) == [fault]


def test_one_value_of_a_dimension_is_enough():
    assert faults(of(Chart("C", "number", ("net_sales",), where={"model": "linear", "currency": "CNY"}))) == []
    assert faults(of(Chart("C", "table", ("net_sales",), ("model", "currency")))) == []
    assert faults(of(Chart("C", "number", ("net_sales",)), choices=("model", "currency"))) == []


def test_a_metric_of_a_dashboard_is_one_of_the_registry():
    assert {name for dashboard in DASHBOARDS for chart in dashboard.charts for name in chart.metrics} <= METRICS.keys()
