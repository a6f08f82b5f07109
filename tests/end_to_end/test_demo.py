"""`emberline demo`, as a new user runs it."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.simulator import Scenario, simulate
from tests.docs.pages import ROOT

BUILD_README = ROOT / "docs" / "build_readme.py"
README = ROOT / "README.md"
pytestmark = pytest.mark.soak


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    with tempfile.TemporaryDirectory(prefix="emberline-demo-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        yield Path(root)
        CliRunner().invoke(app, ["--state", str(Path(root) / "state"), "down"], catch_exceptions=False)


def emberline(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "emberline", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown_as_json(folder: Path, *command: str) -> Any:
    """What a command shows of the demo, in this process: another one would only import the same."""
    return json.loads(CliRunner().invoke(app, ["--state", str(folder / "state"), *command, "--json"]).stdout)


def pasted(folder: Path, shown: str, hint: str) -> str:
    """What the command line prints that the demo gives as a hint, pasted into a shell."""
    [line] = re.findall(rf"^  {hint} +(.+)$", shown, re.MULTILINE)
    return subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_the_demo_shows_the_planted_company_says_it_is_simulated_and_leaves_its_tables_to_look_at(folder):
    [end] = re.findall(r"emberline demo --end (\S+?)`", README.read_text())
    shown = emberline(folder, "demo", "--end", end, "--state", "state")
    truth = simulate(Scenario()).truth
    assert "All of this is simulated" in shown
    for step, reached in truth.funnel_mature.items():
        assert any(line.split()[:2] == [step, f"{reached:,}"] for line in shown.splitlines()), step
    assert "no member activity for 28 days since" in shown
    assert "unattributed" in shown
    alerts = shown_as_json(folder, "alerts", "list")["alerts"]
    assert f"Alerts: {len(alerts)} open at {end} 00:00" in shown
    assert {alert["subject"] for alert in alerts if alert["rule"] == "group_dying"} <= set(truth.groups["group_id"])
    assert [alert["subject"] for alert in alerts if alert["rule"] == "stale_feed"] == ["simulator/discourse"]
    assert f"{len(alerts)} alerts: " in shown

    (folder / "shown.txt").write_text(shown)
    compared = subprocess.run(
        [sys.executable, BUILD_README, "--check", folder / "shown.txt"], capture_output=True, text=True, check=False
    )
    assert compared.returncode == 0, compared.stderr
    assert "group_state" in pasted(folder, shown, "tables")
    assert pasted(folder, shown, "groups").startswith("Groups by state")

    funnel = shown_as_json(folder, "funnel")
    assert [row["reached"] for row in funnel] == list(truth.funnel_mature.values())
    groups = shown_as_json(folder, "groups")
    assert {row["group_id"] for row in groups["groups"]} == set(truth.groups["group_id"])

    pasted(folder, shown, "stop")
    assert [p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])] == []
