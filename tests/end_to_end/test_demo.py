"""`emberline demo`, as a new user runs it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from emberline.embedded import EmbeddedPostgres, StateFolder
from emberline.simulator import Scenario, simulate

pytestmark = pytest.mark.slow


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    with tempfile.TemporaryDirectory(prefix="emberline-demo-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        yield Path(root)
        emberline(Path(root), "--state", "state", "down")


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


def test_the_demo_shows_the_planted_company_says_it_is_simulated_and_leaves_its_tables_to_look_at(folder):
    shown = emberline(folder, "demo", "--state", "state")
    truth = simulate(Scenario()).truth
    assert "All of this is simulated" in shown
    for step, reached in truth.funnel_mature.items():
        assert any(line.split()[:2] == [step, f"{reached:,}"] for line in shown.splitlines()), step
    assert "no member activity for 28 days since" in shown
    assert "unattributed" in shown

    status = json.loads(emberline(folder, "--state", "state", "status", "--secrets", "--json"))
    psql = EmbeddedPostgres(StateFolder(folder / "state")).admin_psql()
    listed = subprocess.run(
        [psql, status["warehouse"], "-c", r"\dt mart.*"], capture_output=True, text=True, check=True
    )
    assert "group_state" in listed.stdout

    funnel = json.loads(emberline(folder, "--state", "state", "funnel", "--json"))
    assert [row["reached"] for row in funnel] == list(truth.funnel_mature.values())
    groups = json.loads(emberline(folder, "--state", "state", "groups", "--json"))
    assert {row["group_id"] for row in groups["groups"]} == set(truth.groups["group_id"])

    emberline(folder, "--state", "state", "down")
    assert [p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])] == []
