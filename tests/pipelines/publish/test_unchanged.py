"""A table staged in the state in which it is published is neither compared nor published again."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest
import sqlalchemy as sa

from pipelines.publish.differences import between
from pipelines.publish.errors import NotStaged, PublishFailed, TableAltered
from pipelines.publish.staging import Difference, LakeVersion, State
from pipelines.publish.switch import Published
from pipelines.publish.warehouse import Warehouse
from schemas.expectations import SUITES
from schemas.warehouse import DATA_TABLES, retention
from tests.pipelines.publish.company import COMPANY, NOON, NOTHING_LATE, UNGUARDED, Row, frames, known, load

Stage = Callable[..., None]
CHANGED = [*COMPANY["retention"][:2], {**COMPANY["retention"][2], "cohort_size": 4}]


@pytest.fixture
def stage(warehouse: Warehouse) -> Stage:
    def stage_all(state: str | None, **replaced: list[Row]) -> None:
        load(warehouse, frames(**replaced), None if state is None else State(state))

    return stage_all


def published(warehouse: Warehouse, batch: int, rules: int = 0) -> Published:
    version = replace(known(batch), rules=rules)
    return warehouse.publish(DATA_TABLES, known=version, late=NOTHING_LATE, guard=UNGUARDED, now=NOON)


def largest_cohort(warehouse: Warehouse) -> int:
    return warehouse.read(retention).select(pl.col("cohort_size").max()).item()


def test_a_table_of_which_nothing_new_is_staged_is_left_alone(warehouse: Warehouse, stage: Stage) -> None:
    stage("as before")
    assert published(warehouse, 1).rows_changed["retention"] == 3
    assert warehouse.unchanged() == {table.name for table in DATA_TABLES}
    assert set(published(warehouse, 2).rows_changed.values()) == {0}


def test_a_table_that_is_staged_as_a_whole_is_compared_in_whichever_state(warehouse: Warehouse, stage: Stage) -> None:
    stage("as before")
    published(warehouse, 1)
    stage("as before", retention=CHANGED)
    assert warehouse.unchanged() == set()
    assert {name: rows for name, rows in published(warehouse, 2).rows_changed.items() if rows} == {"retention": 1}


def test_a_difference_is_applied(warehouse: Warehouse, stage: Stage) -> None:
    stage("as before")
    published(warehouse, 1)
    rows = frames()["retention"]
    later = pl.concat(
        [frames(retention=CHANGED)["retention"][1:], rows[2:3].with_columns(period=7)], how="vertical_relaxed"
    )
    changed = between(retention, rows, later.cast(rows.schema), "as before")
    assert warehouse.stage(retention, changed, State("another")) == 2
    assert published(warehouse, 2).rows_changed["retention"] == 3
    assert warehouse.read(retention)["period"].sort().to_list() == [1, 2, 7]
    assert warehouse.unchanged() == {table.name for table in DATA_TABLES}


def test_a_difference_to_another_version_is_refused(warehouse: Warehouse, stage: Stage) -> None:
    stage("as before")
    published(warehouse, 1)
    none = frames()["retention"].clear()
    warehouse.stage(retention, Difference(none, none, "long ago"), State("another"))
    with pytest.raises(NotStaged, match=r"another version[\s\S]*staging\.retention"):
        published(warehouse, 2)


def test_rows_that_somebody_else_wrote_stop_the_publication_until_all_are_compared(
    warehouse: Warehouse, database: str, stage: Stage
) -> None:
    stage("as before")
    published(warehouse, 1)
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.delete(retention).where(retention.c.period == 2))
    rows = frames()["retention"]
    changed = between(retention, rows, frames(retention=CHANGED)["retention"], "as before")
    warehouse.stage(retention, changed, State("another"))
    with pytest.raises(TableAltered, match=r"emberline audit"):
        published(warehouse, 2)
    assert warehouse.read(retention).height == 2
    warehouse.stage(retention, frames(retention=CHANGED)["retention"], State("another"))
    assert published(warehouse, 2).rows_changed["retention"] == 1
    assert largest_cohort(warehouse) == 4


def test_only_what_a_check_has_passed_is_published(warehouse: Warehouse, stage: Stage) -> None:
    guarded = replace(UNGUARDED, needs_check=True)
    stage("as before")
    staged = warehouse.staged()
    warehouse.note_checked({table: staged[table.name] for table in DATA_TABLES if table is not retention})
    with pytest.raises(NotStaged, match="These staged tables have not passed their checks: retention"):
        warehouse.publish(DATA_TABLES, known=known(1), late=NOTHING_LATE, guard=guarded, now=NOON)
    warehouse.stage(retention, frames(retention=CHANGED)["retention"], State("staged anew"))
    # What was checked is not what is staged now.
    warehouse.note_checked({retention: staged["retention"]})
    assert not warehouse.staged()["retention"].is_checked
    warehouse.note_checked({retention: warehouse.staged()["retention"]})
    warehouse.publish(DATA_TABLES, known=known(1), late=NOTHING_LATE, guard=guarded, now=NOON)
    assert largest_cohort(warehouse) == 4


def test_versions_that_were_removed_can_be_replaced_by_later_ones_of_the_same_rows(
    warehouse: Warehouse, stage: Stage
) -> None:
    stage("as before")
    published(warehouse, 1)
    warehouse.note_versions(
        {
            "retention": State("as before", {"retention": LakeVersion(7, "f")}),
            "lifecycle": State("other", {"x": LakeVersion(1, "f")}),
        }
    )
    states = warehouse.published_states()
    assert (states["retention"].versions, states["lifecycle"].versions) == ({"retention": LakeVersion(7, "f")}, {})


def test_a_table_in_another_state_is_compared_and_published(warehouse: Warehouse, stage: Stage) -> None:
    stage("as before")
    published(warehouse, 1)
    stage("another", retention=CHANGED)
    assert warehouse.unchanged() == set()
    assert {name: rows for name, rows in published(warehouse, 2).rows_changed.items() if rows} == {"retention": 1}
    assert largest_cohort(warehouse) == 4
    assert warehouse.unchanged() == {table.name for table in DATA_TABLES}


def test_a_table_staged_without_a_state_is_always_compared(warehouse: Warehouse, stage: Stage) -> None:
    stage(None)
    published(warehouse, 1)
    assert warehouse.unchanged() == set()
    stage(None, retention=CHANGED)
    assert published(warehouse, 2).rows_changed["retention"] == 1


def test_a_publication_that_is_rolled_back_leaves_the_states_as_they_were(warehouse: Warehouse, stage: Stage) -> None:
    stage("as before")
    published(warehouse, 1)
    stage("another", retention=CHANGED)
    added = {**CHANGED[-1], "period": 9}
    warehouse.stage(retention, frames(retention=[*CHANGED, added, added])["retention"], State("twice the same key"))
    with pytest.raises(PublishFailed):
        published(warehouse, 2)
    assert warehouse.unchanged() == set()


def test_a_table_that_was_dropped_is_published_again(warehouse: Warehouse, database: str, stage: Stage) -> None:
    stage("as before")
    published(warehouse, 1)
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("DROP TABLE mart.retention CASCADE"))
    warehouse.prepare()
    assert warehouse.unchanged() == {table.name for table in DATA_TABLES} - {"retention"}
    warehouse.stage(retention, frames()["retention"], State("as before"))
    assert {name: rows for name, rows in published(warehouse, 2).rows_changed.items() if rows} == {"retention": 3}


def test_a_suite_names_the_tables_that_its_rules_look_at() -> None:
    assert SUITES["retention"].tables == {"retention"}
    assert SUITES["funnel_step"].tables == {"funnel_step", "funnel_entry"}
    assert SUITES["group_day"].tables == {"group_day", "dim_date", "dim_group"}
    assert SUITES["segment_sales"].tables == {"segment_sales", "dim_currency", "group_sales"}
