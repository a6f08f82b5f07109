"""A case is compared with untreated groups that were as it was, by what was known then."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.interventions.cases import matched_cases
from tests.examples import examples
from tests.pipelines.groups.interventions.oracle import matched
from tests.pipelines.groups.interventions.world import DAYS, FIRST, World

SEEDS = st.integers(0, 10_000)


DAYS_OF = ("day", "other_day", "since", "until")


def rows_of(found: pl.DataFrame) -> set[tuple[object, ...]]:
    days = [(pl.col(name) - FIRST).dt.total_days() for name in DAYS_OF]
    return set(found.with_columns(*days, pl.col("weight").round(9)).iter_rows())


@examples(12)
@given(SEEDS, st.integers(DAYS - 20, DAYS - 1))
def test_cases_and_comparisons_are_those_that_a_search_finds(seed: int, through: int):
    world = World.of(seed)
    assert rows_of(matched_cases(world.past(through))) == matched(world, through)


def test_the_worlds_have_cases_whose_comparisons_are_treated_in_their_turn():
    found = [matched_cases(World.of(seed).past()) for seed in range(12)]
    assert sum(rows.height for rows in found) > 20
    assert sum(rows.filter(pl.col("since") == pl.col("other_day")).height for rows in found) > 3


@examples(8)
@given(SEEDS)
def test_the_days_of_the_untreated_weigh_as_much_as_the_28_of_the_case(seed: int):
    days = (pl.col("until") - pl.col("since")).dt.total_days() + 1
    of_case = matched_cases(World.of(seed).past()).group_by("action", "group_id", "day")
    found = of_case.agg((pl.col("weight") * days).sum(), last=pl.col("weight").filter("is_last").sum())
    assert [round(whole, 9) for whole in found["weight"]] == [28] * found.height
    assert [round(whole, 9) for whole in found["last"]] == [1] * found.height


@examples(8)
@given(SEEDS, st.integers(60, DAYS - 1))
def test_what_comes_after_the_last_complete_day_changes_nothing(seed: int, through: int):
    world = World.of(seed)
    found, other = (matched_cases(one.past(through)) for one in (world, world.up_to(through)))
    assert found.equals(other)


@examples(8)
@given(SEEDS, st.integers(30, 70))
def test_whom_a_case_is_compared_with_does_not_follow_from_what_became_of_them(seed: int, day: int):
    """Of cases of a day, with other futures: the same comparisons, but for those that the futures treat."""
    world, other = World.of(seed), World.of(seed).up_to(day)
    firsts = []
    for one in (world, other):
        alone = {name: {act for act in own if act[0] <= day} for name, own in one.done.items()}
        kept = World(one.purpose, one.states, one.said, alone, one.risk, frozenset())
        found = matched_cases(kept.past()).filter(pl.col("day") <= pl.lit(FIRST) + pl.duration(days=day))
        firsts.append(found.drop("is_alive", "other_is_alive"))
    assert firsts[0].sort(pl.all()).equals(firsts[1].sort(pl.all()))
