"""Which published figures a version changes: those of complete periods, each with what came late."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pipelines.publish.lateness import LATENESS, Before
from pipelines.publish.staging import Staged
from pipelines.publish.switch import Late, Published
from pipelines.publish.warehouse import Warehouse
from schemas.mart_columns import RESTATED, Restated
from schemas.warehouse import DATA_TABLES, publication, restatement
from tests.examples import examples
from tests.pipelines.publish.company import (
    COMPANY,
    MONDAY,
    NOON,
    NOTHING_LATE,
    UNGUARDED,
    ZONE,
    Row,
    cell,
    credit,
    day,
    days_later,
    frame,
    known,
    table,
    unit,
)

Stage = Callable[..., dict[str, Staged]]
TUESDAY = days_later(1)


@pytest.fixture
def publish(warehouse: Warehouse) -> Callable[..., Published]:
    """Publish what is staged, complete through a day, with what came late."""

    def publish_all(
        events_batch: int,
        through: dt.date | None = MONDAY,
        late: list[tuple[str, str | None, dt.date, int, int]] | None = None,
        rules: int = 0,
        rebuilds: int = 0,
    ) -> Published:
        told = Late(since=lambda _before: pl.DataFrame(late or [], schema=LATENESS, orient="row"), zone=ZONE)
        return warehouse.publish(
            DATA_TABLES, known=known(events_batch, through, rules, rebuilds), late=told, guard=UNGUARDED, now=NOON
        )

    return publish_all


Publish = Callable[..., Published]


def rows_of(warehouse: Warehouse) -> list[dict[str, Any]]:
    """All that is noted, in one order."""
    return warehouse.read(restatement).sort("version", "table_name", "key", "figure").rows(named=True)


def noted(warehouse: Warehouse) -> list[tuple[str, dict[str, Any], str, int | None, int | None]]:
    """Table, key, figure, before and after of all that is noted."""
    return [
        (row["table_name"], json.loads(row["key"]), row["figure"], row["before"], row["after"])
        for row in rows_of(warehouse)
    ]


def test_a_figure_of_a_complete_day_that_changes_is_noted(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    first, second, third = COMPANY["group_day"]
    stage()
    publish(1)
    stage(group_day=[first | {"messages": 7, "clicks": 0}, second, third])
    assert publish(2).restated == {"group_day": 2}
    key = {"group_id": "qq:1", "day": "2025-03-03"}
    assert noted(warehouse) == [("group_day", key, "clicks", 1, 0), ("group_day", key, "messages", 5, 7)]
    assert set(warehouse.read(restatement).select("version", "period").rows()) == {(2, MONDAY)}


def test_a_day_that_was_not_complete_when_it_was_published_is_not_restated(
    warehouse: Warehouse, stage: Stage, publish: Publish
) -> None:
    first, second, third = COMPANY["group_day"]
    stage()
    publish(1, through=MONDAY)
    stage(group_day=[first, second | {"messages": 9}, third])
    assert publish(2, through=days_later(3)).restated == {}
    assert noted(warehouse) == []


def test_neither_a_first_publish_nor_a_repeated_one_restates(
    warehouse: Warehouse, stage: Stage, publish: Publish
) -> None:
    stage()
    publish(1, through=days_later(9))
    stage()
    publish(1, through=days_later(9))
    publish(2, through=days_later(9))
    assert noted(warehouse) == []


def test_before_any_day_is_complete_nothing_is_restated(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    stage()
    publish(1, through=None)
    stage(group_day=[])
    publish(2, through=days_later(9))
    assert noted(warehouse) == []


def test_a_row_that_comes_or_goes_counts_as_zeros(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    first, second, _ = COMPANY["group_day"]
    stage()
    publish(1)
    stage(group_day=[first, second, day("qq:3", MONDAY, 0)])
    publish(2)
    gone, new = {"group_id": "qq:2", "day": "2025-03-03"}, {"group_id": "qq:3", "day": "2025-03-03"}
    assert noted(warehouse) == [
        ("group_day", gone, "active_members", 2, 0),
        ("group_day", gone, "clicks", 1, 0),
        ("group_day", gone, "messages", 1, 0),
        ("group_day", gone, "speakers", 1, 0),
        ("group_day", new, "active_members", 0, 2),
        ("group_day", new, "clicks", 0, 1),
        ("group_day", new, "speakers", 0, 1),
    ]


def test_units_are_restated_once_their_last_day_is_complete(
    warehouse: Warehouse, stage: Stage, publish: Publish
) -> None:
    week, month = ({**unit(MONDAY, 3, 3, 0, 0), "unit": name} for name in ("week", "month"))
    month |= {"start": MONDAY.replace(day=1)}
    stage(lifecycle=[week, month])
    publish(1, through=days_later(6))
    stage(lifecycle=[week | {"active": 4, "new": 4}, month | {"active": 4, "new": 4}])
    publish(2, through=days_later(6))
    key = {"unit": "week", "start": "2025-03-03"}
    assert noted(warehouse) == [("lifecycle", key, "active", 3, 4), ("lifecycle", key, "new", 3, 4)]


def test_a_cell_of_retention_is_of_the_period_it_looks_at(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    stage(retention=[cell(0, 3), cell(1, 2), cell(2, None)])
    publish(1, through=days_later(13))
    stage(retention=[cell(0, 3), cell(1, 1), cell(2, 3)])
    publish(2, through=days_later(13))
    assert noted(warehouse) == [("retention", {"unit": "week", "cohort": "2025-03-03", "period": 1}, "active", 2, 1)]
    assert warehouse.read(restatement)["period"].to_list() == [days_later(7)]


def test_a_payment_is_of_the_day_of_the_business_zone(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    # In Shanghai it is Tuesday from four in the afternoon, UTC.
    evening = {"paid_at": NOON.replace(hour=16)}
    stage(order_credit=[credit("o1", "qq:1", 500, 0, 500), credit("o2", "qq:1", 500, 0, 500) | evening])
    publish(1, through=MONDAY)
    stage(order_credit=[credit("o1", "qq:1", 700, 0, 700), credit("o2", "qq:1", 700, 0, 700) | evening])
    publish(2, through=MONDAY)
    assert noted(warehouse) == [("order_credit", {"credit_id": "o1"}, "paid_minor", 500, 700)]


def test_a_refund_is_no_restatement(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    stage()
    publish(1)
    stage(order_credit=[credit("o1", "qq:1", 500, 500, 0), COMPANY["order_credit"][1]])
    assert publish(2).rows_changed["order_credit"] == 1
    assert noted(warehouse) == []


def test_a_period_that_opens_again_withdraws_its_figure_and_stays_published(
    warehouse: Warehouse, stage: Stage, publish: Publish
) -> None:
    open_again = cell(1, None)
    stage(retention=[cell(1, 2)])
    publish(1, through=days_later(13))
    stage(retention=[open_again])
    publish(2, through=days_later(12))
    stage(retention=[cell(1, 5)])
    publish(3, through=days_later(13))
    assert [(before, after) for *_, before, after in noted(warehouse)] == [(2, None), (None, 5)]


def test_a_row_says_what_came_late_for_its_group_and_day(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    first, second, third = COMPANY["group_day"]
    stage()
    publish(1, through=TUESDAY)
    late = [("in_group", "qq:1", MONDAY, 4, 1), ("in_group", "qq:2", MONDAY, 2, 0), ("activity", None, MONDAY, 9, 9)]
    stage(group_day=[first | {"messages": 9}, second | {"messages": 5}, third | {"messages": 3}])
    publish(2, through=TUESDAY, late=late)
    told = warehouse.read(restatement).sort("key").select("key", "late_events", "merges", "rules_changed").rows()
    assert [(json.loads(key), *others) for key, *others in told] == [
        ({"group_id": "qq:1", "day": "2025-03-03"}, 4, 1, False),
        ({"group_id": "qq:2", "day": "2025-03-03"}, 2, 0, False),
        ({"group_id": "qq:1", "day": "2025-03-04"}, 0, 0, False),
    ]


def test_a_unit_says_what_came_late_up_to_its_end(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    week = {**unit(MONDAY, 3, 3, 0, 0), "unit": "week"}
    stage(lifecycle=[unit(MONDAY, 3, 3, 0, 0), week])
    publish(1, through=days_later(8))
    late = [("activity", None, MONDAY, 1, 0), ("activity", None, days_later(6), 5, 2), ("sales", None, MONDAY, 9, 9)]
    stage(lifecycle=[unit(MONDAY, 4, 3, 1, 0), week | {"active": 4}])
    publish(2, through=days_later(8), late=late)
    told = warehouse.read(restatement).filter(pl.col("figure") == "active").sort("late_events")
    assert told.select("late_events", "merges").rows() == [(1, 0), (5, 2)]


def test_other_settings_are_told(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    stage()
    publish(1, rules=7)
    stage(group_day=[])
    publish(2, rules=8)
    assert set(warehouse.read(restatement)["rules_changed"]) == {True}


def test_a_rebuild_by_other_code_is_told(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    stage()
    publish(1, rebuilds=0)
    stage(group_day=[])
    publish(2, rebuilds=1)
    assert set(warehouse.read(restatement).select("rules_changed", "code_changed").rows()) == {(False, True)}


def test_what_came_late_is_asked_for_since_the_published_version(
    warehouse: Warehouse, stage: Stage, publish: Publish
) -> None:
    asked: list[Before] = []

    def since(before: Before) -> pl.DataFrame:
        asked.append(before)
        return pl.DataFrame(schema=LATENESS)

    stage()
    for batch, through in ((3, days_later(5)), (4, days_later(2)), (9, days_later(7))):
        warehouse.publish(DATA_TABLES, known=known(batch, through), late=Late(since, ZONE), guard=UNGUARDED, now=NOON)
    assert asked == [Before(1, 3, days_later(5)), Before(2, 4, days_later(5))]


def test_a_publish_that_fails_notes_nothing(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    def since(_before: Before) -> pl.DataFrame:
        raise OSError("the lake is away")

    stage()
    publish(1)
    stage(group_day=[])
    with pytest.raises(OSError, match="away"):
        warehouse.publish(DATA_TABLES, known=known(2), late=Late(since, ZONE), guard=UNGUARDED, now=NOON)
    assert warehouse.read(publication).height == 1
    assert warehouse.read(table("group_day")).height == 3


def test_old_restatements_are_forgotten(warehouse: Warehouse, stage: Stage) -> None:
    for version, messages in enumerate((5, 6, 7), start=1):
        stage(group_day=[day("qq:1", MONDAY, messages)])
        now = NOON + dt.timedelta(days=version)
        warehouse.publish(DATA_TABLES, known=known(version), late=NOTHING_LATE, guard=UNGUARDED, now=now)
    assert warehouse.delete_restatements(NOON + dt.timedelta(days=3)) == 1
    assert warehouse.read(restatement)["version"].to_list() == [3]


TABLES = [t for t in DATA_TABLES if RESTATED in t.info]
DAYS = st.integers(0, 40).map(days_later)
COUNT = st.integers(0, 2)
TOLD = ("figure", "period", "before", "after")


def drawn_rows(name: str) -> st.SearchStrategy[list[Row]]:
    """Rows of a table that declares restatements, distinct by key: few keys, so that versions share many."""
    declared: Restated = table(name).info[RESTATED]
    keys = {
        "group_day": st.fixed_dictionaries({"group_id": st.sampled_from(["qq:1", "qq:2"]), "day": DAYS}),
        "lifecycle": st.fixed_dictionaries({"unit": st.sampled_from(["day", "week", "month"]), "start": DAYS}),
        "retention": st.fixed_dictionaries(
            {"unit": st.sampled_from(["week", "month"]), "cohort": DAYS, "period": st.integers(0, 3)}
        ),
        "order_credit": st.fixed_dictionaries({"credit_id": st.sampled_from("abcdefgh")}),
    }[name]
    base = {
        "group_day": day("", MONDAY, 0),
        "lifecycle": unit(MONDAY, 0, 0, 0, 0),
        "retention": cell(0, 0),
        "order_credit": credit("", "qq:1", 0, 0, 0),
    }[name]
    # An order is always paid at the same time: 16 o'clock UTC is the day after, in Shanghai.
    figures = st.fixed_dictionaries(dict.fromkeys(declared.figures, COUNT))
    unique = tuple(column.name for column in table(name).primary_key)
    whole = st.builds(lambda key, counts: _paid({**base, **key, **counts}), keys, figures)
    return st.lists(whole, max_size=8, unique_by=lambda row: tuple(row[column] for column in unique))


def _paid(row: Row) -> Row:
    if "credit_id" not in row:
        return row
    number = ord(row["credit_id"]) - ord("a")
    return {**row, "paid_at": NOON.replace(hour=12 + number % 2 * 6) + dt.timedelta(days=number * 4)}


def period_of(row: Row) -> tuple[dt.date, dt.date]:
    """First and last day, counted a day at a time."""
    if "paid_at" in row:
        first = row["paid_at"].astimezone(dt.timezone(dt.timedelta(hours=8))).date()
        return first, first
    if "day" in row:
        return row["day"], row["day"]
    first = row.get("start") or row["cohort"]
    for _ in range(row.get("period", 0)):
        first = following(first, row["unit"])
    return first, following(first, row["unit"]) - dt.timedelta(days=1)


def following(start: dt.date, name: str) -> dt.date:
    if name != "month":
        return start + dt.timedelta(days={"day": 1, "week": 7}[name])
    return (start.replace(day=28) + dt.timedelta(days=4)).replace(day=1) + dt.timedelta(days=start.day - 1)


def expected(name: str, before: list[Row], after: list[Row], through: dt.date) -> set[tuple]:
    """Every figure of either version against the other, one by one."""
    declared: Restated = table(name).info[RESTATED]
    key = [column.name for column in table(name).primary_key]
    sides = [{tuple(row[column] for column in key): row for row in rows} for rows in (before, after)]
    found = set()
    for values in sides[0].keys() | sides[1].keys():
        first, last = period_of(sides[0].get(values) or sides[1][values])
        for figure in declared.figures:
            old, new = (side[values][figure] if values in side else 0 for side in sides)
            if last <= through and old != new:
                found.add((tuple(map(str, values)), figure, first, old, new))
    return found


@pytest.mark.parametrize("name", [table.name for table in TABLES])
@given(drawn=st.data())
@examples(15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_noted_is_what_two_versions_compared_one_by_one_differ_in(
    warehouse: Warehouse, database: str, name: str, drawn: st.DataObject
) -> None:
    versions, through = drawn.draw(st.tuples(drawn_rows(name), drawn_rows(name))), drawn.draw(DAYS)
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        for emptied in (table(name), publication, restatement):
            connection.execute(sa.delete(emptied))
    for number, rows in enumerate(versions):
        warehouse.stage(table(name), frame(name, rows))
        warehouse.publish([table(name)], known=known(number, through), late=NOTHING_LATE, guard=UNGUARDED, now=NOON)
    keys = [column.name for column in table(name).primary_key]
    found = {
        (tuple(str(json.loads(row["key"])[key]) for key in keys), *(row[told] for told in TOLD))
        for row in rows_of(warehouse)
    }
    assert found == expected(name, *versions, through)
