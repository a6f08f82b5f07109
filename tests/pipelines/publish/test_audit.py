"""The audit: a sound staging version passes, one planted fault fails the rule it breaks and says where."""

import datetime as dt
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from pipelines.publish.audit import audit
from pipelines.publish.errors import NotStaged, WarehouseUnreachable
from pipelines.publish.verdict import Verdict
from pipelines.publish.warehouse import Warehouse
from schemas.expectations import SUITES
from schemas.warehouse import DATA_TABLES
from tests.pipelines.publish.company import (
    COMPANY,
    MONDAY,
    NOON,
    Row,
    cell,
    credit,
    day,
    days_later,
    entry,
    match,
    sales,
    spell,
    step,
    unit,
)

ALL = list(SUITES.values())
Stage = Callable[..., dict[str, int]]


def failed(verdicts: list[Verdict]) -> dict[tuple[str, str], Verdict]:
    return {(v.table, v.expectation): v for v in verdicts if not v.success}


class Planted(NamedTuple):
    """Rows in place of the company's in one table, the expectation they break, how many do, and one's key."""

    table: str
    rows: list[Row]
    expectation: str
    unexpected_rows: int
    example: Row


def without_last(name: str, *rows: Row) -> list[Row]:
    return [*COMPANY[name][:-1], *rows]


def also(name: str, *rows: Row) -> list[Row]:
    return [*COMPANY[name], *rows]


