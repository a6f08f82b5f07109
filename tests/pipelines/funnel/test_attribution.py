import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.funnel.attribution import group_sales, last_click
from schemas import kinds, warehouse
from schemas.lake import ORDER_CREDIT
from tests.pipelines.funnel import oracle
from tests.pipelines.funnel.samples import at, event, frame, histories, numbered


def pays(days: float, order: str = "o", person: str = "p", **fields):
    money = {"amount_minor": 900, "currency": "CNY", "source": "//shop", "order_id": order}
    return event(kinds.ORDER_PAID, at(days), person, **{**money, **fields})


def refunds(days: float, amount: int, order: str = "o", **fields):
    money = {"amount_minor": amount, "currency": "CNY", "source": "//shop", "order_id": order}
    return event(kinds.ORDER_REFUNDED, at(days), **{**money, **fields})


def clicks(days: float, group: str | None, person: str = "p"):
    return event(kinds.LINK_CLICKED, at(days), person, group_id=group)


def credited(*events) -> dict[str, str | None]:
    return dict(last_click(frame(numbered(events))).select("order_id", "group_id").collect().iter_rows())


def net(*events) -> list[tuple[int, int]]:
    return last_click(frame(numbered(events))).select("refunded_minor", "net_minor").collect().rows()


def test_the_last_click_before_the_payment_gets_the_order():
    assert credited(clicks(0, "qq:g"), clicks(1, "qq:h"), pays(2), clicks(3, "qq:g")) == {"o": "qq:h"}


def test_a_click_without_a_group_does_not_hide_the_one_before():
    assert credited(clicks(0, "qq:g"), clicks(1, None), pays(2)) == {"o": "qq:g"}


def test_the_group_that_the_shop_names_goes_before_any_click():
    assert credited(clicks(1, "qq:h"), pays(2, group_id="qq:g")) == {"o": "qq:g"}


def test_a_placed_order_names_the_group_for_a_payment_that_does_not():
    placed = {**pays(1, group_id="qq:g"), "type": kinds.ORDER_PLACED}
    assert credited(pays(2), clicks(1.5, "qq:h"), placed) == {"o": "qq:g"}


@pytest.mark.parametrize(("days", "group"), [(7, "qq:g"), (7.001, None)])
def test_a_click_counts_for_seven_days_to_the_instant(days, group):
    assert credited(clicks(0, "qq:g"), pays(days)) == {"o": group}


def test_a_click_at_the_time_of_payment_counts_only_if_ordered_before_it():
    assert credited(clicks(1, "qq:g"), pays(1, "after")) == {"after": "qq:g"}
    assert credited(pays(1, "before"), clicks(1, "qq:g")) == {"before": None}


def test_the_click_of_another_person_earns_nothing():
    assert credited(clicks(0, "qq:g", person="q"), pays(1)) == {"o": None}


def test_refunds_of_one_order_add_up_and_never_net_below_zero():
    assert net(refunds(0, 500), pays(1), refunds(2, 500)) == [(1000, 0)]


def test_a_refund_in_another_currency_or_shop_takes_nothing_off():
    assert net(pays(1), refunds(2, 100, currency="USD"), refunds(2, 100, source="//other")) == [(0, 900)]


def test_a_refund_without_a_payment_is_no_order():
    assert net(refunds(2, 100)) == []


def test_a_second_payment_of_an_order_is_ignored():
    assert net(pays(1), pays(2, amount_minor=1)) == [(0, 900)]


def test_an_order_id_of_two_shops_is_two_orders():
    assert len(net(pays(1), pays(1, source="//other"))) == 2


def test_sales_are_summed_by_group_and_currency_with_the_unattributed_apart():
    events = [
        clicks(0, "qq:g"),
        pays(1, "o1"),
        pays(2, "o2"),
        pays(3, "o3", currency="USD"),
        pays(1, "o4", person="q", amount_minor=5),
        refunds(4, 100, "o1"),
    ]
    sales = group_sales(last_click(frame(numbered(events)))).sort("group_id", "currency").drop("model").collect()
    assert sales.rows() == [
        ("qq:g", "CNY", 2, 1, 1800, 100, 1700),
        ("qq:g", "USD", 1, 1, 900, 0, 900),
        ("unattributed", "CNY", 1, 1, 5, 0, 5),
    ]


def test_credits_and_sales_have_the_columns_of_their_tables():
    credit = last_click(frame([]))
    assert credit.collect().schema == ORDER_CREDIT.schema
    assert group_sales(credit).collect_schema().names() == warehouse.group_sales.columns.keys()


@settings(deadline=None)
@given(histories(), st.sampled_from([0, 1, 7]))
def test_credits_are_those_that_reading_order_by_order_gives(events, days):
    look_back = dt.timedelta(days=days)
    columns = ["shop", "order_id", "person_id", "group_id", "touched_at", "paid_minor", "refunded_minor", "net_minor"]
    rows = last_click(frame(events), look_back).select(columns).collect().rows()
    assert len(rows) == len(set(rows))
    assert set(rows) == oracle.credits(events, look_back)


@settings(deadline=None)
@given(histories(), st.randoms())
def test_credits_are_the_same_for_every_order_of_arrival(events, random):
    shuffled = last_click(frame(random.sample(events, len(events))))
    assert_frame_equal(last_click(frame(events)).collect(), shuffled.collect(), check_row_order=False)
