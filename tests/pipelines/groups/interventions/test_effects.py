"""The interval of a difference covers what it says, however few cases there are and however they hang together."""

from __future__ import annotations

import datetime as dt
from math import sqrt
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.groups.interventions.effects import effects
from schemas.lake import INTERVENTION_EFFECT

DAY = dt.date(2025, 1, 6)
Pair = tuple[str, int, bool, str, int, bool]


def pairs(*rows: Pair, purpose: str = "sales") -> pl.DataFrame:
    """Cases (group, day, alive) and what each is compared with."""
    frame = pl.DataFrame(
        rows, ["group_id", "day", "is_alive", "other_group_id", "other_day", "other_is_alive"], orient="row"
    )
    days = (pl.lit(DAY) + pl.duration(days=name) for name in ("day", "other_day"))
    return frame.with_columns(*(day.alias(name) for day, name in zip(days, ("day", "other_day"), strict=True))).select(
        pl.lit("call").alias("action"),
        pl.lit(purpose).alias("purpose"),
        pl.all(),
        since=pl.col("other_day") + pl.duration(days=1),
        until=pl.col("other_day") + pl.duration(days=28),
        is_last=True,
        weight=1 / pl.len().over("group_id", "day"),
    )


def effect(*rows: Pair) -> dict[str, Any]:
    return effects(pairs(*rows)).filter(pl.col("purpose") == "").row(0, named=True)


def test_shares_are_those_of_cases_and_of_comparisons_weighted_as_cases():
    found = effect(
        ("a", 0, True, "x", 0, True), ("a", 0, True, "y", 0, False), ("b", 3, False, "x", 0, True)
    )  # fmt: skip
    assert (found["cases"], found["alive_again"], found["untreated"]) == (2, 1, 2)
    assert found["untreated_share"] == pytest.approx(0.75)
    assert found["difference"] == pytest.approx(-0.25)


NORMAL, STUDENT = 1.95996, 2.20099
"""Quantiles of 97.5 %, the latter of 11 degrees of freedom."""

INDEPENDENT = [(True, True)] * 3 + [(True, False)] * 6 + [(False, True)] + [(False, False)] * 2
"""Of cases 9 of 12, of comparisons 4 of 12 are alive, whatever the other one of the pair is."""


def test_independent_pairs_have_the_interval_of_newcombe():
    assert _newcombe(56, 70, 48, 80, NORMAL) == pytest.approx((0.0524, 0.3339), abs=1e-4)  # his example, 1998, table II
    found = effect(*(
        (f"a{number}", 0, alive, f"x{number}", 0, other) for number, (alive, other) in enumerate(INDEPENDENT)
    ))  # fmt: skip
    assert (found["difference_low"], found["difference_high"]) == pytest.approx(_newcombe(9, 12, 4, 12), abs=1e-3)


def test_the_same_groups_again_tell_nothing_more():
    found = effect(*(
        (f"a{number}", day, alive, f"x{number}", day, other)
        for day in (0, 40, 80)
        for number, (alive, other) in enumerate(INDEPENDENT)
    ))  # fmt: skip
    assert found["cases"] == 36
    assert (found["difference_low"], found["difference_high"]) == pytest.approx(_newcombe(9, 12, 4, 12), abs=1e-3)


@pytest.mark.parametrize("cases", [1, 2, 30])
def test_an_interval_is_never_of_width_0(cases: int):
    found = effect(*((f"a{number}", 0, True, f"x{number}", 0, False) for number in range(cases)))
    assert found["difference"] == 1
    assert found["difference_low"] < found["difference_high"] <= 1
    assert found["is_effect"] == (cases > 2)


def test_a_comparison_of_all_cases_is_one_observation():
    found = effect(*((f"a{number}", 0, True, "x", 0, False) for number in range(30)))
    assert not found["is_effect"]


def test_a_purpose_is_shown_from_ten_cases_on():
    nine, ten = (
        pairs(*((f"{purpose}{number}", 0, True, "x", 0, True) for number in range(cases)), purpose=purpose)
        for purpose, cases in (("sales", 9), ("service", 10))
    )
    found = effects(pl.concat([nine, ten]))
    assert found.select("purpose", "cases").rows() == [("", 19), ("service", 10)]


def test_what_is_not_measured_and_a_spell_before_the_last_count_as_nothing():
    rows = pairs(("a", 0, True, "x", 0, True), ("a", 0, True, "y", 0, True), ("b", 0, True, "z", 0, True))
    rows = pl.concat([rows, rows.with_columns(is_last=pl.lit(value=False), other_is_alive=pl.lit(None, pl.Boolean))])
    unmeasured = pl.when(pl.col("other_group_id") != "y").then("other_is_alive")
    rows = rows.with_columns(is_alive=pl.when(pl.col("group_id") != "b").then("is_alive"), other_is_alive=unmeasured)
    assert effects(rows).select("cases", "untreated", "untreated_share").rows() == [(1, 1, 1.0)]


def test_no_case_is_no_row():
    assert effects(pairs(("a", 0, True, "x", 0, True)).clear()).schema == INTERVENTION_EFFECT.schema


def test_where_nothing_has_an_effect_one_is_seldom_found():
    """Groups differ, are cases and comparisons several times, and keep to themselves: 400 companies, told by action."""
    rng = np.random.default_rng(0)
    frames = []
    for company in range(400):
        of_group = rng.beta(1, 1.5, 40)
        rows = []
        for day in range(30):
            case, *others = rng.choice(40, 4, replace=False)
            alive = rng.random(4) < of_group[[case, *others]]
            rows += [
                (f"g{case}", day, bool(alive[0]), f"g{other}", day, bool(is_alive))
                for other, is_alive in zip(others, alive[1:], strict=True)
            ]
        frames.append(pairs(*rows).with_columns(action=pl.lit(str(company))))
    found = effects(pl.concat(frames)).filter(pl.col("purpose") == "")
    assert found.height == 400
    assert 4 < found["is_effect"].sum() < 24


def _newcombe(alive: int, cases: int, other_alive: int, others: int, z: float = STUDENT) -> tuple[float, float]:
    def wilson(hits: int, n: int) -> tuple[float, float]:
        half = z * sqrt(z * z + 4 * hits * (1 - hits / n))
        return (2 * hits + z * z - half) / (2 * (n + z * z)), (2 * hits + z * z + half) / (2 * (n + z * z))

    p, q = alive / cases, other_alive / others
    (low, high), (other_low, other_high) = wilson(alive, cases), wilson(other_alive, others)
    return p - q - sqrt((p - low) ** 2 + (other_high - q) ** 2), p - q + sqrt((high - p) ** 2 + (q - other_low) ** 2)
