"""What followed interventions follows the complete days: what is stored is what is computed from scratch."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.groups.interventions.cases import matched_cases
from pipelines.groups.interventions.effects import effects
from pipelines.groups.interventions.sales import measured_sales, sales_after
from pipelines.lake import Lake
from pipelines.refresh import (
    refresh_intervention_cases,
    refresh_intervention_effects,
    refresh_intervention_sales,
)
from pipelines.refresh.written import write
from schemas.lake import (
    CUSTOMER_ORDER,
    FEED_DAY,
    GROUP,
    GROUP_DAY,
    GROUP_HOUR,
    GROUP_RISK,
    GROUP_SALES_DAY,
    GROUP_STATE,
    INTERVENTION,
    INTERVENTION_CASE,
    INTERVENTION_EFFECT,
    INTERVENTION_SALES,
    LakeTable,
)
from tests.pipelines.groups.interventions.market import Market
from tests.pipelines.groups.interventions.world import DAYS, World, on

WORLD = World.of(4, groups=16)
MARKET = Market.of(4, WORLD)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake in which a world's tables are, as if they had been computed."""
    lake, past = Lake(str(tmp_path)), WORLD.past()
    tables = {
        INTERVENTION: past.interventions, GROUP_STATE: past.states, GROUP_DAY: past.group_day,
        GROUP_HOUR: past.group_hour, GROUP: past.groups, GROUP_RISK: past.risks,
        FEED_DAY: pl.concat([past.feed_day, MARKET.feed_day()]), CUSTOMER_ORDER: MARKET.orders(),
        GROUP_SALES_DAY: MARKET.sold(),
    }  # fmt: skip
    for table, rows in tables.items():
        write(lake, lake.open(table), rows.collect(), {})
    return lake


def stored(lake: Lake, table: LakeTable) -> pl.DataFrame:
    return lake.open(table).scan().sort(table.key).collect()


def refresh(lake: Lake, through: int | None) -> list[bool]:
    last = None if through is None else on(through)
    refreshed = (
        refresh_intervention_cases(lake, last, "UTC", 1),
        refresh_intervention_effects(lake),
        refresh_intervention_sales(lake),
    )
    return [one.is_changed for one in refreshed]


def test_another_complete_day_brings_its_cases(lake: Lake):
    assert not any(refresh(lake, None))
    found = []
    for through in (DAYS - 25, DAYS - 1):
        assert all(refresh(lake, through))
        matched = matched_cases(WORLD.past(through))
        assert stored(lake, INTERVENTION_CASE).equals(matched, null_equal=True)
        assert stored(lake, INTERVENTION_EFFECT).equals(effects(matched))
        assert stored(lake, INTERVENTION_SALES).equals(sales_of(matched, MARKET), null_equal=True)
        assert not any(refresh(lake, through))
        found.append(stored(lake, INTERVENTION_EFFECT)["cases"].sum())
    assert 0 < found[0] < found[1]


def test_a_refund_changes_what_was_sold_and_no_case(lake: Lake):
    refresh(lake, DAYS - 1)
    after = Market({**MARKET.net, **{key: net // 2 for key, net in MARKET.net.items()}}, MARKET.untold)
    write(lake, lake.open(GROUP_SALES_DAY), after.sold().collect(), {})
    assert refresh(lake, DAYS - 1) == [False, False, True]
    assert stored(lake, INTERVENTION_SALES).equals(sales_of(matched_cases(WORLD.past()), after), null_equal=True)


def sales_of(matched: pl.DataFrame, market: Market) -> pl.DataFrame:
    return sales_after(matched, market.sold(), measured_sales(market.orders(), market.feed_day()))
