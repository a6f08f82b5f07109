"""What the terminal shows of groups and funnels."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from emberline.cli.reports import print_group, print_groups, print_interventions
from emberline.published import groups_frame
from pipelines.publish.warehouse import Warehouse
from schemas import warehouse as mart

TODAY = dt.date(2026, 3, 2)
NOW = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
LONG = "speakers at 3 % of usual (0.1 a day, usually 4.4); " * 9


@pytest.fixture
def shown(database: str, capsys: pytest.CaptureFixture[str]):
    """Publish groups, each with its state and what else is given, and show them; returns them and the output."""

    def show(*groups: dict[str, Any]) -> tuple[pl.DataFrame, str]:
        with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
            numbers = dict.fromkeys(("events_batch", "lake_state", "rules", "rebuilds", "rows_changed"), 0)
            published = {
                "version": 1,
                "zone": "UTC",
                "published_at": NOW,
                "is_synthetic": False,
                "complete_through": TODAY,
                **numbers,
            }
            connection.execute(sa.insert(mart.publication), _filled(mart.publication, published))
            for group in groups:
                known = {"carrier": "app", "is_current": True, "since": TODAY, "reason": "because", **group}
                connection.execute(sa.insert(mart.dim_group), _filled(mart.dim_group, known))
                connection.execute(sa.insert(mart.group_state), _filled(mart.group_state, known))
                if "risk_28" in group:
                    risk = {"day": TODAY, "drivers": "", "model": "m", "may_alert": True, "risk_56": 0.9, **group}
                    connection.execute(sa.insert(mart.group_risk), _filled(mart.group_risk, risk))
        frame = groups_frame(Warehouse(database))
        print_groups(frame)
        return frame, capsys.readouterr().out

    return show


def _filled(table: sa.Table, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in table.c}


def test_living_groups_come_by_risk_and_the_others_after_them(shown):
    frame, output = shown(
        {"group_id": "app:calm", "state": "alive", "risk_28": 0.03},
        {"group_id": "app:unknown", "state": "alive"},
        {"group_id": "app:at risk", "state": "alive", "risk_28": 0.416},
        {"group_id": "app:dying", "state": "dying", "risk_28": 0.2},
        {"group_id": "app:gone", "state": "dead"},
    )
    order = ["app:at risk", "app:dying", "app:calm", "app:unknown", "app:gone"]
    assert frame["group_id"].to_list() == order
    assert [line.split("  ")[0] for line in output.splitlines() if line.startswith("app:")] == order
    assert [line.split() for line in output.splitlines() if line.startswith("app:at risk")] == [
        ["app:at", "risk", "42", "%", "alive", "2026-03-02", "because"]
    ]


def test_where_state_and_risk_differ_it_is_said_why(shown, capsys: pytest.CaptureFixture[str]):
    frame, _ = shown(
        {"group_id": "app:quiet", "state": "declining", "risk_28": 0.02, "disagreement": "members_present"},
        {"group_id": "app:soon", "state": "alive", "risk_28": 0.4, "disagreement": "nothing_fell"},
        {"group_id": "app:ill", "state": "dying", "risk_28": 0.4},
        {"group_id": "app:unknown", "state": "alive"},
    )
    said = {}
    for group in frame.to_dicts():
        print_group(group, None)
        said[group["group_id"]] = capsys.readouterr().out
    assert "app:quiet)\ndeclining since 2026-03-02: because" in said["app:quiet"]
    assert "State and risk differ: less happens than usual" in said["app:quiet"]
    assert "State and risk differ: nothing has fallen" in said["app:soon"]
    assert [name for name, output in said.items() if "differ" in output] == ["app:soon", "app:quiet"]


def test_whom_to_talk_to_is_shown_with_the_reasons(capsys: pytest.CaptureFixture[str]):
    known = {"group_id": "app:g", "name": "Tea", "state": "dying", "since": TODAY, "reason": "because"}
    rest = dict.fromkeys(("risk_28", "unmeasured_since", "coverage", "membership", "drivers", "risk_rests_on"))
    member = {"person_id": "0" * 32, "why": "wrote 5 of 9 messages in 28 days, and has been silent since 2026-02-01"}
    print_group({**known, **rest}, pl.DataFrame([member]))
    print_group({**known, **rest}, pl.DataFrame([member]).clear())
    output = capsys.readouterr().out
    assert f"{member['person_id']}  {member['why']}" in output
    assert "nobody wrote, answered or bought before the fall" in output


def test_what_was_done_is_shown_with_its_words(capsys: pytest.CaptureFixture[str]):
    done = pl.DataFrame([{"day": TODAY, "action": "operator_wrote", "origin": "noted", "note": "asked\x1b[2J how"}])
    effect = {"alive_again": 9, "cases": 20, "like": 4, "action": "call", "is_effect": True, "sold": None}
    print_interventions(done, [effect])
    print_interventions(done.clear(), [])
    output = capsys.readouterr().out
    assert "2026-03-02  operator wrote  noted" in output
    assert "\x1b" not in output
    assert "nothing recorded or detected" in output
    assert output.startswith("Groups like this were alive again in 9 of 20 cases after a call, untreated 4 of 20.")


def test_where_no_risk_is_known_the_worst_state_comes_first(shown):
    _, output = shown(
        {"group_id": "app:a", "state": "alive"},
        {"group_id": "app:d", "state": "dying"},
        {"group_id": "app:g", "state": "dead"},
        {"group_id": "app:e", "state": "declining"},
    )
    assert "Living groups by state" in output
    assert [line.split()[0] for line in output.splitlines() if line.startswith("app:")] == [
        "app:d", "app:e", "app:a", "app:g",
    ]  # fmt: skip


def test_a_risk_of_an_older_day_is_not_shown_as_todays(shown):
    frame, output = shown({"group_id": "app:g", "state": "alive", "risk_28": 0.4, "day": TODAY - dt.timedelta(days=1)})
    assert frame["risk_28"].to_list() == [None]
    assert "Risk" not in output


def test_a_group_that_is_not_measured_says_since_when(shown):
    frame, output = shown({"group_id": "app:g", "state": "alive", "unmeasured_since": dt.date(2025, 12, 28)})
    assert frame["unmeasured_since"].to_list() == [dt.date(2025, 12, 28)]
    assert "because; not measured since 2025-12-28" in output
    assert "not even a heartbeat" in output


def test_a_group_of_which_only_mentions_are_seen_says_why_no_alert_is_raised(shown):
    _, output = shown(
        {"group_id": "app:a", "state": "alive", "coverage": "mentions"},
        {"group_id": "app:b", "state": "alive", "coverage": "full"},
    )
    [partly, whole] = [line for line in output.splitlines() if line.startswith("app:")]
    assert partly.endswith("because; no alert is raised on it: only mentions of the bot are visible")
    assert whole.endswith("because")


def test_where_no_terminal_is_a_row_is_one_line_and_ends_with_its_text(shown):
    _, output = shown({"group_id": "app:g", "state": "dying", "reason": LONG})
    [line] = [line for line in output.splitlines() if line.startswith("app:g")]
    assert line.endswith(LONG.rstrip())


def test_a_blank_name_gives_way_to_the_id(shown):
    _, output = shown({"group_id": "app:1", "state": "dead", "name": " \u3000"})
    assert "app:1" in output


def test_columns_are_aligned_also_where_letters_are_wide(shown):
    _, output = shown(
        {"group_id": "app:1", "state": "dead", "name": "茶友会", "purpose": "sales"},
        {"group_id": "app:2", "state": "dead", "name": "Tea lovers", "purpose": "sales"},
    )
    assert "茶友会      sales" in output
    assert "Tea lovers  sales" in output


def test_a_funnel_is_shown_by_its_name_and_one_that_is_not_there_names_those_that_are(
    shown, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    shown()
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        for name in ("clicks", "standard"):
            step = {"funnel": name, "step_number": 1, "step": f"of {name}", "reached": 3, "reached_immature": 1}
            connection.execute(sa.insert(mart.funnel_step), step)
    monkeypatch.setenv("EMBERLINE__WAREHOUSE__URL", database)
    monkeypatch.setenv("EMBERLINE__STATE", str(tmp_path))
    whole, one, none = (CliRunner().invoke(app, ["funnel", *name]) for name in ([], ["clicks"], ["other"]))
    assert [line for line in whole.stdout.splitlines() if "Funnel" in line] == ["Funnel: standard", "Funnel: clicks"]
    assert one.exit_code == ExitCode.OK
    assert "of clicks" in one.stdout
    assert "standard" not in one.stdout
    assert none.exit_code == ExitCode.USAGE
    assert "'other'; there are clicks, standard" in " ".join(none.stderr.split())


@pytest.mark.parametrize(
    ("membership", "said"),
    [
        ("none", "Sources report no joins or leaves"),
        ("joins_only", "Sources report joins but hardly any leaves"),
        ("events", None),
    ],
)
def test_of_a_group_it_is_said_that_nobody_tells_who_joins_or_leaves(
    membership: str, said: str | None, shown, capsys: pytest.CaptureFixture[str]
):
    frame, _ = shown({"group_id": "app:g", "state": "alive", "membership": membership})
    print_group(frame.row(0, named=True), None)
    output = capsys.readouterr().out
    assert ("Sources report" in output) == (said is not None)
    assert (said or "") in output
