"""Rules on metrics: each hand-made case, and any series against a reader who follows each subject alone."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.alerts.metric_rules import FROZEN, SERIES, MetricRule, judge_metric
from pipelines.groups.thresholds import LEAVES
from schemas.metrics import METRICS
from tests.examples import examples

COUNT, RATIO = METRICS["messages_sent"], METRICS["reply_share"]
FELL = MetricRule("metric_fell", COUNT, "fell_by", 0.4, least=20)
BELOW = MetricRule("metric_below", COUNT, "below", 50, back=55, least=20)
SHIFTED = MetricRule("metric_shifted", COUNT, "share_shifted", 0.1, per="purpose", least=20)
RATIO_FELL = MetricRule("metric_ratio", RATIO, "fell_by", 0.4, least=20)


def series(*rows: tuple[str | None, int, float, float | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, SERIES, orient="row")


def counts(**values: list[float]) -> pl.DataFrame:
    """Values by subject, the newest first."""
    return series(*((subject, ago, value, None) for subject, of in values.items() for ago, value in enumerate(of)))


def frozen(**was: float) -> pl.DataFrame:
    return pl.DataFrame([(subject, base, False) for subject, base in was.items()], FROZEN, orient="row")


def holds(rule: MetricRule, given_series: pl.DataFrame, of: pl.DataFrame | None = None) -> dict[str, bool | None]:
    found = judge_metric(rule, given_series, FROZEN.to_frame() if of is None else of)
    return dict(found.select("subject", "holds").iter_rows())


def test_a_fall_is_against_the_mean_of_the_periods_before():
    found = holds(FELL, counts(a=[60, 100, 100, 100, 100], b=[61, 100, 100, 100, 100], c=[0, 50, 150, 100, 100]))
    assert found == {"a": True, "b": False, "c": True}


def test_small_numbers_and_a_subject_that_is_new_do_not_cry():
    assert holds(FELL, counts(few=[0, 19, 19, 20, 20], new=[5, 60, 0, 0, 0], enough=[0, 20, 20, 20, 20])) == {
        "few": False, "new": False, "enough": True,
    }  # fmt: skip
    assert holds(BELOW, counts(few=[0, 19, 19, 20, 20])) == {"few": False}


def test_a_period_without_rows_is_zero_and_a_subject_that_vanished_fell():
    gone = counts(a=[100, 100, 100, 100, 100]).with_columns(ago=pl.col("ago") + 1).filter(pl.col("ago") < 5)
    assert holds(FELL, gone) == {"a": True}


def test_an_open_alert_ends_where_its_subject_is_back_and_not_where_it_only_rose_a_little():
    for value, expected in ((60, True), (70, True), (71, False)):
        assert holds(FELL, counts(a=[value, 60, 60, 60, 60]), frozen(a=100)) == {"a": expected}
    for value, expected in ((54, True), (55, False)):
        assert holds(BELOW, counts(a=[value, 40, 40, 40, 40]), frozen(a=60)) == {"a": expected}


def test_where_all_periods_before_are_since_then_the_level_is_the_usual_one():
    old = frozen(a=100).with_columns(is_old=pl.lit(value=True))
    found = judge_metric(FELL, counts(a=[50, 50, 50, 50, 50]), old)
    assert found.select("holds", "is_old").rows() == [(False, True)]
    assert holds(BELOW, counts(a=[40, 40, 40, 40, 40]), old) == {"a": True}


def test_a_ratio_is_that_of_the_sums_of_its_parts_and_not_a_mean_of_ratios():
    # The mean of the four ratios is 0.325, the ratio of the sums 0.11: 0.1 is no fall of 40 %.
    of_parts = [("a", 0, 10.0, 100.0), ("a", 1, 1.0, 1.0), ("a", 2, 10.0, 100.0), ("a", 3, 10.0, 100.0)]
    assert holds(RATIO_FELL, series(*of_parts, ("a", 4, 10.0, 100.0))) == {"a": False}
    assert holds(RATIO_FELL, series(("a", 0, 5.0, 100.0), *of_parts[1:])) == {"a": True}


def test_a_ratio_of_little_can_not_be_told():
    few = series(("a", 0, 0.0, 19.0), *(("a", ago, 50.0, 100.0) for ago in range(1, 5)))
    assert holds(RATIO_FELL, few) == {"a": False}
    assert holds(RATIO_FELL, few, frozen(a=0.5)) == {"a": None}


def test_a_share_that_shifts_while_the_total_stands_is_told_of_both_parts():
    before = {"a": [60.0] * 4, "b": [40.0] * 4}
    assert holds(SHIFTED, counts(a=[45, *before["a"]], b=[55, *before["b"]])) == {"a": True, "b": True}
    # Each fell alike, or the total moved as well.
    assert holds(SHIFTED, counts(a=[30, *before["a"]], b=[20, *before["b"]])) == {"a": False, "b": False}
    assert holds(SHIFTED, counts(a=[30, *before["a"]], b=[55, *before["b"]])) == {"a": False, "b": False}


def test_what_is_of_no_part_belongs_to_the_total():
    rows = [(None, ago, 50.0, None) for ago in range(5)] + [("a", 0, 65.0, None), ("b", 0, 0.0, None)]
    before = [(subject, ago, 25.0, None) for subject in ("a", "b") for ago in range(1, 5)]
    found = judge_metric(SHIFTED, series(*rows, *before), FROZEN.to_frame())
    assert found["base"].to_list() == [0.25, 0.25]
    assert found["subject"].to_list() == ["a", "b"]


RULES = {
    "fell_by": FELL,
    "below": BELOW,
    "share_shifted": MetricRule("m", COUNT, "share_shifted", 0.1, per="purpose", least=20, stands=0.5),
    "ratio": RATIO_FELL,
}
CELLS = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 4)),
    st.tuples(st.integers(-5, 120), st.integers(0, 120)),
)
OPEN = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.tuples(st.integers(0, 120), st.booleans()))


@pytest.mark.parametrize("kind", RULES)
@examples(200)
@given(cells=CELLS, open_alerts=OPEN)
def test_any_series_is_judged_as_a_reader_would_who_follows_each_subject_alone(
    kind: str,
    cells: dict[tuple[str | None, int], tuple[int, int]],
    open_alerts: dict[str, tuple[int, bool]],
):
    rule, is_ratio = RULES[kind], kind == "ratio"
    rows = [(of, ago, float(over), float(under) if is_ratio else None) for (of, ago), (over, under) in cells.items()]
    was = [(subject, base / 100 if kind in ("share_shifted", "ratio") else float(base), is_old)
           for subject, (base, is_old) in open_alerts.items()]  # fmt: skip
    found = holds(rule, series(*rows), pl.DataFrame(was, FROZEN, orient="row"))
    subjects = {subject for subject, _ in cells if subject} | {*open_alerts}
    known = {subject: (base, is_old) for subject, base, is_old in was}
    assert found == {subject: by_hand(rule, kind, cells, subject, known.get(subject)) for subject in subjects}


def by_hand(
    rule: MetricRule, kind: str, cells: dict[Any, tuple[int, int]], subject: str, was: tuple[float, bool] | None
) -> bool | None:
    """One subject, as the definitions say it in words."""
    over = [float(cells.get((subject, ago), (0, 0))[0]) for ago in range(5)]
    under = [float(cells.get((subject, ago), (0, 0))[1]) for ago in range(5)]
    total = [float(sum(cells.get((of, ago), (0, 0))[0] for of in ("a", "b", None))) for ago in range(5)]
    value: float | None = over[0]
    base: float | None = sum(over[1:]) / 4
    volume, stands = base, True
    if kind == "ratio":
        value = over[0] / under[0] if under[0] >= max(rule.least, 1) else None
        base = sum(over[1:]) / sum(under[1:]) if sum(under[1:]) > 0 else None
        volume = sum(under[1:]) / 4
    elif kind == "share_shifted":
        value = over[0] / total[0] if total[0] > 0 else None
        base = sum(over[1:]) / sum(total[1:]) if sum(total[1:]) > 0 else None
        volume = sum(total[1:]) / 4
        stands = volume > 0 and abs(total[0] / volume - 1) < rule.stands
    if was is not None:
        base, is_old = was
        if is_old and kind != "below":
            return False
    if value is None or base is None:
        return None if was is not None else False
    if kind == "below":
        return value < rule.back if was is not None else value < rule.line and volume >= rule.least
    line = rule.line if was is None else LEAVES * rule.line
    if kind == "share_shifted":
        return abs(value - base) > line and (was is not None or (stands and volume >= rule.least))
    if base <= 0:
        return None if was is not None else False
    return 1 - value / base >= line and (was is not None or volume >= rule.least)
