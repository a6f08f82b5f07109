import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.funnel.attribution import MONEY, AttributionRules, order_credit
from pipelines.funnel.sales import group_sales, message_sales, segment_sales
from schemas import warehouse
from schemas.kinds import MOST_MINOR
from schemas.lake import GROUP, ORDER_CREDIT
from tests.pipelines.funnel.samples import frame, numbered
from tests.pipelines.funnel.test_attribution import clicks, pays, refunds

EVENTS = [
    clicks(0, "qq:g", message="a"),
    clicks(0.5, "wechat:h"),
    pays(1, "o1"),
    pays(2, "o2"),
    pays(3, "o3", currency="USD"),
    pays(1, "o4", person="q", amount_minor=5),
    refunds(4, 100, "o1"),
]
CREDITS = order_credit(frame(numbered(EVENTS)), AttributionRules(models=("linear",)))
GROUPS = pl.LazyFrame(
    [
        {"group_id": "qq:g", "carrier": "qq", "purpose": "sales"},
        {"group_id": "wechat:h", "carrier": "wechat", "purpose": None},
    ],
    schema_overrides=GROUP.schema,
)


def rows(sales: pl.LazyFrame, table) -> list[tuple]:
    return sales.select(table.columns.keys()).drop("model").sort(pl.all()).collect().rows()


def test_sales_are_summed_by_group_and_currency_with_the_unattributed_apart():
    assert rows(group_sales(CREDITS), warehouse.group_sales) == [
        ("qq:g", "CNY", 2, 1, 900, 50, 850),
        ("qq:g", "USD", 1, 1, 450, 0, 450),
        ("unattributed", "CNY", 1, 1, 5, 0, 5),
        ("wechat:h", "CNY", 2, 1, 900, 50, 850),
        ("wechat:h", "USD", 1, 1, 450, 0, 450),
    ]


def test_sales_by_message_tell_a_message_that_nobody_named_from_no_group():
    assert [row[:3] for row in rows(message_sales(CREDITS), warehouse.message_sales)] == [
        ("qq:g", "a", "CNY"),
        ("qq:g", "a", "USD"),
        ("unattributed", "unattributed", "CNY"),
        ("wechat:h", "unknown", "CNY"),
        ("wechat:h", "unknown", "USD"),
    ]


def test_an_order_that_two_groups_of_a_purpose_share_is_one_order_of_that_purpose():
    alike = GROUPS.with_columns(purpose=pl.lit("sales"))
    of_purpose = segment_sales(CREDITS, alike).filter(pl.col("breakdown") == "purpose")
    assert rows(of_purpose, warehouse.segment_sales) == [
        ("purpose", "sales", "CNY", 2, 1, 1800, 100, 1700),
        ("purpose", "sales", "USD", 1, 1, 900, 0, 900),
        ("purpose", "unattributed", "CNY", 1, 1, 5, 0, 5),
    ]


def test_a_purpose_that_nobody_told_is_a_segment_of_its_own():
    segments = {row[:2] for row in rows(segment_sales(CREDITS, GROUPS), warehouse.segment_sales)}
    assert segments == {
        ("purpose", "sales"),
        ("purpose", "unknown"),
        ("purpose", "unattributed"),
        ("carrier", "qq"),
        ("carrier", "wechat"),
        ("carrier", "unattributed"),
    }


def test_sales_of_nothing_are_no_rows():
    nothing = pl.LazyFrame(schema=ORDER_CREDIT.schema)
    assert rows(group_sales(nothing), warehouse.group_sales) == []


def test_what_nobody_pays_is_sold_and_has_no_buyer_and_no_touch():
    nobodys = [{**pays(day, order), "account_id": None, "person_id": None} for day, order in ((1, "o1"), (2, "o2"))]
    events = [clicks(0, "qq:g"), pays(3, "o3"), *nobodys]
    credit = order_credit(frame(numbered(events)), AttributionRules(models=("last_click",)))
    sold = group_sales(credit).select("group_id", "orders", "buyers").sort("group_id").collect()
    assert sold.rows() == [("qq:g", 1, 1), ("unattributed", 2, 0)]


THE_MOST = [pays(2, f"o{number}", amount_minor=MOST_MINOR) for number in range(3)]


@pytest.mark.parametrize("sales", [group_sales, message_sales, lambda credits: segment_sales(credits, GROUPS)])
def test_payments_of_the_greatest_amount_add_up(sales):
    credits = order_credit(frame(numbered(THE_MOST)), AttributionRules(models=("linear",)))
    assert set(sales(credits).select("paid_minor", "net_minor").collect().rows()) == {(3 * MOST_MINOR, 3 * MOST_MINOR)}


@given(st.lists(st.tuples(st.sampled_from(["qq:g", "qq:h"]), st.integers(0, MOST_MINOR)), max_size=30))
def test_sales_equal_sums_of_pythons_unbounded_integers(credited: list[tuple[str, int]]):
    credits = pl.LazyFrame(
        [{"model": "linear", "shop": "s", "currency": "CNY", "order_id": str(number), "group_id": group}
         | dict.fromkeys(MONEY, amount) for number, (group, amount) in enumerate(credited)],
        schema=ORDER_CREDIT.schema,
    )  # fmt: skip
    sums = {group: sum(amount for of, amount in credited if of == group) for group, _ in credited}
    assert dict(group_sales(credits).select("group_id", "paid_minor").collect().rows()) == sums
