"""Summaries follow what they are made of: they equal a computation of all of it, and nothing is written in vain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.engagement.states import group_engagement
from pipelines.funnel.sales import by_group, by_group_and_day, by_message, by_segment, sales
from pipelines.funnel.views import summary
from pipelines.lake import Lake
from pipelines.refresh import (
    refresh_funnel_summaries,
    refresh_group_engagement,
    refresh_identity,
    refresh_matched,
    refresh_sales,
    refresh_spend_return,
)
from schemas import kinds
from schemas.funnel import standard
from schemas.lake import (
    EVENTS,
    FUNNEL_BREAKDOWN,
    FUNNEL_CURVE,
    FUNNEL_ENTRY,
    FUNNEL_STEP,
    GROUP,
    GROUP_ENGAGEMENT,
    GROUP_SALES,
    GROUP_SALES_DAY,
    MATCHED_EVENT,
    MEMBER_STATE,
    MESSAGE_SALES,
    ORDER_CREDIT,
    SEGMENT_SALES,
    SPEND_RETURN,
    LakeTable,
)
from tests.examples import examples
from tests.pipelines.canonical import NOON
from tests.pipelines.test_incremental import DAY, Company, happened, said, spent

ZONE = "Asia/Shanghai"
SUMMARIES = (
    FUNNEL_STEP, FUNNEL_BREAKDOWN, FUNNEL_CURVE, GROUP_ENGAGEMENT, GROUP_SALES, GROUP_SALES_DAY, MATCHED_EVENT,
    MESSAGE_SALES, SEGMENT_SALES, SPEND_RETURN,
)  # fmt: skip


class Summarised(Company):
    """A company whose summaries are refreshed after its facts."""

    def summarise(self, rules: int = 1, facts: Collection[LakeTable] = SUMMARIES) -> Mapping[str, bool]:
        """Refresh these facts, by default those that the summaries are made of, then these; which of them changed."""
        refresh_identity(self.lake)
        self.refresh(rules, facts)
        refreshed = {
            GROUP_ENGAGEMENT.name: refresh_group_engagement(self.lake),
            MATCHED_EVENT.name: refresh_matched(self.lake),
            **refresh_sales(self.lake, ZONE, defaultdict(lambda: rules)),
            SPEND_RETURN.name: refresh_spend_return(self.lake),
            **refresh_funnel_summaries(self.lake, self.funnels, ZONE, defaultdict(lambda: rules)),
        }
        return {name: outcome.is_changed for name, outcome in refreshed.items()}

    def versions(self) -> list[int]:
        tables = (FUNNEL_STEP, FUNNEL_BREAKDOWN, FUNNEL_CURVE, GROUP_SALES, GROUP_ENGAGEMENT)
        return [self.lake.open(table).version for table in tables]


def shopped(kind: str, days_ago: float, member: str, order: str, **data: int):
    """An event of a shop."""
    return happened(kind, days_ago, 0, source="shop", member_id=member, order_id=order, currency="CNY", **data)


SALES = [
    happened(kinds.GROUP_CREATED, 60, group="app:g", purpose="sales"),
    happened(kinds.GROUP_UPDATED, 1, group="app:g", purpose="service"),
    *(happened(kinds.LINK_CLICKED, 41, member_id=f"app:{who}", group=f"app:{group}", message_id="offer")
      for who, group in (("ann", "g"), ("bo", "g"), ("ann", "h"))),
    happened(kinds.LINK_CLICKED, 3, member_id="app:bo", group="app:h", message_id="other"),
    *(shopped(kinds.ORDER_PAID, days_ago, f"app:{who}", order, total_minor=minor)
      for who, order, days_ago, minor in (("ann", "1", 40, 900), ("bo", "2", 40, 50), ("ann", "3", 2, 7))),
    shopped(kinds.ORDER_REFUNDED, 1, "app:ann", "1", total_minor=100),
    happened(kinds.IDENTITY_LINKED, 1, member_id="app:ann", linked_id="app:bo"),
]  # fmt: skip
"""What sales change by: credit of old and new months, groups of another purpose, and persons who are one."""


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
        spent(39, 30),
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


def looked_up(company: Summarised) -> pl.DataFrame:
    """All matched events, by a search of all events."""
    matched = company.lake.open(FUNNEL_ENTRY).scan().select("matches").explode("matches").unnest("matches")
    events = company.lake.open(EVENTS).scan().select(MATCHED_EVENT.schema.names())
    return events.join(matched, on=MATCHED_EVENT.key, how="semi").sort(MATCHED_EVENT.key).collect()


JOINED_BEFORE = happened(kinds.MEMBER_JOINED, 50, member_id="app:bo", group="app:g")
ENTERED_BEFORE = happened(kinds.MEMBER_JOINED, 90, member_id="app:ann", group="app:g")
LINKED = happened(kinds.IDENTITY_LINKED, 1, member_id="app:ann", linked_id="app:bo")
REPLACED = happened(kinds.LINK_CLICKED, 39, 5, member_id="app:ann", group="app:g", message_id="offer", id="click")


@pytest.mark.parametrize(
    "later",
    [
        pytest.param([said("app:chen", 3), said("app:chen", 1)], id="new", marks=pytest.mark.soak),
        pytest.param([JOINED_BEFORE], id="joined before", marks=pytest.mark.soak),
        pytest.param([ENTERED_BEFORE, said("app:ann", 89)], id="entered before"),
        pytest.param([LINKED], id="linked"),
        pytest.param([REPLACED], id="the same again", marks=pytest.mark.soak),
    ],
)
def test_matched_events_are_those_that_a_search_of_all_events_finds(company: Summarised, later: list):
    company.summarise()
    assert_frame_equal(company.stored(MATCHED_EVENT), looked_up(company))
    company.send(*later)
    company.summarise()
    assert_frame_equal(company.stored(MATCHED_EVENT), looked_up(company))


def test_an_event_of_an_untouched_month_that_matches_now_is_looked_up(company: Summarised):
    company.send(shopped(kinds.ORDER_PAID, 20, "app:eve", "9", total_minor=50))
    company.summarise()
    before = company.stored(MATCHED_EVENT)
    # What eve paid in February is what ann bought again.
    company.send(happened(kinds.IDENTITY_LINKED, 1, member_id="app:ann", linked_id="app:eve"))
    company.summarise()
    added = company.stored(MATCHED_EVENT).join(before, on=MATCHED_EVENT.key, how="anti")
    assert added["month"].dt.month().to_list() == [2]
    assert_frame_equal(company.stored(MATCHED_EVENT), looked_up(company))


def test_a_copy_that_takes_the_place_of_a_matched_event_is_looked_up(company: Summarised):
    company.summarise()
    assert "coffee" not in company.stored(MATCHED_EVENT)["product_id"]
    company.send(happened(kinds.MESSAGE_SENT, 39, group="app:g", member_id="app:op", role="operator",
                          message_id="offer", message_kind="product", product_id="coffee", id="offer"),
                 kafka_time=NOON - DAY)  # fmt: skip
    company.summarise()
    assert "coffee" in company.stored(MATCHED_EVENT)["product_id"]
    assert_frame_equal(company.stored(MATCHED_EVENT), looked_up(company))


def test_matched_events_and_sales_are_right_where_the_version_that_was_read_is_gone(company: Summarised):
    company.summarise()
    for table in (EVENTS, ORDER_CREDIT, GROUP):
        delta = company.lake.open(table).to_write()
        delta.optimize.compact()
        delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    company.send(
        said("app:chen", 3),
        happened(kinds.ORDER_PAID, 2, source="shop", member_id="app:ann", order_id="2", total_minor=50, currency="CNY"),
    )
    company.summarise()
    assert_frame_equal(company.stored(MATCHED_EVENT), looked_up(company))
    credit = company.lake.open(ORDER_CREDIT).scan()
    for table, keyed in ((GROUP_SALES, by_group), (MESSAGE_SALES, by_message)):
        whole = sales(credit, keyed).select(table.schema.names()).sort(table.key).collect()
        assert_frame_equal(company.stored(table), whole)


@examples(15)
@given(st.lists(st.lists(st.sampled_from(SALES), min_size=1, max_size=4), min_size=1, max_size=5))
def test_sales_that_are_summed_on_top_equal_the_sums_of_all_credit(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list]
):
    company = Summarised(Lake(str(tmp_path_factory.mktemp("sales"))))
    for batch in batches:
        company.send(*batch)
        company.summarise()
        credit, groups = (company.lake.open(table).scan() for table in (ORDER_CREDIT, GROUP))
        for table, keyed in (
            (GROUP_SALES, by_group),
            (GROUP_SALES_DAY, by_group_and_day(ZONE)),
            (MESSAGE_SALES, by_message),
            (SEGMENT_SALES, by_segment(groups)),
        ):
            whole = sales(credit, keyed).select(table.schema.names()).sort(table.key).collect()
            assert_frame_equal(company.stored(table), whole)
