"""The back-test looks at no group it tells of, and at nothing that comes later."""

import datetime as dt
from itertools import pairwise
from zlib import crc32

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.groups.risk import backtest as module
from pipelines.groups.risk.backtest import BASELINES, across_groups, calibration, judged, walking_forward
from pipelines.groups.risk.box import box
from pipelines.groups.risk.features import history
from pipelines.groups.risk.model import encode, probabilities
from pipelines.groups.risk.scores import Parts, inputs, own_weight
from tests.pipelines.groups.risk.company import company
from tests.pipelines.groups.risk.oracle import A_DAY, FIRST, Active, frame

PERIOD = 91
NOW = 420
RISKS = ("group_id", "day", "risk_28", "risk_56", "score", "model_share", "own_28")


@pytest.fixture(scope="module")
def rows() -> list[Active]:
    return company(1)


@pytest.fixture(scope="module")
def past(rows: list[Active]) -> pl.DataFrame:
    return history(frame(rows), FIRST + 599 * A_DAY)


@pytest.mark.parametrize("other_groups", [True, False])
def test_another_future_changes_no_risk_told_before(other_groups: bool):
    now = FIRST + NOW * A_DAY
    rows = company(1, groups=30)
    known = [row for row in rows if row.day <= NOW]
    later = [row._replace(day=row.day + NOW + 1) for row in company(9)]
    later += [row._replace(group=f"{row.group}-new") for row in later]
    told = walking_forward(history(frame(known), now), PERIOD, other_groups=other_groups).rows
    groups = told["group_id"].unique()
    much_later = FIRST + 1100 * A_DAY
    again = walking_forward(history(frame([*known, *later]), much_later), PERIOD, other_groups=other_groups).rows
    again = again.filter(pl.col("day") <= now, pl.col("group_id").is_in(groups.implode()))
    assert told.height > 100
    assert told["model_share"].n_unique() > 1
    # Products of matrices of another height may differ in their last bit.
    assert_frame_equal(told.select(RISKS), again.select(RISKS), abs_tol=1e-12, rel_tol=0)


def test_a_model_learns_from_what_was_known_when_its_period_began(past: pl.DataFrame, monkeypatch: pytest.MonkeyPatch):
    known = watched(monkeypatch, lambda: walking_forward(past, PERIOD, other_groups=False))
    ends = [end_of(rows) for rows in known if not rows.is_empty()]
    assert len(ends) == 7
    assert all((later - earlier).days == PERIOD for earlier, later in pairwise(ends))
    for rows in known:
        assert rows.filter(pl.col("day") > end_of(rows) if not rows.is_empty() else False).is_empty()


def end_of(rows: pl.DataFrame) -> dt.date:
    """The one day up to which everything is known of the rows."""
    (end,) = rows.select(end=pl.col("day") + pl.duration(days=pl.col("known_days")))["end"].unique()
    return end


def test_no_group_is_told_of_by_a_model_that_saw_it(past: pl.DataFrame, monkeypatch: pytest.MonkeyPatch):
    train, encode = module.train, module.encode
    learnt: list[set[str]] = []
    told = []

    def noted(rows: pl.DataFrame):
        learnt.append(set(rows["group_id"]))
        return train(rows)

    def encoded(rows: pl.DataFrame) -> np.ndarray:
        told.append((learnt[-1], set(rows["group_id"])))
        return encode(rows)

    monkeypatch.setattr(module, "train", noted)
    monkeypatch.setattr(module, "encode", encoded)
    across_groups(past)
    assert len(told) >= 10
    assert not any(saw & groups for saw, groups in told)


