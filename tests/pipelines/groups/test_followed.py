"""What followed where something was done is said beside what followed where nothing was."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.groups.followed import AFTER, followed, sentence
from schemas.interventions import ACTIONS


def effect(action: str, difference: float, purpose: str = "", **other: Any) -> dict[str, Any]:
    usual = {"cases": 20, "alive_again": 9, "untreated": 80, "untreated_share": 0.21, "is_effect": True}
    return {"action": action, "purpose": purpose, "difference": difference, **usual, **other}


def actions(*effects: dict[str, Any], purpose: str | None = None) -> list[tuple[str, int]]:
    return [(row["action"], row["cases"]) for row in followed(pl.DataFrame(effects), purpose)]


def test_it_is_worded_as_what_followed_and_not_as_a_cause():
    (row,) = followed(pl.DataFrame([effect("call", 0.24)]), None)
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
    assert followed(pl.DataFrame([effect("call", 0.1)]).clear(), "sales") == []


def test_every_action_has_words():
    assert tuple(AFTER) == ACTIONS
