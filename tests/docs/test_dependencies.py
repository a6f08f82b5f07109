"""The page on dependencies names what pyproject.toml asks for, and where names are used that are not public."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.docs.pages import ROOT

PRODUCT = ("schemas", "pipelines", "assets", "sensors", "emberline")
ROOMS = (*PRODUCT, "tests", "benchmarks", "docs")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PAGE, _, _ = (ROOT / "docs" / "dependencies.md").read_text().partition("## Not in the lock")
TABLES, _, NOT_PUBLIC = PAGE.partition("## Names that are not public")
NOT_PUBLIC, _, OF_DEVELOPMENT = NOT_PUBLIC.partition("## Of development")
USES = re.findall(r"^\| ([\w\-]+) \| `(\S+\.py)` \|.*\| `(\S+\.py)` \|$", NOT_PUBLIC, re.MULTILINE)

INSIDE = ("kafka.client_async", "kafka.conn", "kafka.consumer.fetcher", "kafka.net", "kafka.protocol", "kafka.record",
          "kafka.producer", "numba.core", "numba.cpython", "numba.np", "numba.typed")  # fmt: skip
"""Modules without an underscore that their libraries do not document."""

DOCUMENTED = frozenset({"_asdict", "_fields", "_make", "_mapping", "_replace"})
"""Of named tuples and of SQLAlchemy's rows: they begin with an underscore so as not to clash with columns."""


def test_every_direct_dependency_has_a_reason_and_no_other_has():
    asked = {*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]}
    rows = re.findall(r"^\| ([\w\-]+)(?:\[[\w,]+\])? \|", TABLES + OF_DEVELOPMENT, re.MULTILINE)
    assert set(rows) - {"Dependency", "---"} == {Requirement(one).name for one in asked}


def test_names_that_are_not_public_are_used_only_where_the_page_on_dependencies_says():
    found = {path: names for path in sources() if (names := sorted(set(not_public(path))))}
    allowed = {path for _, module, test in USES for path in (module, test)}
    assert {path: names for path, names in found.items() if path not in allowed} == {}
    assert {module for _, module, _ in USES} - set(found) == {"sensors/history.py"}, "only tables of a database"


@pytest.mark.parametrize(("library", "test"), [(library, test) for library, _, test in USES])
def test_no_release_is_admitted_whose_private_names_were_not_tested(library: str, test: str):
    wanted = next(
        requirement for one in PROJECT["project"]["dependencies"] if (requirement := Requirement(one)).name == library
    )
    installed = Version(version(library))
    following = Version(f"{installed.major}.{installed.minor}.{installed.micro + 1}")
    assert wanted.specifier.contains(installed)
    assert not wanted.specifier.contains(following), f"pyproject.toml lets {library} {following} in, untested"
    assert (ROOT / test).exists()


def sources() -> list[str]:
    found = (path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in found)


def not_public(path: str) -> Iterator[str]:
    """Names of other people's code: modules and what is imported of them; in the product, attributes too."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        match node:
            case ast.Import(names):
                yield from (one.name for one in names if is_inside(one.name))
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from (f"{module}.{one.name}" for one in names if is_inside(f"{module}.{one.name}"))
            case ast.Attribute(value, attribute) if Path(path).parts[0] in PRODUCT:
                if is_private(attribute) and attribute not in DOCUMENTED and not is_own(value):
                    yield attribute
            case ast.keyword(arg=str(name)) if is_private(name):
                yield name


def is_inside(name: str) -> bool:
    root, *parts = name.split(".")
    if root in ROOMS or root in sys.stdlib_module_names:
        return False
    return any(map(is_private, parts)) or name.startswith(tuple(f"{one}." for one in INSIDE)) or name in INSIDE


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def is_own(value: ast.expr) -> bool:
    match value:
        case ast.Name("self" | "cls" | "other" | "mcs"):
            return True
        case ast.Call(ast.Name("super")):
            return True
        case ast.Attribute(inner):
            return is_own(inner) and is_private(value.attr)
    return False
