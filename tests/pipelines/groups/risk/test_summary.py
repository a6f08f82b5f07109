"""The back-test as a whole, and what the terminal shows of it."""

import datetime as dt

import polars as pl
import pytest
from rich.console import Console

from emberline.cli import output
from emberline.cli.backtest_report import print_backtest
from pipelines.groups.risk.summary import ALERTS, BackTest, HistoryTooShort, back_test, entered
from schemas.lake import GROUP_STATE
from tests.pipelines.groups.risk.company import company
from tests.pipelines.groups.risk.oracle import A_DAY, FIRST, Active, frame

THROUGH = FIRST + 699 * A_DAY


def states(*spells: tuple[str, str, int]) -> pl.LazyFrame:
    rows = [(group, state, FIRST + day * A_DAY) for group, state, day in spells]
    columns = ("group_id", "state", "since")
    return pl.LazyFrame(rows, {name: GROUP_STATE.schema[name] for name in columns}, orient="row")


@pytest.fixture(scope="module")
def done() -> BackTest:
    rows = frame(company(1, groups=30, days=700))
    return back_test(rows, states(("qq:01", "alive", 0), ("qq:01", "dying", 500)), THROUGH, 91, 0.5)


def test_every_rule_and_score_is_in_the_back_test(done: BackTest):
    assert done.across is not None
    assert done.forward is not None
    assert list(done.across.grades)[1:] == list(done.forward.grades)[3:]
    assert list(done.worth) == ["declining, by the rules", "dying, by the rules", *ALERTS]
    assert [done.worth[f"{state}, by the rules"].alerts for state in ("declining", "dying")] == [0, 1]
    assert len({worth.deaths for worth in done.worth.values()}) == 1
    spoke = done.forward.grades["score in use"].auc
    assert spoke > 0.8
    assert spoke > done.forward.grades["days of silence"].auc - 0.01


def test_the_back_test_fits_a_narrow_terminal(done: BackTest, monkeypatch: pytest.MonkeyPatch):
    console = Console(width=100, record=True, force_terminal=True)
    monkeypatch.setattr(output, "_stdout", console)
    print_backtest(done)
    assert done.across is not None
    assert done.forward is not None
    assert done.calibration is not None
    lines = console.export_text().splitlines()
    for name in (*done.across.grades, *done.forward.grades, *done.worth):
        assert any(line.startswith(name) for line in lines)
    assert "…" not in "".join(lines)
    tenths = [line for line in lines if " to " in line and "%" in line and ("│" in line or "◉" in line)]
    assert len(tenths) == len(done.calibration.bins)
    assert sum("●" in line or "◉" in line for line in tenths) == len(tenths)


def test_an_alert_of_a_rule_is_that_a_group_gets_worse():
    spells = states(
        ("qq:1", "alive", 0), ("qq:1", "declining", 9), ("qq:1", "dying", 19), ("qq:1", "declining", 29),
        ("qq:1", "alive", 39), ("qq:1", "dying", 49), ("qq:2", "declining", 5),
    )  # fmt: skip
    assert [(group, (day - FIRST).days) for group, day in entered(spells, "declining").sort("group_id").rows()] == [
        ("qq:1", 9), ("qq:2", 5),
    ]  # fmt: skip
    assert [(day - FIRST).days for _, day in entered(spells, "dying").sort("day").rows()] == [19, 49]


@pytest.mark.parametrize("through", [None, dt.date(2024, 3, 1)])
def test_without_groups_that_talk_there_is_nothing_to_test(through: dt.date | None):
    with pytest.raises(HistoryTooShort, match="No group has 30 messages"):
        back_test(frame([Active("qq:1", "a", 0, 29, 0, 0, 9)]), states(), through, 91, 0.5)


def test_a_company_of_few_groups_and_days_is_told_what_its_risk_rests_on(monkeypatch: pytest.MonkeyPatch):
    few = back_test(frame(company(1, groups=3, days=60)), states(), FIRST + 59 * A_DAY, 91, 0.5)
    assert (few.across, few.forward) == (None, None)
    assert few.rests.score == ("box", 0.15)
    assert (few.rests.groups, few.rests.judged_deaths) == (2, 0)
    console = Console(width=100, record=True, force_terminal=True)
    monkeypatch.setattr(output, "_stdout", console)
    print_backtest(few)
    text = " ".join(console.export_text().split())
    assert "The score is the shipped model by 15%" in text
    assert "trained on 38 groups of a public community" in text
    assert few.line == 0.275
    assert "Alerts by the risk, of the shipped model, on its training groups, each left out" in text
    assert "An alert is raised from a risk of 27.5 % on" in text
    assert "Of your own there are 2 groups and 3 weekly days; of 0 of these the outcome is known" in text
