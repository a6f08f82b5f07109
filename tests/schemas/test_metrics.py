"""Metrics are named once, sum nothing that must not be summed, and say over which dimensions they add up."""

from dataclasses import replace

import pytest

from schemas import warehouse
from schemas.columns import meaning_of
from schemas.dataset import Dataset
from schemas.metric import D3_FORMATS, Aggregate, Distinct, Less, Metric, Most, One, Ratio, Rows, Sum, wrong_sums
from schemas.metrics import DATASETS, METRICS, activity, funnels, groups, health, sales

ALL = [pytest.param(metric, id=metric.name) for metric in METRICS.values()]
SALES = METRICS["net_sales"]


def parts(aggregate: Aggregate) -> list[Aggregate]:
    match aggregate:
        case Ratio(one, other) | Less(one, other):
            return parts(one) + parts(other)
        case _:
            return [aggregate]


def test_every_metric_is_of_what_a_reader_may_read():
    assert {metric.dataset.table.schema for metric in METRICS.values()} == {warehouse.MART}


def test_each_name_is_given_once_and_to_no_column_beside_it():
    assert [metric.name for metric in METRICS.values() if metric.name in metric.dataset.table.columns] == []
    assert len(METRICS) == sum(len(module.METRICS) for module in (activity, groups, funnels, sales, health))
    assert all(metric.dataset == DATASETS[metric.dataset.name] for metric in METRICS.values())


@pytest.mark.parametrize("metric", ALL)
def test_no_metric_sums_what_must_not_be_summed(metric: Metric):
    assert wrong_sums(metric) == []


@pytest.mark.parametrize(
    ("aggregate", "within", "found"),
    [
        (Sum(("net_minor",)), (), "net_minor adds up only within currency, model"),
        (Sum(("net_minor",)), ("model",), "net_minor adds up only within currency"),
        (Ratio(Sum(("net_minor",)), Rows()), ("currency",), "net_minor adds up only within model"),
        (Less(Rows(), Sum(("refunded_minor",))), ("model",), "refunded_minor adds up only within currency"),
    ],
)
def test_a_sum_over_currencies_or_models_is_found(aggregate: Aggregate, within: tuple[str, ...], found: str):
    assert wrong_sums(replace(SALES, aggregate=aggregate, within=within)) == [found]


@pytest.mark.parametrize(
    ("table", "aggregate", "within", "found"),
    [
        ("lifecycle", Sum(("active",)), ("unit",), "active must not be added up"),
        ("lifecycle", One("active"), ("unit",), "active is the value of one row only within start"),
        ("group_sales", Sum(("buyers",)), ("model",), "buyers must not be added up"),
        ("funnel_step", Sum(("reached",)), ("funnel",), "reached must not be added up"),
        ("group_risk", Sum(("risk_28",)), ("day",), "risk_28 must not be added up"),
        ("group_engagement", Sum(("lurker",)), (), "lurker adds up only within day"),
        ("retention", Sum(("active",)), ("unit",), "active adds up only within period"),
    ],
)
def test_a_planted_wrong_sum_is_found(table: str, aggregate: Aggregate, within: tuple[str, ...], found: str):
    stored = warehouse.metadata.tables[f"mart.{table}"]
    planted = Metric("planted", Dataset(stored, "sales", by=within), aggregate, "", "", within=within)
    assert wrong_sums(planted) == [found]


@pytest.mark.parametrize("metric", ALL)
def test_what_a_metric_names_is_there(metric: Metric):
    columns = set(metric.dataset.table.columns.keys())
    assert set(metric.within) <= set(metric.dimensions)
    assert set(metric.dataset.by) <= columns
    assert metric.dataset.dated_by in {None, *metric.dimensions}
    assert len(metric.dimensions) >= 3
    assert metric.meaning
    assert metric.unit
    assert metric.owner.startswith("team:")
    assert metric.format in D3_FORMATS
    assert all(metric.dataset.meaning(name) for name in metric.dimensions)
    for part in parts(metric.aggregate):
        match part:
            case Sum(named) | Distinct(named):
                assert set(named) <= columns
            case One(named) | Most(named):
                assert named in columns


@pytest.mark.parametrize("metric", ALL)
def test_a_sum_has_the_unit_of_what_it_sums(metric: Metric):
    match metric.aggregate:
        case Sum(columns) if metric.table.startswith("mart."):
            assert {meaning_of(metric.dataset.table.columns[name]).unit for name in columns} == {metric.unit}
        case Ratio() if metric.format == "percent":
            assert metric.unit.startswith("share")


def test_money_is_shown_in_units_of_its_currency_and_stands_in_one():
    for metric in METRICS.values():
        assert (metric.unit == "minor units of currency") == (metric.format == "money"), metric.name
        if metric.format == "money":
            assert "currency" in metric.within
            assert "minor_digits" in metric.sql_as_shown


def test_a_time_is_shown_as_a_duration_of_whole_minutes_which_superset_takes_in_milliseconds():
    shown = METRICS["time_to_convert"]
    assert (D3_FORMATS[shown.format], shown.sql_as_shown) == ("DURATION", f"60000 * round(({shown.sql}) / 60)")


@pytest.mark.parametrize(
    ("name", "additivity", "over", "not_over"),
    [
        ("messages_sent", "additive", "day", None),
        ("net_sales", "semi-additive", "group_id", "currency"),
        ("paid_orders", "semi-additive", "currency", "group_id"),
        ("active_groups", "semi-additive", "purpose", "day"),
        ("new_persons", "semi-additive", "start", "unit"),
        ("active_persons", "never", None, "start"),
        ("retention", "never", None, "cohort"),
        ("members", "never", None, "group_id"),
    ],
)
def test_values_add_up_over_some_dimensions(name: str, additivity: str, over: str | None, not_over: str | None):
    metric = METRICS[name]
    assert metric.additivity == additivity
    assert over is None or over in metric.adds_up_over
    assert not_over not in metric.adds_up_over
