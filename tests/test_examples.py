"""`make soak` tries each property on as many examples as it asks for, `make test` on a share of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import examples as module
from tests.examples import QUICK, THOROUGH, examples


@pytest.fixture
def profile() -> Iterator[None]:
    """Put the profile back that is loaded now."""
    loaded = settings.get_current_profile_name()
    yield
    settings.load_profile(loaded)


@pytest.mark.usefixtures("profile")
@pytest.mark.parametrize(("name", "found"), [(THOROUGH, [400, 8, 2]), (QUICK, [40, 2, 2])])
def test_a_property_gets_the_share_of_its_examples_that_the_profile_takes(name: str, found: list[int]):
    settings.load_profile(name)
    assert [examples(asked).max_examples for asked in (400, 8, 2)] == found


def test_no_property_has_a_number_of_examples_that_no_profile_changes():
    mine = {Path(__file__), Path(module.__file__)}
    fixed = [file for file in Path(__file__).parent.rglob("*.py") if "max_examples" in file.read_text()]
    assert set(fixed) <= mine
