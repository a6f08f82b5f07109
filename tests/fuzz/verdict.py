"""What is wrong with how a case ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.fuzz.running import TIME_LIMIT_S, Ended
from tests.fuzz.values import SECRET

_PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"
_DEFECT: Final = 1
_NAMED: Final = (3, 4)
"""Codes of errors that say what to do next."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@cache
def documented() -> frozenset[int]:
    """The exit codes that the reference lists."""
    return frozenset(int(code) for code in re.findall(r"^\| (\d+) \|", _PAGE.read_text(), re.MULTILINE))


def findings(ended: Ended) -> list[str]:
    """Return what is wrong, a sentence each; nothing for a case that ended as documented."""
    return list(_findings(ended))


def _findings(ended: Ended) -> Iterator[str]:
    told = ended.output + ended.errors
    is_of_psql = ended.case.command == ("sql",) and "Next:" not in ended.errors and "Defect" not in ended.errors
    if ended.code is None:
        yield f"it did not end within {TIME_LIMIT_S:.0f} s"
        return
    if "Traceback (most recent call last)" in told:
        yield "it printed a traceback"
    if "Exception ignored" in told:
        yield "it printed an exception that was ignored"
    if ended.code not in documented():
        yield f"exit code {ended.code} is not documented"
    if ended.code == _DEFECT and not is_of_psql:
        yield "exit code 1, a defect"
    if ended.code != 0 and not told.strip():
        yield f"exit code {ended.code} without a word"
    if ended.code in _NAMED and "Next:" not in told and not is_of_psql:
        yield f"exit code {ended.code} without a next step"
    if SECRET in told and "--secrets" not in ended.case.arguments and SECRET not in " ".join(ended.case.arguments):
        yield "it showed a password"
    if "FORCE_COLOR" not in ended.case.environment and not is_of_psql and (found := _CONTROL.search(told)):
        yield f"it printed the control character {found[0]!r}"
    if ended.code == 0 and "--json" in ended.case.arguments and not _is_instead(ended) and not _is_json(ended.output):
        yield "what --json printed is no JSON"


def _is_instead(ended: Ended) -> bool:
    """Tell whether an option ran in the place of the command: help, or the completion of shells."""
    return any(word == "--help" or word.endswith("-completion") for word in ended.case.arguments)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
