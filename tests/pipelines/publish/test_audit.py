"""The audit: a sound staging version passes, one planted fault fails the rule it breaks and says where."""

import datetime as dt
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from emberline.embedded import EmbeddedPostgres
from pipelines.publish import audit as auditing
from pipelines.publish.audit import audit
from pipelines.publish.differences import between
from pipelines.publish.errors import NotStaged, WarehouseUnreachable
from pipelines.publish.screen import breach_of
from pipelines.publish.staging import Difference, Staged, State
from pipelines.publish.verdict import Verdict
from pipelines.publish.warehouse import Stage as StageOne
from pipelines.publish.warehouse import Warehouse
from schemas.expectations import SUITES, Expectation, Suite
from schemas.warehouse import DATA_TABLES
from tests.conftest import database_of
from tests.pipelines.publish.company import (
    COMPANY,
    MONDAY,
    NOON,
    NOTHING_LATE,
    UNGUARDED,
    day,
    frame,
    frames,
    known,
    load,
    table,
)
from tests.pipelines.publish.planted import PLANTED, Planted

ALL = list(SUITES.values())
SOUND = State("sound")
NOTHING = Staged(0, SOUND, SOUND.name, is_whole=False)
Stage = Callable[..., dict[str, Staged]]


def failed(verdicts: list[Verdict]) -> dict[tuple[str, str], Verdict]:
    return {(v.table, v.expectation): v for v in verdicts if not v.success}


Planting = tuple[Warehouse, StageOne]
"""A warehouse, and what stages a table in it over one connection."""


@pytest.fixture(scope="module")
def sound(postgres: EmbeddedPostgres, company_template: str) -> Iterator[Planting]:
    """The company staged as a whole, for faults that are planted one after the other."""
    with database_of(postgres, company_template) as url, Warehouse(url).stage_many() as stage:
        yield Warehouse(url), stage


@pytest.fixture(scope="module")
def published(postgres: EmbeddedPostgres, prepared_template: str) -> Iterator[Planting]:
    """The company published, likewise."""
    with database_of(postgres, prepared_template) as url:
        warehouse = Warehouse(url)
        load(warehouse, frames(), SOUND)
        warehouse.publish(DATA_TABLES, known=known(1, None), late=NOTHING_LATE, guard=UNGUARDED, now=NOON)
        with warehouse.stage_many() as stage:
            yield warehouse, stage


def planted_ids(planted: Planted) -> str:
    return f"{planted.table}: {planted.expectation}"


@pytest.mark.parametrize("planted", PLANTED, ids=planted_ids)
def test_a_planted_fault_fails_its_expectation_and_names_the_rows(sound: Planting, planted: Planted) -> None:
    (warehouse, stage), place = sound, table(planted.table)
    stage(place, frame(planted.table, planted.rows), None)
    verdict = verdict_on(warehouse, planted)
    stage(place, frame(planted.table, COMPANY[planted.table]), None)
    assert_names(verdict, planted)


@pytest.mark.parametrize("planted", PLANTED, ids=planted_ids)
def test_a_planted_fault_is_found_where_only_what_changed_is_looked_at(published: Planting, planted: Planted) -> None:
    (warehouse, stage), place, rows = published, table(planted.table), frame(planted.table, COMPANY[planted.table])
    stage(place, between(place, rows, frame(planted.table, planted.rows), SOUND.name), State("planted"))
    verdict = verdict_on(warehouse, planted)
    stage(place, Difference(rows.clear(), rows.clear(), SOUND.name), SOUND)
    assert_names(verdict, planted)


def verdict_on(warehouse: Warehouse, planted: Planted) -> Verdict:
    """The verdict of the expectation that a planted fault breaks."""
    suite = SUITES[planted.suite]
    broken = tuple(expectation for expectation in suite.expectations if expectation.name == planted.expectation)
    verdicts = failed(audit(warehouse.url, [replace(suite, expectations=broken)], staged=warehouse.staged()))
    return verdicts[planted.suite, planted.expectation]


def assert_names(verdict: Verdict, planted: Planted) -> None:
    assert (verdict.severity, verdict.unexpected_rows, verdict.error) == ("error", planted.unexpected_rows, None)
    assert planted.example.items() <= verdict.examples[0].items()


