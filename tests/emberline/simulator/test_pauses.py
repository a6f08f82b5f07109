"""What operators do in pauses has the effect that is planted, or none."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from emberline.simulator import Scenario, simulate

PAUSING = Scenario(days=240, groups=60, members=620, pausing=0.8, dying=0.0, ending=0.0, chatter=0.1)


def raised(scenario: Scenario) -> dict[str, tuple[int, float]]:
    """By action how many of which it is known what became of them, and the share that it made talk again."""
    told = simulate(scenario).truth.interventions.drop_nulls()
    more = pl.col("talks").cast(pl.Int8) - pl.col("talks_without").cast(pl.Int8)
    found = told.group_by("action").agg(cases=pl.len(), more=more.mean())
    return {action: (cases, share) for action, cases, share in found.iter_rows()}


@pytest.mark.parametrize("revival", [0.0, 0.8])
def test_writing_revives_as_often_as_is_planted_and_offers_never(revival: float):
    found = raised(replace(PAUSING, revival=revival))
    assert all(cases > 20 for cases, _ in found.values())
    assert found["offer"][1] == 0
    # Some would have talked again anyway, and some pause again.
    assert (found["operator_wrote"][1] > 0.25) == (revival > 0)


def test_where_nobody_pauses_there_is_nothing_to_do():
    assert raised(Scenario(days=98, groups=8, members=80)) == {}
