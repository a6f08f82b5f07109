from collections.abc import Callable

import pytest

from pipelines.publish.staging import Staged
from pipelines.publish.switch import Published
from pipelines.publish.warehouse import Warehouse
from schemas.warehouse import DATA_TABLES
from tests.pipelines.publish.company import NOON, NOTHING_LATE, UNGUARDED, Row, frames, known, load


@pytest.fixture
def warehouse(database: str) -> Warehouse:
    """A prepared, empty warehouse."""
    return Warehouse(database)


@pytest.fixture
def stage(warehouse: Warehouse) -> Callable[..., dict[str, Staged]]:
    """Stage the company as a whole, some tables with other rows; gives what is staged."""

    def stage_all(**replaced: list[Row]) -> dict[str, Staged]:
        load(warehouse, frames(**replaced))
        return warehouse.staged()

    return stage_all


@pytest.fixture
def publish(warehouse: Warehouse) -> Callable[..., Published]:
    """Publish what is staged of all tables, as of a batch of events."""

    def publish_all(events_batch: int) -> Published:
        return warehouse.publish(DATA_TABLES, known=known(events_batch), late=NOTHING_LATE, guard=UNGUARDED, now=NOON)

    return publish_all
