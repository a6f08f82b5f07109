"""What drives a risk is said in words, with the points it adds."""

import polars as pl
import pytest

from pipelines.groups.risk import drivers as module
from pipelines.groups.risk.drivers import DRIVERS, drivers
from pipelines.groups.risk.features import history
from pipelines.groups.risk.model import train
from pipelines.groups.risk.scores import INPUTS, Score, ScoreInUse, inputs
from tests.pipelines.groups.risk.company import company
from tests.pipelines.groups.risk.oracle import A_DAY, FIRST, frame


@pytest.fixture(scope="module")
def past() -> pl.DataFrame:
    return history(frame(company(1)), FIRST + 599 * A_DAY)


@pytest.fixture(scope="module", params=["own", "box", "messages"])
def model(past: pl.DataFrame, request: pytest.FixtureRequest) -> ScoreInUse:
    own = train(past) if request.param == "own" else None
    return ScoreInUse(Score(request.param, 0.0 if request.param == "messages" else 0.75), 1.1, own, 0.4)


def test_each_input_is_of_exactly_one_driver():
    assert sorted(name for names in DRIVERS.values() for name in names) == sorted(INPUTS)


def test_points_are_what_the_risk_falls_by_where_one_side_is_as_usual(model: ScoreInUse, past: pl.DataFrame):
    told = drivers(model, past)
    assert told.select("group_id", "day").equals(past.select("group_id", "day"))
    assert told["risk_28"].to_list() == pytest.approx(model.risks(inputs(past))[:, 0].tolist(), abs=1e-6)
    row = told["risk_28"].arg_max()
    assert row is not None
    usual = dict(zip(INPUTS, model.mean, strict=True))
    points = {}
    for name, features in DRIVERS.items():
        encoded = inputs(past[row])
        risk = model.risks(encoded)[0, 0]
        for feature in features:
            encoded[0, INPUTS.index(feature)] = usual[feature]
        points[name] = 100 * (risk - model.risks(encoded)[0, 0])
    words = past[row].select(**module._words()).row(0, named=True)
    strongest = sorted((name for name in DRIVERS if points[name] >= 1), key=lambda name: -points[name])[:3]
    assert strongest
    assert told["drivers"][row] == "; ".join(f"{words[name]} (+{points[name]:.0f})" for name in strongest)


def test_a_lively_group_has_no_drivers(model: ScoreInUse, past: pl.DataFrame):
    told = drivers(model, past)
    safest = told.sort("risk_28").row(0, named=True)
    assert safest["risk_28"] < 0.05
    assert safest["drivers"] == ""


def test_words_tell_the_numbers_of_the_group():
    day = dict.fromkeys(INPUTS, 0.0) | {
        "since_active_day_1": 12.0, "activity_28": 1 / 7, "activity_224": 0.5, "persons_28": 0.26, "persons_224": 1.04,
        "newcomers_28": 0.0, "newcomers_224": 0.05, "since_other_person": 19.0, "ends_alone": 1.0,
        "active_weeks": 0.8, "longest_pause": 13.0, "age": 400.0, "messages_28d": 3,
    }  # fmt: skip
    assert pl.DataFrame(day).select(**module._words()).row(0, named=True) == {
        "silence": "no member active for 12 days",
        "rhythm": "active on 1.0 days a week lately, 3.5 before",
        "persons": "0.3 persons a day lately, 1.0 before",
        "newcomers": "0.0 new persons in four weeks lately, 1.4 before",
        "answers": "the last words are unanswered, and another person was active 19 days ago",
        "history": "active in 80% of the weeks of a year, longest pause 13 days",
        "age": "the group is 400 days old",
        "messages": "3 messages in 28 days",
    }
