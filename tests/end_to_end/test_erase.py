"""A person is erased, the topics are replayed, events are rebuilt: no id is left, and all is as without the person."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from assets.resources import Progress
from emberline.erase import erase_person
from emberline.simulator import Scenario, simulate
from pipelines.erasure import person_of
from pipelines.ingest.counts import stored_counts
from pipelines.ingest.rebuild import rebuild_events
from schemas import kinds
from schemas.warehouse import DATA_TABLES, exclusion
from tests.conftest import database_of

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def records() -> pl.DataFrame:
    """A small company's records."""
    return simulate(Scenario(seed=5, days=98, groups=8, members=80)).records.head(6_000)


@pytest.fixture
def without(pipeline, topic, postgres, run_template, tmp_path) -> Iterator[Any]:
    """A second pipeline of the same kind, with stores of its own and the same key."""
    names = {usual: topic(3) for usual in pipeline.names}
    settings = pipeline.services.settings
    carriers = {names[usual]: settings.kafka.topics[old] for usual, old in pipeline.names.items()}
    with database_of(postgres, run_template) as url:
        other = settings.model_copy(
            update={
                "state": tmp_path / "other-state",
                "kafka": settings.kafka.model_copy(update={"topics": carriers}),
                "lake": settings.lake.model_copy(update={"uri": str(tmp_path / "other-lake")}),
                "warehouse": type(settings.warehouse)(url=url),
            }
        )
        yield type(pipeline)(dataclasses.replace(pipeline.services, settings=other), names)


def accounts_of(event: dict[str, Any]) -> set[str]:
    data = event.get("data")
    told = data if isinstance(data, dict) else {}
    return {one for name in ("member_id", "customer_id", "linked_id") if isinstance(one := told.get(name), str)}


def parsed(records: pl.DataFrame) -> list[dict[str, Any] | None]:
    def event(value: bytes) -> dict[str, Any] | None:
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    return [event(value) for value in records["value"]]


def somebody(events: list[dict[str, Any] | None]) -> set[str]:
    """All accounts of somebody who bought and has accounts that are linked."""

    def of(kind: str) -> list[set[str]]:
        return [accounts_of(event) for event in events if event and event.get("type") == kind]

    def is_somebody(account: str) -> bool:
        return account.partition(":")[2].lower() not in kinds.BLOCKED_NATIVE_IDS

    links = [link for link in of("identity.linked") if all(map(is_somebody, link))]
    buyers = set[str]().union(*of("order.paid"))
    found = next(link for link in links if link & buyers and not any("operator" in account for account in link))
    while more := [link for link in links if link & found and not link <= found]:
        found |= set().union(*more)
    return found


def files_with(folder: Path, ids: set[str]) -> list[str]:
    """Every file in which one of these stands, looking into Parquet."""
    wanted = [one.encode() for one in ids]
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        if file.suffix == ".parquet":
            content += repr(pl.read_parquet(BytesIO(content)).rows()).encode()
        if any(one in content for one in wanted):
            found.append(str(file.relative_to(folder)))
    return found


def tables_with(url: str, ids: set[str]) -> list[str]:
    """Every table, and every view of statistics, in which one of these stands."""
    found = []
    with psycopg.connect(
        sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    ) as database:
        tables = database.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT LIKE 'pg\\_%' "
            "AND schemaname <> 'information_schema' UNION ALL SELECT 'pg_catalog.pg_stats'"
        ).fetchall()
        # The owner sees no statistics of tables on which row-level security is forced; it is rolled back at the end.
        for (table,) in tables[:-1]:
            database.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY".encode())
        for (table,) in tables:
            for one in ids:
                query = f"SELECT count(*) FROM {table} AS t WHERE position(%s IN t::text) > 0"
                if database.execute(query.encode(), [one]).fetchone() != (0,):
                    found.append(table)
        database.rollback()
    return found


def published(pipeline) -> dict[str, pl.DataFrame]:
    warehouse = pipeline.services.warehouse()
    return {
        table.name: warehouse.read(table).sort([str(column.name) for column in table.primary_key])
        for table in DATA_TABLES
        # Records stay, as suppressed ones without a value, and are counted by topic, which is another one here.
        if table is not exclusion
    }


@pytest.mark.soak
def test_nothing_is_left_of_an_erased_person_and_everything_is_as_without_that_person(
    pipeline, without, records, database, tmp_path
):
    services = pipeline.services
    events = parsed(records)
    hers = somebody(events)
    is_hers = [bool(event and accounts_of(event) & hers) for event in events]
    assert sum(is_hers) > 5
    pipeline.send(records)
    assert pipeline.run().is_success
    pseudonyms = services.pseudonyms()
    ids = hers | {pseudonyms.of(account) for account in hers}
    assert files_with(tmp_path, ids)
    assert tables_with(database, ids)

    person = person_of(services.lake(), min(hers), pseudonyms, services.rules().topics)
    assert set(person.accounts) == hers
    outcome, receipt = erase_person(
        services, person, Progress(), actor="dpo", reason="request 17", now=NOW, accept_loss=True
    )
    assert outcome.is_success, outcome.failure
    assert receipt is not None
    assert receipt.is_complete, receipt.stores
    assert files_with(tmp_path, ids) == []
    assert tables_with(database, ids) == []
    erased = published(pipeline)

    pipeline.send(records)
    assert pipeline.run().is_success
    assert stored_counts(services.lake()).unaccounted == 0
    rules = services.rules()
    rebuild_events(services.lake(), rules.topics, rules.decoding, 100_000, actor="ann", reason="mended", now=NOW)
    assert pipeline.run().is_success
    assert files_with(tmp_path, ids) == []
    assert tables_with(database, ids) == []

    secret = (services.state.path / "secrets" / "pseudonyms").read_text()
    other = without.services.settings.privacy.model_copy(update={"key": SecretStr(secret)})
    without.services.settings = without.services.settings.model_copy(update={"privacy": other})
    without.send(records.filter(~pl.Series(is_hers)))
    assert without.run().is_success
    expected = published(without)
    for name, rows in published(pipeline).items():
        assert rows.equals(expected[name], null_equal=True), name
        assert rows.equals(erased[name], null_equal=True), name
