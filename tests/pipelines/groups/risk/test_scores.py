"""Scores are blends of log odds, and the one that speaks can be written down."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from pipelines.groups.risk.box import box
from pipelines.groups.risk.features import history
from pipelines.groups.risk.model import RiskModel, encode, probabilities, train
from pipelines.groups.risk.scores import SCORES, Parts, Score, ScoreInUse, inputs, is_current, own_weight
from tests.pipelines.groups.risk.company import company
from tests.pipelines.groups.risk.oracle import A_DAY, FIRST, frame


@pytest.fixture(scope="module")
def past() -> pl.DataFrame:
    return history(frame(company(1)), FIRST + 599 * A_DAY)


@pytest.fixture(scope="module")
def own(past: pl.DataFrame) -> RiskModel:
    trained = train(past)
    assert trained is not None
    return trained


def test_a_blend_lies_between_its_parts_in_log_odds(past: pl.DataFrame, own: RiskModel):
    parts = Parts.of(inputs(past), box(), own, 0.25)
    of_own, of_box = own.log_odds(encode(past)), box().model.log_odds(encode(past))
    assert parts.own == pytest.approx(0.25 * of_own + 0.75 * of_box)
    assert parts.log_odds(Score("box", 0.5)) == pytest.approx((of_box + parts.silence) / 2)
    assert parts.log_odds(Score("own", 1)) == pytest.approx(parts.own)


def test_counts_rank_as_they_count(past: pl.DataFrame):
    parts = Parts.of(inputs(past), box())
    for score, count, sign in ((SCORES[0], "since_active_day_1", 1), (SCORES[1], "messages_28d", -1)):
        order = np.argsort(sign * past[count].to_numpy(), kind="stable")
        assert (np.diff(parts.log_odds(score)[order], axis=0) >= 0).all()


@pytest.mark.parametrize("score", SCORES, ids=str)
def test_risks_of_every_score_are_chances_and_more_days_are_no_less_risk(
    past: pl.DataFrame, own: RiskModel, score: Score
):
    risks = ScoreInUse(score, 1.3, own, 0.4).risks(inputs(past))
    assert ((risks > 0) & (risks < 1)).all()
    assert (risks[:, 1] >= risks[:, 0]).all()


def test_odds_are_multiplied(past: pl.DataFrame):
    encoded = inputs(past)
    plain, doubled = (ScoreInUse(Score("box", 0.5), odds).risks(encoded)[:, 0] for odds in (1, 2))
    assert doubled / (1 - doubled) == pytest.approx(2 * plain / (1 - plain))


def test_the_more_deaths_an_own_model_saw_the_more_it_counts():
    assert [own_weight(deaths) for deaths in (0, 50, 200, 800)] == [0, 0.2, 0.5, 0.8]


@pytest.mark.parametrize("has_own", [True, False])
def test_a_speaker_that_was_written_down_tells_the_same_risks(past: pl.DataFrame, own: RiskModel, has_own: bool):
    in_use = ScoreInUse(Score("own", 0.75), 0.9, own if has_own else None, 0.4)
    again = ScoreInUse.from_json(in_use.to_json())
    assert again == in_use
    assert again.to_json() == in_use.to_json()
    assert again.risks(inputs(past)) == pytest.approx(in_use.risks(inputs(past)))


def test_a_speaker_of_another_box_or_of_other_features_is_not_current(own: RiskModel):
    in_use = ScoreInUse(Score("own", 0.5), 1.0, own, 0.4)
    assert is_current(in_use.to_json())
    assert is_current(dataclasses.replace(in_use, own=None).to_json())
    assert not is_current(dataclasses.replace(in_use, box="another").to_json())
    other = dataclasses.replace(own, features=own.features[:-1])
    assert not is_current(dataclasses.replace(in_use, own=other).to_json())
    assert not is_current(json.dumps(dataclasses.asdict(own)))


def test_the_box_speaks_of_any_measured_day(past: pl.DataFrame):
    odd = past.with_columns(pl.lit(0.0).alias(name) for name in ("active_weeks", "silent_fortnights", "activity_14"))
    assert np.isfinite(probabilities(Parts.of(inputs(odd), box()).box)).all()