def test_a_sound_company_passes_every_expectation(database: str, stage: Stage) -> None:
    assert failed(audit(database, ALL, staged=stage())) == {}


def test_a_new_company_without_any_row_passes(database: str, stage: Stage) -> None:
    assert failed(audit(database, ALL, staged=stage(**{t.name: [] for t in DATA_TABLES}))) == {}


def test_rows_lost_after_loading_are_an_error(database: str, stage: Stage) -> None:
    staged = stage()
    verdicts = failed(audit(database, ALL, staged=staged | {"group_day": replace(staged["group_day"], rows=4)}))
    assert [*verdicts] == [("group_day", "all 4 rows loaded are there")]
    assert [v.examples for v in verdicts.values()] == [({"observed": 3},)]


def test_a_table_that_lost_all_its_published_rows_is_a_warning(
    database: str, warehouse: Warehouse, stage: Stage
) -> None:
    stage()
    warehouse.publish(DATA_TABLES, known=known(1, None), late=NOTHING_LATE, guard=UNGUARDED, now=NOON)
    verdicts = failed(audit(database, ALL, staged=stage(retention=[])))
    assert [(v.table, v.severity) for v in verdicts.values()] == [("retention", "warn")]


def test_a_missing_column_is_an_error_of_its_own(database: str, stage: Stage) -> None:
    staged = stage()
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("ALTER TABLE staging.group_state_new DROP COLUMN reason CASCADE"))
        connection.execute(sa.text("CREATE VIEW staging.group_state AS SELECT * FROM staging.group_state_new"))
    verdicts = failed(audit(database, [SUITES["group_state"]], staged=staged))
    assert "reason" in (verdicts["group_state", "reason is never null"].error or "")
    assert verdicts["group_state", "the columns are those of the contract"].error is None
    assert len(verdicts) == 2


def test_a_missing_key_column_leaves_the_other_checks_their_examples(database: str, stage: Stage) -> None:
    staged = stage(group_day=[day("qq:1", MONDAY, -1)])
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("ALTER TABLE staging.group_day_new DROP COLUMN day CASCADE"))
        connection.execute(sa.text("CREATE VIEW staging.group_day AS SELECT * FROM staging.group_day_new"))
    verdicts = failed(audit(database, [SUITES["group_day"]], staged=staged))
    assert verdicts["group_day", "(group_id, day) is unique"].error is not None
    assert verdicts["group_day", "messages is at least 0"].examples[0]["group_id"] == "qq:1"


def test_a_table_that_was_not_staged_fails_with_an_error(empty_warehouse: Warehouse) -> None:
    verdicts = audit(empty_warehouse.url, [SUITES["lifecycle"]], staged={"lifecycle": NOTHING})
    assert {v.success for v in verdicts} == {False}
    assert {v.error for v in verdicts} == {"staging.lifecycle_new does not exist: stage it first"}


def test_a_failed_check_reads_as_a_sentence(database: str, stage: Stage) -> None:
    staged = stage(group_day=[day("qq:1", dt.date(2025, 3, 3), -1)])
    verdict = failed(audit(database, [SUITES["group_day"]], staged=staged))["group_day", "messages is at least 0"]
    assert verdict.message == (
        "staging.group_day: messages is at least 0: 1 row breaks it, for example group_id=qq:1, day=2025-03-03, "
        "messages=-1"
    )


def test_a_row_that_is_shown_as_an_example_obeys_nobody():
    verdict = Verdict("dim_group", "names a carrier", False, "error", 1, ({"group_id": "app:\x1b]0;owned\x07\n[red]"},))
    assert verdict.message.endswith(r"for example group_id=app:\x1b]0;owned\x07\n[red]")


def test_an_audit_needs_the_number_of_rows_of_every_table(database: str) -> None:
    with pytest.raises(NotStaged, match="lifecycle"):
        audit(database, [SUITES["lifecycle"]], staged={})


def test_an_unreachable_warehouse_is_named_without_its_password() -> None:
    with pytest.raises(WarehouseUnreachable, match=r"127\.0\.0\.1") as caught:
        audit("postgresql+psycopg://u:hush-hush@127.0.0.1:1/x", [SUITES["lifecycle"]], staged={"lifecycle": NOTHING})
    assert "hush-hush" not in str(caught.value)