def test_from_the_past_alone_other_groups_teach_the_own_model(past: pl.DataFrame):
    told = walking_forward(past, PERIOD, other_groups=True).rows
    last = told["day"].max()
    assert isinstance(last, dt.date)
    opens = last.toordinal() // PERIOD * PERIOD
    newest = told.filter(pl.col("day") >= dt.date.fromordinal(opens))
    group = newest["group_id"][0]
    fold = [one for one in past["group_id"].unique() if crc32(one.encode()) % 10 == crc32(group.encode()) % 10]
    before = past.filter(pl.col("day") < dt.date.fromordinal(opens), ~pl.col("group_id").is_in(fold))
    model = module.train(before.with_columns(known_days=opens - 1 - pl.col("day").map_elements(dt.date.toordinal)))
    rows = newest.filter(group_id=group)
    assert model is not None
    weight = own_weight(model.deaths)
    parts = Parts.of(inputs(rows), box(), model, weight)
    blended = weight * model.log_odds(encode(rows)) + (1 - weight) * box().model.log_odds(encode(rows))
    assert 0 < weight < 1
    assert parts.own == pytest.approx(blended)
    assert rows["own_28"].to_numpy() == pytest.approx(probabilities(blended)[:, 0])


def watched(monkeypatch: pytest.MonkeyPatch, tell) -> list[pl.DataFrame]:
    known: list[pl.DataFrame] = []
    train = module.train

    def noted(rows: pl.DataFrame):
        known.append(rows)
        return train(rows)

    with monkeypatch.context() as patched:
        patched.setattr(module, "train", noted)
        tell()
        return known


def test_groups_that_were_small_when_a_period_began_are_not_learnt_from(monkeypatch: pytest.MonkeyPatch):
    late = [Active("qq:late", "a", day, 1, 0, 0, 1) for day in range(0, 600, 14)]
    rows = history(frame([*company(1), *late]), FIRST + 599 * A_DAY)
    known = watched(monkeypatch, lambda: walking_forward(rows, PERIOD, other_groups=False))
    learnt = ["qq:late" in set(part["group_id"]) for part in known]
    assert True in learnt
    for part, has_it in zip(known, learnt, strict=True):
        if not part.is_empty():
            newest_measured = (end_of(part) - FIRST).days // 7 * 7
            # Its 30th activity is on day 29 times 14, and its measured days are multiples of 7.
            assert has_it == (newest_measured >= 29 * 14)


def test_each_row_is_told_once_by_models_of_other_groups(past: pl.DataFrame):
    told = across_groups(past)
    assert told.drop("risk_28", "risk_56").equals(past)


def test_too_short_a_history_is_told_of_by_the_box(past: pl.DataFrame):
    short = past.filter(pl.col("day") < FIRST + 60 * A_DAY)
    assert across_groups(short).is_empty()
    told = walking_forward(short, PERIOD, other_groups=False)
    assert told.rows.drop(*RISKS[2:], "box_28").equals(past.filter(pl.col("day") < FIRST + 60 * A_DAY))
    assert told.rows.select("score", "model_share").unique().rows() == [("box", 0.15)]
    assert told.rows["own_28"].equals(told.rows["box_28"])


def test_no_history_tells_nothing(past: pl.DataFrame):
    for rows in (across_groups(past.clear()), walking_forward(past.clear(), PERIOD, other_groups=False).rows):
        assert rows.is_empty()
        assert judged(rows)["risk_28"].to_list() == []


def test_calibration_compares_tenths_with_what_came():
    rows = pl.DataFrame({"risk_28": [0.05, 0.07, 0.95, 1.0], "is_dead": [False, True, True, True]})
    told = calibration(rows)
    assert [(one.days, one.dead) for one in told.bins] == [(2, 0.5), (2, 1.0)]
    assert [one.risk for one in told.bins] == pytest.approx([0.06, 0.975])
    assert told.error == pytest.approx((2 * 0.44 + 2 * 0.025) / 4)
    assert told.brier == pytest.approx((0.05**2 + 0.93**2 + 0.05**2) / 4)


def test_baselines_are_larger_where_less_is_said():
    rows = pl.DataFrame(
        {"since_active_day_1": [1.0, 9.0], "messages_28d": [50, 10], "messages_28d_before": [50, 0]},
    ).select(**BASELINES)
    assert rows.rows() == [(1.0, -50, -1.0), (9.0, -10, -10.0)]
