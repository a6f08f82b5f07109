"""The examples in docstrings are true."""

import doctest
import sys

import pytest

import pipelines.funnel.paths  # noqa: F401


@pytest.mark.parametrize("module", ["pipelines.funnel.attribution", "pipelines.funnel.paths"])
def test_the_examples_of_a_module_give_what_they_say(module: str):
    outcome = doctest.testmod(sys.modules[module])
    assert outcome.attempted > 0
    assert outcome.failed == 0
