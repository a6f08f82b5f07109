"""The page on dependencies names what pyproject.toml asks for, and nothing else."""

import re
import tomllib
from typing import Any

from tests.docs.pages import ROOT


def test_every_direct_dependency_has_a_reason_and_no_other_has():
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {*project["project"]["dependencies"], *project["dependency-groups"]["dev"]}
    names = {re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0] for requirement in asked}
    page, _, _ = (ROOT / "docs" / "dependencies.md").read_text().partition("## Not in the lock")
    rows = re.findall(r"^\| ([\w\-]+)(?:\[[\w,]+\])? \|", page, re.MULTILINE)
    assert set(rows) - {"Dependency", "---"} == names
