from collections.abc import Callable, Iterator

import pytest

from emberline.embedded import EmbeddedPostgres, StateFolder
from pipelines.publish.staging import Staged
from pipelines.publish.switch import Published
from pipelines.publish.warehouse import Warehouse
from schemas.warehouse import DATA_TABLES
from tests.conftest import database_of, template_of
from tests.pipelines.publish.company import NOON, NOTHING_LATE, UNGUARDED, Row, frames, known, load


@pytest.fixture(scope="session")
def company_template(state_folder: StateFolder, postgres: EmbeddedPostgres, prepared_template: str) -> str:
    """Give the name of a warehouse to copy in which the company is staged as a whole: to stage it takes longer."""
    return template_of(
        state_folder, postgres, "company_template", lambda url: load(Warehouse(url), frames()), prepared_template
    )


@pytest.fixture
def database(postgres: EmbeddedPostgres, company_template: str) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a warehouse of this test's own in which the company is staged as a whole."""
    with database_of(postgres, company_template) as url:
        yield url


@pytest.fixture
def warehouse(database: str) -> Warehouse:
    """A warehouse in which the company is staged as a whole."""
    return Warehouse(database)


@pytest.fixture
def empty_warehouse(postgres: EmbeddedPostgres, prepared_template: str) -> Iterator[Warehouse]:
    """A prepared warehouse in which nothing is staged."""
    with database_of(postgres, prepared_template) as url:
        yield Warehouse(url)


@pytest.fixture
def stage(warehouse: Warehouse) -> Callable[..., dict[str, Staged]]:
    """Stage the company as a whole, as it is at first; or some tables with other rows, and no other table.

    Gives what is staged then.
    """
    is_as_made = True

    def stage_some(**replaced: list[Row]) -> dict[str, Staged]:
        nonlocal is_as_made
        rows = frames(**replaced)
        if replaced or not is_as_made:
            load(warehouse, {name: rows[name] for name in replaced or rows})
        is_as_made = False
        return warehouse.staged()

    return stage_some


@pytest.fixture
def publish(warehouse: Warehouse) -> Callable[..., Published]:
    """Publish what is staged of all tables, as of a batch of events."""

    def publish_all(events_batch: int) -> Published:
        return warehouse.publish(DATA_TABLES, known=known(events_batch), late=NOTHING_LATE, guard=UNGUARDED, now=NOON)

    return publish_all
