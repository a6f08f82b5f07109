import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.frames import Changed
from pipelines.funnel.attribution import MONEY, AttributionRules, order_credit
from pipelines.funnel.sales import CreditChange, by_group, by_message, by_segment, changed_sales, sales
from schemas import warehouse
from schemas.kinds import MOST_MINOR
from schemas.lake import GROUP, ORDER_CREDIT, TABLES
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
    return sales.select(TABLES[table.name].columns.keys()).drop("model").sort(pl.all()).collect().rows()


def test_sales_are_summed_by_group_and_currency_with_the_unattributed_apart():
    assert rows(sales(CREDITS, by_group), warehouse.group_sales) == [
        ("qq:g", "CNY", 2, 1, 900, 50, 850),
        ("qq:g", "USD", 1, 1, 450, 0, 450),
        ("unattributed", "CNY", 1, 1, 5, 0, 5),
        ("wechat:h", "CNY", 2, 1, 900, 50, 850),
        ("wechat:h", "USD", 1, 1, 450, 0, 450),
    ]


def test_sales_by_message_tell_a_message_that_nobody_named_from_no_group():
    assert [row[:3] for row in rows(sales(CREDITS, by_message), warehouse.message_sales)] == [
        ("qq:g", "a", "CNY"),
        ("qq:g", "a", "USD"),
        ("unattributed", "unattributed", "CNY"),
        ("wechat:h", "unknown", "CNY"),
        ("wechat:h", "unknown", "USD"),
    ]


def test_an_order_that_two_groups_of_a_purpose_share_is_one_order_of_that_purpose():
    alike = GROUPS.with_columns(purpose=pl.lit("sales"))
    of_purpose = sales(CREDITS, by_segment(alike)).filter(pl.col("breakdown") == "purpose")
    assert rows(of_purpose, warehouse.segment_sales) == [
        ("purpose", "sales", "CNY", 2, 1, 1800, 100, 1700),
        ("purpose", "sales", "USD", 1, 1, 900, 0, 900),
        ("purpose", "unattributed", "CNY", 1, 1, 5, 0, 5),
    ]


def test_a_purpose_that_nobody_told_is_a_segment_of_its_own():
    segments = {row[:2] for row in rows(sales(CREDITS, by_segment(GROUPS)), warehouse.segment_sales)}
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
    assert rows(sales(nothing, by_group), warehouse.group_sales) == []


def test_what_nobody_pays_is_sold_and_has_no_buyer_and_no_touch():
    nobodys = [{**pays(day, order), "account_id": None, "person_id": None} for day, order in ((1, "o1"), (2, "o2"))]
    events = [clicks(0, "qq:g"), pays(3, "o3"), *nobodys]
    credit = order_credit(frame(numbered(events)), AttributionRules(models=("last_click",)))
    sold = sales(credit, by_group).select("group_id", "orders", "buyers").sort("group_id").collect()
    assert sold.rows() == [("qq:g", 1, 1), ("unattributed", 2, 0)]


THE_MOST = [pays(2, f"o{number}", amount_minor=MOST_MINOR) for number in range(3)]


PLACES = {"group": by_group, "message": by_message, "segment": by_segment(GROUPS)}


@pytest.mark.parametrize("keyed", PLACES.values(), ids=PLACES)
def test_payments_of_the_greatest_amount_add_up(keyed):
    credits = order_credit(frame(numbered(THE_MOST)), AttributionRules(models=("linear",)))
    assert set(sales(credits, keyed).select("paid_minor", "net_minor").collect().rows()) == {
        (3 * MOST_MINOR, 3 * MOST_MINOR)
    }


@given(st.lists(st.tuples(st.sampled_from(["qq:g", "qq:h"]), st.integers(0, MOST_MINOR)), max_size=30))
def test_sales_equal_sums_of_pythons_unbounded_integers(credited: list[tuple[str, int]]):
    credits = pl.LazyFrame(
        [{"model": "linear", "shop": "s", "currency": "CNY", "order_id": str(number), "group_id": group}
         | dict.fromkeys(MONEY, amount) for number, (group, amount) in enumerate(credited)],
        schema=ORDER_CREDIT.schema,
    )  # fmt: skip
    sums = {group: sum(amount for of, amount in credited if of == group) for group, _ in credited}
    assert dict(sales(credits, by_group).select("group_id", "paid_minor").collect().rows()) == sums


@st.composite
def credit(draw: st.DrawFn) -> pl.DataFrame:
    """Few orders, buyers and places, so that they meet; an order is of one month, and maybe of nobody."""
    orders = draw(st.dictionaries(st.tuples(st.sampled_from("st"), st.sampled_from("1234")), PAID, max_size=6))
    rows = [
        {"model": model, "shop": shop, "order_id": order, "group_id": group, "message_id": message, **paid}
        | dict.fromkeys(MONEY, draw(st.integers(0, MOST_MINOR)))
        for (shop, order), paid in orders.items()
        for model in ("first", "linear")
        for group, message in draw(st.sets(st.sampled_from(TOUCHED), min_size=1, max_size=3))
    ]
    return pl.DataFrame(rows, schema=ORDER_CREDIT.schema)


TOUCHED = [("qq:g", "a"), ("qq:g", None), ("wechat:h", "a"), ("wechat:h", "b"), (None, None)]
PAID = st.fixed_dictionaries(
    {
        "person_id": st.sampled_from(["ann", "bo", None]),
        "currency": st.sampled_from(["CNY", "USD"]),
        "month": st.sampled_from([dt.date(2026, 1, 1), dt.date(2026, 2, 1)]),
    }
)


@pytest.mark.parametrize("keyed", PLACES.values(), ids=PLACES)
@given(before=credit(), after=credit(), is_there=st.sampled_from([1, 2]))
def test_what_changed_on_top_of_stored_sums_equals_the_sums_of_all_credit(keyed, before, after, is_there):
    elsewhere = before.filter(pl.col("month").dt.month() > is_there)
    orders = elsewhere.select("shop", "order_id").unique()
    before = before.join(orders, on=["shop", "order_id"], how="anti")
    after = after.join(orders, on=["shop", "order_id"], how="anti")
    stored = sales(pl.concat([before, elsewhere]).lazy(), keyed).collect()
    changed = Changed.between(ORDER_CREDIT.key, before, after)
    change = CreditChange.of(changed, pl.concat([after, elsewhere]).lazy())
    fresh, replaced = changed_sales(stored.lazy(), change, keyed)
    key = [name for name in stored.columns if name not in {"orders", "buyers", *MONEY}]
    summed = pl.concat([stored.join(replaced, on=key, how="anti"), fresh.select(stored.columns)])
    whole = sales(pl.concat([after, elsewhere]).lazy(), keyed).collect()
    assert summed.sort(key).equals(whole.sort(key))
