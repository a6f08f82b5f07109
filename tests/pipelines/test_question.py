"""What may be asked of a metric."""

import datetime as dt

import pytest

from pipelines.question import QuestionRefused, metric_named, question


def test_an_unknown_metric_names_those_there_are():
    with pytest.raises(QuestionRefused, match="There is no metric 'sales'") as refused:
        metric_named("sales")
    assert "net_sales" in refused.value.next_step


@pytest.mark.parametrize("by", ['group_id"; DROP TABLE x; --', "minor_digits", "person_id"])
def test_only_dimensions_of_the_metric_are_grouped_by(by: str):
    with pytest.raises(QuestionRefused, match="has no dimension"):
        question(metric_named("messages_sent"), [by])


@pytest.mark.parametrize(
    "where", [{}, {"model": ["linear"]}, {"model": ["linear"], "currency": ["CNY", "JPY"]}, {"currency": ["CNY"]}]
)
def test_money_of_several_models_or_currencies_comes_never_together(where: dict[str, list[str]]):
    with pytest.raises(QuestionRefused, match="is not a number over different values of"):
        question(metric_named("net_sales"), ["group_id"], where)


def test_one_value_or_a_group_a_value_is_an_answer():
    question(metric_named("net_sales"), ["currency"], {"model": ["linear"]})
    question(metric_named("net_sales"), ["currency", "model", "day"])


def test_days_limit_the_rows_that_have_one():
    asked = str(question(metric_named("messages_sent"), since=dt.date(2026, 3, 1), until=dt.date(2026, 4, 1)))
    assert "\"day\" >= '2026-03-01' AND \"day\" < '2026-04-01'" in asked
    with pytest.raises(QuestionRefused, match="has no period"):
        question(metric_named("lifetime_sales"), ["currency"], since=dt.date(2026, 3, 1))


def test_where_rows_have_a_period_days_limit_its_start():
    asked = str(question(metric_named("retention"), ["unit", "period"], until=dt.date(2026, 4, 1)))
    assert "\"cohort\" < '2026-04-01'" in asked
