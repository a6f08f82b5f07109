"""What tests of compiled readers share."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.pipelines.carriers.walled import Walled


@pytest.fixture(scope="module")
def walled() -> Iterator[Walled]:
    if sys.platform == "win32":
        pytest.skip("memory is protected by a call of POSIX")
    made = Walled()
    yield made
    made.release()
