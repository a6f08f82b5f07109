"""What libraries write past Python's standard error stays off the terminal, and is kept."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.faults.small_disk import SmallDisk, small_disk_in

WRITES = """
import os, sys
from emberline.cli.native_output import native_output_kept
kept = []
with native_output_kept(kept.append):
    held = sys.stderr
    os.write(2, b"of a library")
    print("of emberline", file=sys.stderr)
    with native_output_kept(kept.append):
        os.write(2, b", within")
print(f"afterwards: {kept}", file=sys.stderr)
print("by a logger", file=held)
os.write(2, b"descriptor 2 is back")
"""

CRASHES = """
import ctypes
from emberline.cli.native_output import native_output_kept
def here():
    with native_output_kept(print):
        ctypes.string_at(0)
here()
"""

FILLS = """
import random, sys
from emberline.cli.native_output import native_output_kept
from pipelines.lake import Lake, LakeUnavailable
from schemas.lake import RAW
from tests.pipelines.canonical import records
kept, lake = [], Lake(sys.argv[1])
with native_output_kept(kept.append):
    try:
        for number in range(40):
            lake.append(lake.open(RAW), records([random.Random(number).randbytes(60_000)], offsets=[number]), {})
    except LakeUnavailable:
        print("no room")
print(*kept)
"""


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment or None)


def test_what_a_library_writes_is_kept_and_what_python_writes_is_shown():
    done = run(WRITES)
    assert done.returncode == 0
    assert done.stderr == ("of emberline\nafterwards: ['of a library, within']\nby a logger\ndescriptor 2 is back")


def test_without_a_folder_for_temporary_files_it_goes_nowhere():
    script = (
        "import tempfile\ntempfile._get_default_tempdir = lambda *_: 1 / 0\ntempfile.tempdir = '/nowhere'\n" + WRITES
    )
    done = run(script)
    assert "of emberline\nafterwards: []" in done.stderr


def test_a_crash_still_shows_where_it_happened():
    done = run(CRASHES)
    assert done.returncode < 0
    assert "in here" in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk_in(tmp_path, kilobytes=600) as disk:
        yield disk


def test_the_panic_of_a_failed_write_is_kept(small_disk: SmallDisk):
    done = run(FILLS, str(small_disk.folder / "lake"))
    assert done.stderr == ""
    assert done.stdout.startswith("no room\n")
    assert "panicked" in done.stdout
