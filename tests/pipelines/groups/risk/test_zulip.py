"""The risk on eight years of a public community, graded on groups that the model never saw."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import zulip
from benchmarks.box import box_left_out
from benchmarks.lines import in_time
from pipelines.groups.risk.alert_quality import deaths
from pipelines.groups.risk.backtest import BASELINES, Forward, across_groups, calibration, judged, walking_forward
from pipelines.groups.risk.features import history
from pipelines.groups.risk.lines import MOST_WEEKLY
from pipelines.groups.risk.ranking import Grade, grades

TOLD = ("group_id", "day", "risk_28", "risk_56", "score", "model_share")

pytestmark = pytest.mark.skipif(not zulip.ARCHIVE.exists(), reason=zulip.ABSENT)


@pytest.fixture(scope="module")
def person_day() -> pl.LazyFrame:
    return zulip.person_day()


@pytest.fixture(scope="module")
def past(person_day: pl.LazyFrame) -> pl.DataFrame:
    return history(person_day, person_day.select(pl.col("day").max()).collect().item())


@pytest.fixture(scope="module")
def told(past: pl.DataFrame) -> pl.DataFrame:
    return across_groups(past)


@pytest.fixture(scope="module")
def rows(told: pl.DataFrame) -> pl.DataFrame:
    return judged(told)


@pytest.fixture(scope="module")
def graded(rows: pl.DataFrame) -> dict[str, Grade]:
    return grades(rows, {"model": pl.col("risk_28"), **BASELINES}, draws=100)


def test_the_question_is_asked_of_each_group_left_out(rows: pl.DataFrame):
    assert rows["group_id"].n_unique() == 38
    assert rows["is_dead"].mean() == pytest.approx(0.098, abs=0.0005)


def test_the_model_ranks_groups_it_never_saw(graded: dict[str, Grade]):
    assert graded["model"].auc >= 0.90
    assert graded["model"].precision >= 0.45


def test_baselines_rank_as_published(graded: dict[str, Grade]):
    silence, messages = graded["days of silence"], graded["messages in 28 days"]
    assert (silence.auc, silence.precision) == pytest.approx((0.840, 0.306), abs=0.0006)
    assert (messages.auc, messages.precision) == pytest.approx((0.857, 0.318), abs=0.0006)


def test_intervals_over_groups_hold_the_grades(graded: dict[str, Grade]):
    for grade in graded.values():
        assert grade.auc_interval[0] < grade.auc < grade.auc_interval[1]
        assert grade.precision_interval[0] < grade.precision < grade.precision_interval[1]


def test_risks_come_true_as_often_as_told(past: pl.DataFrame, rows: pl.DataFrame):
    assert calibration(rows).error < 0.015
    assert calibration(judged(across_groups(past), 56), "risk_56").error < 0.03


@pytest.fixture(scope="module")
def forward(past: pl.DataFrame, told: pl.DataFrame) -> Forward:
    """What speaks, from the past alone; what the box tells is of a box that was learnt without the group."""
    return walking_forward(past, 91, other_groups=False, parts=box_left_out(told))


def test_what_speaks_from_the_past_alone_ranks_better_than_counts(forward: Forward):
    rows = judged(forward.rows)
    graded = grades(rows, {"speaks": pl.col("risk_28"), **BASELINES}, draws=0)
    assert graded["speaks"].auc > 0.885
    assert graded["speaks"].precision > 0.41
    for name in BASELINES:
        assert graded["speaks"].auc > graded[name].auc
        assert graded["speaks"].precision > graded[name].precision
    assert calibration(rows).error < 0.03


def test_alerts_whose_line_was_picked_in_time_are_right_early_and_few(person_day: pl.LazyFrame, forward: Forward):
    known = in_time(forward.rows, deaths(person_day, forward.rows))
    assert known.weekly <= MOST_WEEKLY
    assert known.recall == pytest.approx(0.855, abs=0.02)
    assert known.precision == pytest.approx(0.706, abs=0.02)
    assert known.early == pytest.approx(0.572, abs=0.02)


def test_a_future_shifted_by_years_changes_no_score(person_day: pl.LazyFrame, past: pl.DataFrame):
    told = walking_forward(past, 91, other_groups=False).rows
    days = told["day"].unique().sort()
    now = days[len(days) // 2]
    is_later = pl.col("day") > now
    shifted = person_day.with_columns(pl.when(is_later).then(pl.col("day").dt.offset_by("2y")).otherwise("day"))
    through = shifted.select(pl.col("day").max()).collect().item()
    again = walking_forward(history(shifted, through), 91, other_groups=False).rows
    before, after = (rows.filter(~is_later).select(TOLD) for rows in (told, again))
    assert before.height > 1000
    assert before["model_share"].n_unique() > 1
    # Products of matrices of another height may differ in their last bit.
    assert_frame_equal(before, after, abs_tol=1e-12, rel_tol=0)