QQ9 = {"group_id": "qq:9"}
PLANTED = [
    Planted("dim_group", also("dim_group", QQ9 | {"carrier": "wecom"}), "carrier is the prefix of group_id", 1, QQ9),
    Planted("dim_group", also("dim_group", {"group_id": "9", "carrier": "9"}), "group_id matches ^[a-z0-9_.-]+:.+", 1, {"group_id": "9"}),
    Planted("dim_group", also("dim_group", QQ9), "carrier is never null", 1, QQ9),
    Planted("dim_group", also("dim_group", COMPANY["dim_group"][0]), "group_id is unique", 2, {"group_id": "qq:1"}),
    Planted("group_day", also("group_day", day("qq:1", MONDAY, 3)), "(group_id, day) is unique", 2, {"group_id": "qq:1", "day": MONDAY}),
    Planted("group_day", also("group_day", day("qq:1", days_later(4), -1)), "messages is at least 0", 1, {"group_id": "qq:1", "day": days_later(4)}),
    Planted("group_day", also("group_day", day("qq:1", days_later(4), 1) | {"speakers": 3}), "speakers are no more than active_members", 1, {"day": days_later(4)}),
    Planted("group_day", also("group_day", day("qq:9", MONDAY, 3)), "group_id is one of dim_group", 1, QQ9),
    Planted("group_state", without_last("group_state", spell("qq:2", MONDAY, None, "sleepy")), "state is one of unborn, alive, declining, dying, dead, revived, ended", 1, {"group_id": "qq:2"}),
    Planted("group_state", without_last("group_state", spell("qq:2", MONDAY, days_later(3), "unborn"), spell("qq:2", days_later(2), None, "alive")), "a group's spells neither overlap nor leave a gap", 1, {"since": MONDAY}),
    Planted("group_state", without_last("group_state", spell("qq:2", MONDAY, days_later(1), "unborn"), spell("qq:2", days_later(2), None, "alive")), "a group's spells neither overlap nor leave a gap", 1, {"since": MONDAY}),
    Planted("group_state", without_last("group_state", spell("qq:2", MONDAY, days_later(2), "unborn")), "a group has exactly one current spell", 1, {"group_id": "qq:2"}),
    Planted("group_state", without_last("group_state", spell("qq:2", MONDAY, None, "unborn"), spell("qq:2", days_later(2), None, "alive")), "a group has exactly one current spell", 1, {"group_id": "qq:2"}),
    Planted("group_state", without_last("group_state", spell("qq:2", MONDAY, None, "unborn") | {"is_current": False}), "is_current marks the spell that is not over", 1, {"group_id": "qq:2"}),
    Planted("group_state", also("group_state", spell("qq:9", MONDAY, None, "alive")), "group_id is one of dim_group", 1, QQ9),
    Planted("retention", [cell(0, 3), cell(1, 4)], "active is no more than cohort_size", 1, {"unit": "week", "cohort": MONDAY, "period": 1}),
    Planted("retention", [cell(0, 3), cell(1, 0) | {"is_complete": False}], "active is null exactly while the period is incomplete", 1, {"period": 1}),
    Planted("retention", [cell(0, 3) | {"unit": "day"}], "unit is one of week, month", 1, {"unit": "day"}),
    Planted("lifecycle", without_last("lifecycle", unit(days_later(1), 2, 0, 2, 0)), "active follows from the unit before", 1, {"unit": "day", "start": days_later(1)}),
    Planted("lifecycle", without_last("lifecycle", unit(days_later(1), 2, 0, 1, 1)), "active is new, returning and resurrecting together", 1, {"start": days_later(1)}),
    Planted("funnel_step", [step(1, 2), step(2, 3)], "reached never rises from step to step", 1, {"step_number": 2}),
    Planted("funnel_step", [step(1, 2), step(2, 0)], "reached counts the mature rows of funnel_entry", 1, {"funnel": "standard", "step_number": 2}),
    Planted("funnel_step", [step(1, 2), step(2, 1) | {"rate_overall": 1.5}], "rate_overall is at least 0 and at most 1", 1, {"step_number": 2}),
    Planted("funnel_entry", [entry("p1", 3), entry("p2", 1)], "steps_reached is a step of the funnel", 1, {"person_id": "p1", "entered_at": NOON}),
    Planted("funnel_match", without_last("funnel_match"), "an entry has a row of funnel_match for each step it reached", 1, {"person_id": "p2"}),
    Planted("funnel_match", also("funnel_match", match("p3", 1)), "an entry has a row of funnel_match for each step it reached", 1, {"person_id": "p3"}),
    Planted("order_credit", without_last("order_credit", credit("o2", None, 200, 300, -100)), "net_minor is paid less refunded, and not below 0", 1, {"credit_id": "o2"}),
    Planted("order_credit", without_last("order_credit", credit("o2", "qq:9", 200, 300, 0)), "group_id is one of dim_group", 1, {"credit_id": "o2"}),
    Planted("order_credit", without_last("order_credit", credit("o2", None, 200, 300, 0) | {"currency": "yuan"}), "currency matches ^[A-Z]{3}$", 1, {"credit_id": "o2"}),
    Planted("group_sales", without_last("group_sales", sales("unattributed", 201, 300, 0)), "money is that of order_credit by model, group and currency", 1, {"group_id": "unattributed"}),
    Planted("group_sales", without_last("group_sales"), "money is that of order_credit by model, group and currency", 1, {"group_id": "unattributed"}),
]  # fmt: skip

# Rules that stand in the suite of another table than the one in which the fault is planted.
OWNERS = {"an entry has a row of funnel_match for each step it reached": "funnel_entry"}


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: f"{planted.table}: {planted.expectation}")
def test_a_planted_fault_fails_its_expectation_and_names_the_rows(
    database: str, stage: Stage, planted: Planted
) -> None:
    rows = stage(**{planted.table: planted.rows})
    owner = OWNERS.get(planted.expectation, planted.table)
    verdict = failed(audit(database, [SUITES[owner]], rows=rows))[owner, planted.expectation]
    assert (verdict.severity, verdict.unexpected_rows, verdict.error) == ("error", planted.unexpected_rows, None)
    assert planted.example.items() <= verdict.examples[0].items()


def test_a_sound_company_passes_every_expectation(database: str, stage: Stage) -> None:
    assert failed(audit(database, ALL, rows=stage())) == {}


