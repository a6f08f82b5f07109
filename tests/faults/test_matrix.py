"""The table of faults is complete, and what it points at is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
ROWS = ROW.findall((Path(__file__).parent / "README.md").read_text())
NAMED = {name for _, cell in ROWS for name in re.findall(r"`([^`]+::[^`]+)`", cell)}
LATER: set[int] = set()
"""Rows about parts that do not exist."""


def found_in(file: Path) -> set[str]:
    functions = (node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))
    return {f"{file.relative_to(ROOT)}::{name}" for name in functions if name.startswith("test_")}


def test_every_fault_has_one_row():
    assert [int(number) for number, _ in ROWS] == list(range(1, 41))


def test_every_row_names_a_test_or_belongs_to_a_later_part():
    assert {int(number) for number, cell in ROWS if "::" not in cell} == LATER
    assert {int(number) for number, cell in ROWS if cell.startswith("Later: ")} == LATER


def test_every_test_named_exists():
    files = {ROOT / name.partition("::")[0] for name in NAMED}
    assert NAMED - set().union(*map(found_in, files)) == set()


def test_every_test_of_a_fault_stands_in_the_row_of_its_number():
    rows = {int(number): cell for number, cell in ROWS}
    here = {name for file in Path(__file__).parent.glob("test_*.py") for name in found_in(file)}
    numbered = {name: int(found[1]) for name in here if (found := re.search(r"::test_fault_(\d\d)_", name))}
    assert [name for name, number in numbered.items() if f"`{name}`" not in rows[number]] == []
