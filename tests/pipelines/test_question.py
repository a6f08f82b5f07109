"""What may be asked of a metric."""

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
