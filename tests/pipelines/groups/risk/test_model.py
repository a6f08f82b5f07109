"""The model: its closed forms and its calibration."""

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge

from pipelines.groups.risk import model as module
from pipelines.groups.risk.backtest import across_groups, calibration, judged
from pipelines.groups.risk.features import history
from pipelines.groups.risk.model import LEAST_GROUPS, RiskModel, encode, train, was_dead, was_silent
from tests.pipelines.groups.risk.company import company
from tests.pipelines.groups.risk.oracle import A_DAY, FIRST, frame

THROUGH = FIRST + 599 * A_DAY


@pytest.fixture(scope="module")
def past() -> pl.DataFrame:
    return history(frame(company(1)), THROUGH)


@pytest.fixture(scope="module")
def model(past: pl.DataFrame) -> RiskModel:
    trained = train(past)
    assert trained is not None
    return trained


def test_the_order_of_rows_does_not_matter(model: RiskModel, past: pl.DataFrame):
    shuffled = train(past.sample(fraction=1, shuffle=True, seed=3))
    assert shuffled == model


def test_what_is_left_out_in_closed_form_is_what_refits_without_it_predict():
    chance = np.random.default_rng(0)
    mapped, target = chance.normal(size=(60, 7)), chance.random(60)
    group = np.sort(chance.integers(0, 6, size=60))
    residual = target - Ridge(module._PENALTY).fit(mapped, target).predict(mapped)
    refitted = np.empty(60)
    for one in np.unique(group):
        rest = group != one
        refitted[~rest] = Ridge(module._PENALTY).fit(mapped[rest], target[rest]).predict(mapped[~rest])
    assert module._left_out(mapped, residual, group, target) == pytest.approx(refitted)


def test_risks_are_chances_and_more_days_are_never_less_risk(model: RiskModel, past: pl.DataFrame):
    risks = model.risks(encode(past))
    assert ((risks > 0) & (risks < 1)).all()
    assert (risks[:, 1] >= risks[:, 0]).all()


@pytest.mark.parametrize(("days", "risk"), [(28, "risk_28"), (56, "risk_56")])
def test_risks_of_groups_left_out_come_true_as_often_as_told(days: int, risk: str):
    rows = judged(across_groups(history(frame(company(2, groups=30)), THROUGH)), days)
    told = calibration(rows, risk)
    dead, mean = rows["is_dead"].to_numpy().mean(), rows[risk].to_numpy().mean()
    assert 0.05 < dead < 0.6
    assert mean == pytest.approx(dead, abs=0.02)
    assert told.error < 0.04
    assert told.brier < 0.85 * dead * (1 - dead)


def test_only_days_whose_longest_silence_is_over_are_learnt_from(model: RiskModel, past: pl.DataFrame):
    young = pl.col("known_days") < max(module.SURVIVAL_DAYS)
    lied = past.with_columns(
        wait_days=pl.when(young).then(1).otherwise("wait_days"), dead_days=pl.when(~young).then("dead_days")
    )
    assert not lied.equals(past)
    assert train(lied) == model


def test_too_few_groups_teach_nothing(past: pl.DataFrame):
    groups = past["group_id"].unique().sort()
    assert train(past.filter(pl.col("group_id").is_in(groups[: LEAST_GROUPS - 1].implode()))) is None
    assert train(past.clear()) is None


def test_too_few_deaths_teach_nothing(past: pl.DataFrame):
    assert train(past.filter(pl.Series(~was_dead(past, 28)))) is None


def test_of_a_long_history_whole_groups_are_learnt_from(past: pl.DataFrame, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_MOST_ROWS", past.height // 2)
    some = module.some_groups(past)
    assert past.height // 4 < some.height <= past.height // 2
    assert some.equals(past.filter(pl.col("group_id").is_in(some["group_id"].unique().implode())))


def test_a_day_without_a_known_end_is_silent_and_not_dead():
    rows = pl.DataFrame(
        {"wait_days": [None, 29, 28], "dead_days": [None, 28, 60]}, schema_overrides={"wait_days": pl.Int64}
    )
    assert was_silent(rows, 28).tolist() == [True, True, False]
    assert was_dead(rows, 28).tolist() == [False, True, False]


def test_a_future_that_is_not_known_yet_teaches_nothing(past: pl.DataFrame):
    rows = company(1)
    now = FIRST + 400 * A_DAY
    known = history(frame([row for row in rows if row.day <= 400]), now)
    assert train(history(frame(rows), now)) == train(known)
    assert train(known) != train(past)
