"""The mutants fit the code they mutate, and leave no test of the matrix out."""

import re
from pathlib import Path

import pytest

from tests.faults.mutants import ROOT, Mutant, mutants
from tests.faults.test_matrix import ROWS

MUTANTS = mutants()
TESTS = {int(number): set(re.findall(r"`([^`]+::[^`]+)`", cell)) for number, cell in ROWS}


@pytest.mark.parametrize("mutant", MUTANTS, ids=[f"{m.row} {m.takes_out}" for m in MUTANTS])
def test_what_a_mutant_replaces_is_there_once(mutant: Mutant):
    text = Path(ROOT / mutant.file).read_text()
    assert {edit.old: text.count(edit.old) for edit in mutant.edits} == {edit.old: 1 for edit in mutant.edits}


def test_every_test_of_the_matrix_has_a_mutant_that_it_has_to_see():
    seen = {row: {test for mutant in MUTANTS if mutant.row == row for test in mutant.tests} for row in TESTS}
    assert seen == TESTS
