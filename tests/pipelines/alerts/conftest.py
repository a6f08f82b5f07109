"""A prepared warehouse and a service that takes alerts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipelines.alerts.receiver import Receiver


@pytest.fixture
def prepared(database: str) -> str:
    """The URL of a warehouse that is prepared."""
    return database


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a service that listens."""
    with Receiver().running() as found:
        yield found
