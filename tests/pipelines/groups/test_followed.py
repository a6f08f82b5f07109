"""What followed where something was done is said beside what followed where nothing was."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.groups.followed import AFTER, followed, money, sentence, sentences
from schemas.interventions import ACTIONS


def effect(action: str, difference: float, purpose: str = "", **other: Any) -> dict[str, Any]:
    usual = {"cases": 20, "alive_again": 9, "untreated": 80, "untreated_share": 0.21, "is_effect": True}
    return {"action": action, "purpose": purpose, "difference": difference, **usual, **other}


def sold(action: str, net: int, currency: str = "CNY", **other: Any) -> dict[str, Any]:
    usual = {"purpose": "", "model": "last_click", "cases": 12, "selling_cases": 3, "untreated_minor": 22_000}
    return {"action": action, "net_minor": net, "currency": currency, "is_effect": True, **usual, **other}


NOTHING_SOLD = pl.DataFrame([sold("call", 0)]).clear()


def actions(*effects: dict[str, Any], purpose: str | None = None) -> list[tuple[str, int]]:
    return [(row["action"], row["cases"]) for row in followed(pl.DataFrame(effects), NOTHING_SOLD, purpose)]


def sales(*rows: dict[str, Any], purpose: str | None = None) -> tuple[str, ...]:
    """What is said of sales after calls."""
    told = sentences(followed(pl.DataFrame([effect("call", 0.24)]), pl.DataFrame(rows), purpose))
    return tuple(told[1:])


def test_it_is_worded_as_what_followed_and_not_as_a_cause():
    (row,) = followed(pl.DataFrame([effect("call", 0.24)]), NOTHING_SOLD, None)
    assert sentence(row) == "Groups like this were alive again in 9 of 20 cases after a call, untreated 4 of 20"
    assert sentence({**row, "is_effect": False}).endswith("untreated 4 of 20; the difference may be chance")


def test_the_best_three_are_told():
    rows = [effect("call", 0.1), effect("offer", 0.3), effect("event", -0.2), effect("other", 0.2)]
    assert actions(*rows) == [("offer", 20), ("other", 20), ("call", 20)]


def test_groups_of_the_purpose_count_where_there_are_enough_of_them():
    rows = [effect("call", 0.1), effect("call", 0.2, "sales", cases=12), effect("offer", 0.3, "service")]
    assert actions(*rows, purpose="sales") == [("call", 12)]
    assert actions(*rows) == [("call", 20)]


def test_of_few_cases_nothing_is_told():
    assert actions(effect("call", 0.9, cases=4), effect("offer", 0.1, cases=5)) == [("offer", 5)]


def test_without_cases_nothing_is_told():
    assert followed(pl.DataFrame([effect("call", 0.1)]).clear(), NOTHING_SOLD, "sales") == []


def test_every_action_has_words():
    assert tuple(AFTER) == ACTIONS


def test_sales_are_said_in_units_of_their_currency_and_never_added_over_currencies():
    said = "Groups like this sold 1,234.56 CNY on average in the 28 days after a call (12 cases), untreated 220.00"
    assert sales(sold("call", 123_456)) == (said,)
    assert sales(sold("call", 123_456, is_effect=False)) == (f"{said}; the difference may be chance",)
    assert sales(sold("call", 123_456), sold("call", 5_000, "USD", selling_cases=2)) == (said,)
    assert [money(-5, "JPY", is_signed=True), money(5, "KWD"), money(7, "XXX")] == ["-5", "0.005", "7"]


def test_sales_are_those_of_the_purpose_and_of_the_first_model():
    rows = [sold("call", 100), sold("call", 200, purpose="sales"), sold("call", 300, purpose="sales", model="linear")]
    assert [said.split()[4] for said in sales(*rows, purpose="sales")] == ["2.00"]
    assert [said.split()[4] for said in sales(*rows)] == ["1.00"]


def test_of_sales_of_few_cases_or_of_another_action_nothing_is_said():
    assert sales(sold("call", 100, cases=4), sold("offer", 100)) == ()
