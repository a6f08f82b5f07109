"""A warehouse is of one lake, and no publication empties it unless somebody agreed."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from pipelines.publish.errors import AnotherLake, RowsLost
from pipelines.publish.guard import Guard
from pipelines.publish.switch import Published
from pipelines.publish.warehouse import Warehouse
from schemas.operations import lake
from schemas.warehouse import DATA_TABLES, publication
from tests.pipelines.publish.company import COMPANY, NOON, NOTHING_LATE, day, days_later, known, table

Stage = Callable[..., dict[str, int]]
HOME, OTHER = Guard("home", needs_check=False), Guard("other", needs_check=False)


def publish(warehouse: Warehouse, batch: int, guard: Guard) -> Published:
    return warehouse.publish(DATA_TABLES, known=known(batch), late=NOTHING_LATE, guard=guard, now=NOON)


def days(number: int) -> list[dict[str, object]]:
    return [day("qq:1", days_later(n), 5) for n in range(number)]


def test_another_lake_is_refused_though_it_has_as_many_rows(warehouse: Warehouse, stage: Stage):
    stage()
    publish(warehouse, 1, HOME)
    renamed = [{**row, "name": "new"} for row in COMPANY["dim_group"]]
    stage(dim_group=renamed)
    with pytest.raises(AnotherLake, match=r"from lake home, but this is lake other[\s\S]*--accept-loss") as refused:
        publish(warehouse, 2, OTHER)
    password = sa.make_url(warehouse.url).password
    assert password
    assert password not in str(refused.value)
    assert warehouse.read(publication)["version"].to_list() == [1]
    assert warehouse.read(table("dim_group"))["name"].to_list() == [None, None, None]


def test_a_lake_that_takes_over_is_the_one_from_then_on(warehouse: Warehouse, stage: Stage):
    stage()
    publish(warehouse, 1, HOME)
    assert publish(warehouse, 2, Guard("other", is_accepted=True, needs_check=False)).version == 2
    assert publish(warehouse, 3, OTHER).version == 3
    with pytest.raises(AnotherLake):
        publish(warehouse, 4, HOME)
    assert warehouse.read(lake)["lake_id"].to_list() == ["home", "other"]


def test_a_warehouse_of_an_older_version_adopts_the_lake_that_publishes_next(warehouse: Warehouse, stage: Stage):
    stage()
    publish(warehouse, 1, HOME)
    with sa.create_engine(warehouse.url, poolclass=sa.NullPool).begin() as connection:
        connection.execute(lake.delete())
    assert publish(warehouse, 2, OTHER).version == 2
    assert warehouse.read(lake)["lake_id"].to_list() == ["other"]


def test_a_table_that_would_be_emptied_stops_the_publication(warehouse: Warehouse, stage: Stage):
    stage()
    publish(warehouse, 1, HOME)
    stage(group_sales=[], member_state=[])
    with pytest.raises(RowsLost, match=r"More than 50% .*: member_state 2 of 2, group_sales 2 of 2\.") as refused:
        publish(warehouse, 2, HOME)
    assert "--accept-loss" in refused.value.next_step
    assert warehouse.read(publication)["version"].to_list() == [1]
    assert warehouse.read(table("group_sales")).height == 2
    assert publish(warehouse, 2, Guard("home", is_accepted=True, needs_check=False)).version == 2
    assert warehouse.read(table("group_sales")).is_empty()


def test_a_table_may_lose_the_share_that_is_set_and_not_a_row_more(warehouse: Warehouse, stage: Stage):
    stage(group_day=days(10))
    publish(warehouse, 1, HOME)
    stage(group_day=days(6))
    with pytest.raises(RowsLost, match="group_day 4 of 10"):
        publish(warehouse, 2, Guard("home", max_lost_share=0.3, needs_check=False))
    stage(group_day=days(7))
    assert publish(warehouse, 2, Guard("home", max_lost_share=0.3, needs_check=False)).version == 2


def test_rows_that_come_for_those_that_go_are_no_loss(warehouse: Warehouse, stage: Stage):
    stage(group_day=days(4))
    publish(warehouse, 1, HOME)
    stage(group_day=[day("qq:2", days_later(n), 5) for n in range(4)])
    assert publish(warehouse, 2, HOME).rows_changed["group_day"] == 8


def test_a_table_of_the_newest_days_may_lose_all_others(warehouse: Warehouse, stage: Stage):
    stage()
    publish(warehouse, 1, HOME)
    stage(exclusion=[])
    publish(warehouse, 2, HOME)
    assert warehouse.read(table("exclusion")).is_empty()
