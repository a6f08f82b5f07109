"""Areas under curves are scikit-learn's, and intervals come from whole groups."""

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from pipelines.groups.risk.ranking import grades
from tests.examples import examples

ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5), st.booleans()), min_size=2, max_size=60)


def frame(rows: list[tuple[str, int, bool]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["group_id", "score", "is_dead"], orient="row")


@examples(100)
@given(ROWS)
def test_areas_are_those_of_scikit_learn_ties_too(rows: list[tuple[str, int, bool]]):
    _, score, dead = zip(*rows, strict=True)
    assume(0 < sum(dead) < len(dead))
    grade = grades(frame(rows), {"score": pl.col("score")}, draws=0)["score"]
    assert grade.auc == pytest.approx(roc_auc_score(dead, score))
    assert grade.precision == pytest.approx(average_precision_score(dead, score))


@examples(20)
@given(ROWS)
def test_an_interval_is_that_of_groups_repeated_as_often_as_drawn(rows: list[tuple[str, int, bool]]):
    groups = sorted({group for group, _, _ in rows})
    drawn = np.random.default_rng(0).multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=20)
    areas = []
    for times in drawn:
        again = [row for row in rows for _ in range(times[groups.index(row[0])])]
        _, score, dead = zip(*again, strict=True)
        if 0 < sum(dead) < len(dead):
            areas.append((roc_auc_score(dead, score), average_precision_score(dead, score)))
    assume(areas)
    grade = grades(frame(rows), {"score": pl.col("score")}, draws=20)["score"]
    low, high = np.quantile(areas, (0.025, 0.975), axis=0)
    assert (*grade.auc_interval, *grade.precision_interval) == pytest.approx((low[0], high[0], low[1], high[1]))
