"""A user without a right to a folder gets one box with its place and what to do, whichever folder it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from emberline.cli.errors import ExitCode
from emberline.embedded import StateFolder
from pipelines.lake import Lake
from tests.docs.pages import ROOT
from tests.pipelines.canonical import encoded, ingest, land, message, records

NOBODY = 65_534

# All is imported before: this user may be unable to read Python itself.
AS_NOBODY = """
import json, os, sys
from pathlib import Path
from tests.emberline.cli_driver import run
from tests.fuzz import running

scenes, file = json.loads(sys.argv[1]), Path(sys.argv[2])
running.import_all()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
codes = []
for folder, mode, arguments in scenes:
    place = Path(os.environ["EMBERLINE__STATE"], folder)
    print(f"@{len(codes)}", file=sys.stderr, flush=True)
    place.chmod(mode)
    print(f"@{len(codes)}", flush=True)
    codes.append(run(arguments))
    place.chmod(0o755)
print(json.dumps(codes))
"""

RULING = ("quarantine", "add", "/x", "e9", "--expected", "--reason", "two people")
SCENES = (
    (".", 0o000, ("status",), ExitCode.ENGINE, "let this user do so"),
    (".", 0o000, ("run",), ExitCode.ENGINE, "let this user do so"),
    ("lake", 0o000, ("run",), ExitCode.FAILED, "Permission denied"),
    ("lake", 0o000, ("quarantine", "rulings"), ExitCode.FAILED, "Permission denied"),
    ("lake/quarantine_ruling", 0o555, RULING, ExitCode.FAILED, "Permission denied"),
    ("lake/events", 0o000, ("run",), ExitCode.FAILED, "Permission denied"),
    ("lake/events/_delta_log", 0o000, ("doctor",), ExitCode.FAILED, "Permission denied"),
    ("secrets", 0o000, ("run",), ExitCode.ENGINE, "Let this user read and write it"),
    ("secrets", 0o000, ("doctor",), ExitCode.FAILED, "Let this user read and write it"),
)


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder with a lake, of nobody. Not in pytest's own folder: that is closed to others."""
    path = Path(tempfile.mkdtemp(prefix="emberline-tests-"))
    state = StateFolder(path)
    state.secret("pseudonyms")
    lake = Lake(str(path / "lake"))
    land(lake, records([encoded(message(id="e1"))]))
    ingest(lake)
    for place, folders, files in os.walk(path):
        for name in (".", *folders, *files):
            os.chown(Path(place, name), NOBODY, NOBODY)
    yield path
    rmtree(path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
@pytest.mark.slow
def test_a_right_that_is_missing_is_told_in_one_box_with_place_and_next_step(state: Path, tmp_path: Path):
    scenes = [(folder, mode, arguments) for folder, mode, arguments, _, _ in SCENES]
    down = {
        "EMBERLINE__STATE": str(state),
        "EMBERLINE__KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "EMBERLINE__KAFKA__OPTIONS": '{"bootstrap_timeout_ms": 300}',
        "EMBERLINE__WAREHOUSE__URL": "postgresql+psycopg://u:p@127.0.0.1:1/x",
        # Where there is no folder for temporary files either.
        "TMPDIR": "/nowhere",
        "HOME": "/nowhere",
    }
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, json.dumps(scenes), str(tmp_path / "x")],
        env={**os.environ, **down}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = done.stderr.split("@")[1:]
    codes = json.loads(done.stdout.strip().splitlines()[-1])
    assert "Traceback" not in done.stderr + done.stdout
    for (folder, mode, arguments, code, phrase), found, text in zip(SCENES, codes, told, strict=True):
        scene = f"{folder} {mode:o}: {' '.join(arguments)}\n{text}"
        assert found == code, scene
        assert phrase in text or arguments[0] == "doctor", scene
        assert "Next: " in text or arguments[0] == "doctor", scene
    lines = done.stdout.split(f"@{len(SCENES) - 1}\n")[1].splitlines()
    refused = f"The operating system refused: Permission denied. Where: {state}/secrets/pseudonyms"
    assert f"broken  key       pseudonyms: {refused}" in lines
    assert {"lake", "warehouse", "kafka"} < {line[8:18].strip() for line in lines}