def test_an_audit_calls_nobody_but_the_warehouse(database: str, stage: Stage) -> None:
    # Of sound rows Great Expectations is not asked at all.
    staged, called, watching = stage(group_day=[day("qq:1", dt.date(2025, 3, 3), -1)]), [], True

    def hook(event: str, arguments: tuple) -> None:
        # PostgreSQL's client library opens its connections outside Python, unseen here.
        if watching and event in {"socket.connect", "socket.getaddrinfo"}:
            called.append(arguments)

    sys.addaudithook(hook)
    verdicts = audit(database, ALL, staged=staged)
    watching = False
    assert ("group_day", "messages is at least 0") in failed(verdicts)
    assert called == []


@pytest.mark.parametrize("kind", ["expect_column_values_to_not_be_null", "expect_column_values_to_be_between"])
def test_every_null_and_every_value_out_of_range_is_found_whichever_column_it_is_in(
    database: str, stage: Stage, kind: str
) -> None:
    suite = SUITES["group_risk"]
    checks = [e for e in suite.expectations if e.type == kind]
    staged = stage()
    with sa.create_engine(database, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        for check in checks:
            column, bad = check.kwargs["column"], -1 if "between" in kind else None
            changed = sa.table("group_risk_new", sa.column(column), schema="staging")
            [before] = {row[0] for row in connection.execute(sa.select(changed.c[column]).limit(1))}
            connection.execute(changed.update().values({column: bad}))
            assert ("group_risk", check.name) in failed(audit(database, [suite], staged=staged)), check.name
            connection.execute(changed.update().values({column: before}))
    assert len(checks) > 1


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, None), (None, 1)])
@pytest.mark.parametrize("value", [None, -0.1, 0.0, 0.5, 1.0, 1.1, math.nan, math.inf])
def test_a_breach_of_a_range_is_what_great_expectations_takes_for_one(
    sound: Planting, low: float | None, high: float | None, value: float | None
) -> None:
    check = Expectation(
        "expect_column_values_to_be_between", "in range", {"column": "x", "min_value": low, "max_value": high}
    )
    breach = breach_of(check)
    assert breach is not None
    given = sa.table("one_new", sa.column("x"), schema="staging")
    database = sound[0].url
    with sa.create_engine(database, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS staging.one_new"))
        connection.execute(sa.text("CREATE TABLE staging.one_new (x double precision)"))
        connection.execute(given.insert().values(x=value))
        is_breach = connection.execute(sa.select(sa.func.count()).select_from(given).where(breach)).scalar() == 1
    one = {"one": replace(NOTHING, rows=1)}
    verdicts = failed(audit(database, [Suite("one", ("x",), (check,))], staged=one, is_full=True))
    assert {name for _, name in verdicts} == ({"in range"} if is_breach else set())


def test_of_sound_tables_nothing_is_asked_for_on_its_own(
    database: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sa.URL] = []
    monkeypatch.setattr(auditing, "_staging", lambda url: opened.append(url))
    assert failed(audit(database, ALL, staged=stage())) == {}
    assert opened == []


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the names of the expectations that Great Expectations is asked for, as it is asked."""
    names: list[str] = []

    def run(batch: Any, expectations: Sequence[Expectation], how: dict[str, Any]) -> Any:
        names.extend(expectation.name for expectation in expectations)
        return ask(batch, expectations, how)

    ask = auditing._run  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(auditing, "_run", run)
    return names


def test_of_a_broken_table_only_what_is_broken_is_asked_for(sound: Planting, judged: list[str]) -> None:
    (warehouse, stage), planted = sound, PLANTED[0]
    place = table(planted.table)
    stage(place, frame(planted.table, planted.rows), None)
    verdicts = audit(warehouse.url, [SUITES[planted.suite]], staged=warehouse.staged())
    stage(place, frame(planted.table, COMPANY[planted.table]), None)
    assert planted.expectation in judged
    assert set(judged) == {name for _, name in failed(verdicts)}
    assert len(verdicts) > len(failed(verdicts))


def test_in_a_full_audit_great_expectations_judges_sound_tables_too(
    database: str, stage: Stage, judged: list[str]
) -> None:
    suites = [SUITES["lifecycle"], SUITES["retention"]]
    verdicts = audit(database, suites, staged=stage(), is_full=True)
    assert failed(verdicts) == {}
    assert judged == [verdict.expectation for verdict in verdicts]
