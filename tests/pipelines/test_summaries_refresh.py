"""Summaries follow what they are made of: they equal a computation of all of it, and nothing is written in vain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.engagement.states import group_engagement
from pipelines.funnel.sales import by_group, sales
from pipelines.funnel.views import summary
from pipelines.lake import Lake
from pipelines.refresh import refresh_funnel_summaries, refresh_group_engagement, refresh_sales
from schemas import kinds
from schemas.funnel import standard
from schemas.lake import (
    FUNNEL_BREAKDOWN,
    FUNNEL_CURVE,
    FUNNEL_ENTRY,
    FUNNEL_STEP,
    GROUP_ENGAGEMENT,
    GROUP_SALES,
    MEMBER_STATE,
    ORDER_CREDIT,
    SEGMENT_SALES,
    LakeTable,
)
from tests.pipelines.test_incremental import Company, happened, said

ZONE = "Asia/Shanghai"


class Summarised(Company):
    """A company whose summaries are refreshed after its facts."""

    def summarise(self, rules: int = 1) -> Mapping[str, bool]:
        """Refresh facts and summaries; which summaries changed."""
        self.refresh(rules)
        refreshed = {
            GROUP_ENGAGEMENT.name: refresh_group_engagement(self.lake),
            **refresh_sales(self.lake),
            **refresh_funnel_summaries(self.lake, self.funnels, ZONE, defaultdict(lambda: rules)),
        }
        return {name: outcome.is_changed for name, outcome in refreshed.items()}

    def versions(self) -> list[int]:
        tables = (FUNNEL_STEP, FUNNEL_BREAKDOWN, FUNNEL_CURVE, GROUP_SALES, GROUP_ENGAGEMENT)
        return [self.lake.open(table).version for table in tables]


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory) -> Summarised:
    company = Summarised(Lake(str(tmp_path_factory.mktemp("summaries"))))
    company.send(
        happened(kinds.GROUP_CREATED, 60, group="app:g", purpose="sales"),
        happened(kinds.MEMBER_JOINED, 50, member_id="app:ann", group="app:g"),
        said("app:ann", 50, 1),
        said("app:bo", 49),
        said("app:ann", 40),
        happened(kinds.MESSAGE_SENT, 39, group="app:g", member_id="app:op", role="operator", message_id="offer",
                 message_kind="product", product_id="tea", id="offer"),
        happened(kinds.LINK_CLICKED, 39, 5, member_id="app:ann", group="app:g", message_id="offer"),
        happened(kinds.ORDER_PLACED, 39, 9, member_id="app:ann", order_id="1", total_minor=900, currency="CNY",
                 group=...),
        happened(kinds.ORDER_PAID, 39, 10, member_id="app:ann", order_id="1", total_minor=900, currency="CNY",
                 group=...),
    )  # fmt: skip
    return company


def test_summaries_equal_a_computation_of_all_they_are_made_of(company: Summarised):
    assert all(company.summarise().values())
    company.send(said("app:chen", 3), said("app:ann", 2))
    company.summarise()
    entries, credit, members = (company.lake.open(table).scan() for table in (FUNNEL_ENTRY, ORDER_CREDIT, MEMBER_STATE))
    expected: dict[LakeTable, pl.LazyFrame] = {
        FUNNEL_STEP: summary(entries, standard()),
        GROUP_SALES: sales(credit, by_group),
        GROUP_ENGAGEMENT: group_engagement(members),
    }
    for table, rows in expected.items():
        stored = company.stored(table)
        assert stored.height > 0
        fresh = rows.select(table.schema.names()).cast(pl.Schema(table.columns)).sort(table.key).collect()
        assert_frame_equal(stored, fresh)


def test_where_nothing_changed_nothing_is_written(company: Summarised):
    company.summarise()
    before = company.versions()
    assert not any(company.summarise().values())
    assert company.versions() == before


def test_a_watermark_that_moves_on_changes_curves_and_no_sales(company: Summarised):
    company.summarise()
    company.send(happened(kinds.FEED_HEARTBEAT, 25, group=...))
    changed = company.summarise()
    assert changed[FUNNEL_CURVE.name]
    assert not changed[GROUP_SALES.name]
    assert not changed[FUNNEL_STEP.name]


def test_a_group_of_another_purpose_changes_the_segments_and_not_the_steps(company: Summarised):
    company.summarise()
    company.send(happened(kinds.GROUP_UPDATED, 1, group="app:g", purpose="service"))
    changed = company.summarise()
    assert changed[SEGMENT_SALES.name]
    assert changed[FUNNEL_BREAKDOWN.name]
    assert not changed[FUNNEL_STEP.name]
    assert not changed[GROUP_SALES.name]
    assert "service" in company.stored(SEGMENT_SALES)["segment"]
