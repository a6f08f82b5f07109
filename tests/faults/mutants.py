"""Take each protection out, and see the tests of its fault fail: `python -m tests.faults.mutants --rows 1-8`.

`mutants.toml` names the protections. They are taken out of a copy, one at a time; a mutant that a test survives shows
a test that is too weak, or a protection that is not needed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from rich.console import Console

ROOT: Final = Path(__file__).parents[2]

_TEST_SECONDS: Final = 180
_OUT_OF_TIME: Final = "Failed: Timeout"
_BROKEN_CODE: Final = ("ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "NameError")
"""Errors of a mutant that is no program: what they stop proves nothing."""


@dataclass(frozen=True)
class Edit:
    """A text that occurs once in a file, and what replaces it."""

    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """What takes one protection of a row of the matrix out, and the tests that then have to fail, each of them."""

    row: int
    takes_out: str
    file: str
    tests: tuple[str, ...]
    edits: tuple[Edit, ...]


def mutants() -> list[Mutant]:
    """All of them, by row."""
    listed = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["mutant"]
    return [
        Mutant(m["row"], m["takes_out"], m["file"], tuple(m["tests"]), tuple(Edit(**edit) for edit in m["edit"]))
        for m in listed
    ]


@dataclass(frozen=True)
class Outcome:
    """What a test did, and whether it failed as it should."""

    is_seen: bool
    told: str


def outcomes(mutant: Mutant, copy: Path) -> dict[str, Outcome]:
    """What each test of a mutant did under it."""
    with _applied(mutant, copy):
        results = _results(mutant.tests, copy)
    return {test: _outcome(results.get(test, [])) for test in mutant.tests}


@contextmanager
def copied() -> Iterator[Path]:
    """The project's tracked files, as they are now, in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="emberline-mutants-"))
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, listed.split("\0")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _applied(mutant: Mutant, copy: Path) -> Iterator[None]:
    file = copy / mutant.file
    whole = text = file.read_text()
    for edit in mutant.edits:
        text = text.replace(edit.old, edit.new)
    file.write_text(text)
    try:
        yield
    finally:
        file.write_text(whole)


def _results(tests: Sequence[str], copy: Path) -> dict[str, list[ElementTree.Element]]:
    """Test -> a `testcase` of JUnit's each time it was run; parameters make it several."""
    report = copy / "junit.xml"
    report.unlink(missing_ok=True)
    options = ["-q", "-p", "no:cacheprovider", "-o", "timeout_func_only=true", f"--timeout={_TEST_SECONDS}"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--junitxml={report}", *tests],
        cwd=copy,
        # Compiled files are trusted by time and size: a mutant of the same second and size would pass for the original.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)},
        capture_output=True,
        check=False,
    )
    found: dict[str, list[ElementTree.Element]] = {}
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            module, name = case.attrib["classname"], case.attrib["name"].partition("[")[0]
            found.setdefault(f"{module.replace('.', '/')}.py::{name}", []).append(case)
    return found


def _outcome(cases: Sequence[ElementTree.Element]) -> Outcome:
    """What a test did in all its cases; one that failed at what it is about is enough."""
    if not cases:
        return Outcome(is_seen=False, told="was not run")
    failures = [failure.attrib.get("message", "") for case in cases for failure in case.iter("failure")]
    telling = [message for message in failures if not message.startswith(_BROKEN_CODE)]
    if telling:
        # To hang is a way to fail, and the least telling one.
        told = "failed" if any(not message.startswith(_OUT_OF_TIME) for message in telling) else "ran out of time"
        return Outcome(is_seen=True, told=f"{told}: {_in_short(telling[0])}")
    if failures:
        return Outcome(is_seen=False, told=f"met broken code: {_in_short(failures[0])}")
    if any(True for case in cases for _ in case.iter("error")):
        return Outcome(is_seen=False, told="could not begin")
    is_skipped = all(case.find("skipped") is not None for case in cases)
    return Outcome(is_seen=False, told="was skipped" if is_skipped else "passed")


def _in_short(message: str) -> str:
    return textwrap.shorten(message.partition("\n")[0], 160, placeholder=" ...")


def main() -> int:
    """Try the mutants of the rows asked for; 1 where a test survived one."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description="See the fault tests fail.")
    parser.add_argument("--rows", type=_rows, default=None, metavar="1-8,13", help="rows (default: all)")
    wanted = parser.parse_args().rows
    console = Console(highlight=False, soft_wrap=True)
    survived = tried = 0
    with copied() as copy:
        for mutant in mutants():
            if wanted is None or mutant.row in wanted:
                found = outcomes(mutant, copy)
                is_seen = all(outcome.is_seen for outcome in found.values())
                tried, survived = tried + 1, survived + (not is_seen)
                verdict = "[green]seen to fail[/green]" if is_seen else "[red]survived[/red]"
                console.print(f"{mutant.row:>2}  {verdict}  without: {mutant.takes_out}")
                for test, outcome in found.items():
                    console.print(f"      {test} {outcome.told}", markup=False)
    console.print(f"{tried} mutants, {survived} survived")
    return int(bool(survived))


def _rows(text: str) -> set[int]:
    bounds = [part.partition("-") for part in text.split(",")]
    return {row for first, _, last in bounds for row in range(int(first), int(last or first) + 1)}


if __name__ == "__main__":
    sys.exit(main())
