"""The notebook answers its five questions, and those that the simulator knows the answer of, as it does."""

import re
import subprocess
import sys
from itertools import pairwise

import pytest

from emberline.simulator import Scenario, simulate
from tests.docs.pages import ROOT

NOTEBOOK = ROOT / "docs" / "notebooks" / "questions.py"


@pytest.fixture(scope="module")
def answers() -> str:
    done = subprocess.run([sys.executable, NOTEBOOK], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_question_has_an_answer_with_numbers(answers: str):
    for answer in (
        r"\d living groups decline or are dying",
        r"Of \*\*\d+ who first joined in June 2025\*\*, [\d.]+ % spoke up",
        r"weakest step is \*\*\w+ → \w+\*\*: \d+ %",
        r"first five of \d+ groups make \d+ %",
        r"\*\*\d+ of them have been silent for 14 days\*\*",
    ):
        assert re.search(answer, answers), answer


def test_what_it_says_is_what_was_simulated(answers: str):
    truth = simulate(Scenario()).truth
    reached = list(truth.funnel_mature.values())
    lost = max(before - after for before, after in pairwise(reached))
    assert f"{truth.groups['dead_since'].drop_nulls().len()} of {truth.groups.height} are dead" in answers
    assert f"{lost:,}." in answers