def test_a_new_company_without_any_row_passes(database: str, stage: Stage) -> None:
    assert failed(audit(database, ALL, rows=stage(**{t.name: [] for t in DATA_TABLES}))) == {}


def test_rows_lost_after_loading_are_an_error(database: str, stage: Stage) -> None:
    rows = stage() | {"group_day": 4}
    verdicts = failed(audit(database, ALL, rows=rows))
    assert [*verdicts] == [("group_day", "all 4 rows loaded are there")]
    assert [v.examples for v in verdicts.values()] == [({"observed": 3},)]


def test_a_table_that_lost_all_its_published_rows_is_a_warning(
    database: str, warehouse: Warehouse, stage: Stage
) -> None:
    stage()
    warehouse.publish(DATA_TABLES, events_batch=1, complete_through=None, is_synthetic=True, now=NOON)
    verdicts = failed(audit(database, ALL, rows=stage(retention=[])))
    assert [(v.table, v.severity) for v in verdicts.values()] == [("retention", "warn")]


def test_a_missing_column_is_an_error_of_its_own(database: str, stage: Stage) -> None:
    rows = stage()
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("ALTER TABLE staging.group_state DROP COLUMN reason"))
    verdicts = failed(audit(database, [SUITES["group_state"]], rows=rows))
    assert "reason" in (verdicts["group_state", "reason is never null"].error or "")
    assert verdicts["group_state", "the columns are those of the contract"].error is None
    assert len(verdicts) == 2


def test_a_missing_key_column_leaves_the_other_checks_their_examples(database: str, stage: Stage) -> None:
    rows = stage(group_day=[day("qq:1", MONDAY, -1)])
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("ALTER TABLE staging.group_day DROP COLUMN day"))
    verdicts = failed(audit(database, [SUITES["group_day"]], rows=rows))
    assert verdicts["group_day", "(group_id, day) is unique"].error is not None
    assert verdicts["group_day", "messages is at least 0"].examples[0]["group_id"] == "qq:1"


def test_a_table_that_was_not_staged_fails_with_an_error(database: str, warehouse: Warehouse) -> None:
    verdicts = audit(database, [SUITES["lifecycle"]], rows={"lifecycle": 0})
    assert {v.success for v in verdicts} == {False}
    assert {v.error for v in verdicts} == {"staging.lifecycle does not exist: stage it first"}


def test_a_failed_check_reads_as_a_sentence(database: str, stage: Stage) -> None:
    rows = stage(group_day=[day("qq:1", dt.date(2025, 3, 3), -1)])
    verdict = failed(audit(database, [SUITES["group_day"]], rows=rows))["group_day", "messages is at least 0"]
    assert verdict.message == (
        "staging.group_day: messages is at least 0: 1 rows break it, for example group_id=qq:1, day=2025-03-03, "
        "messages=-1"
    )


def test_an_audit_needs_the_number_of_rows_of_every_table(database: str) -> None:
    with pytest.raises(NotStaged, match="lifecycle"):
        audit(database, [SUITES["lifecycle"]], rows={})


def test_an_unreachable_warehouse_is_named_without_its_password() -> None:
    with pytest.raises(WarehouseUnreachable, match=r"127\.0\.0\.1") as caught:
        audit("postgresql+psycopg://u:hush-hush@127.0.0.1:1/x", [SUITES["lifecycle"]], rows={"lifecycle": 0})
    assert "hush-hush" not in str(caught.value)


def test_an_audit_calls_nobody_but_the_warehouse(database: str, stage: Stage) -> None:
    rows, called, watching = stage(), [], True

    def hook(event: str, arguments: tuple) -> None:
        # PostgreSQL's client library opens its connections outside Python, unseen here.
        if watching and event in {"socket.connect", "socket.getaddrinfo"}:
            called.append(arguments)

    sys.addaudithook(hook)
    audit(database, ALL, rows=rows)
    watching = False
    assert called == []
