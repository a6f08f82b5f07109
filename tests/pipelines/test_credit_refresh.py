"""Credit of late orders follows from few of their buyers' events, and is what all of them give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.person_day import person_day
from pipelines.lake import Lake
from pipelines.refresh import orders as orders_module
from pipelines.refresh import refresh_credit, refresh_days, refresh_first_seen, refresh_identity, refresh_member_changes
from schemas import kinds
from schemas.lake import ORDER_CREDIT, PERSON_DAY
from tests.examples import examples
from tests.pipelines.canonical import Event
from tests.pipelines.late import Step, histories, live
from tests.pipelines.test_incremental import ATTRIBUTION, Company, happened, said


class Shop(Company):
    """A company of which only the credit of orders matters."""

    def catch_up(self, rules: int = 1, *, is_first_seen: bool = True) -> None:
        refresh_identity(self.lake)
        refresh_member_changes(self.lake)
        if is_first_seen:
            refresh_days(self.lake, PERSON_DAY, person_day)
            refresh_first_seen(self.lake)
        refresh_credit(self.lake, ATTRIBUTION, rules)

    def assert_caught_up(self) -> None:
        assert self.stored(ORDER_CREDIT).equals(self.computed(ORDER_CREDIT), null_equal=True)


def paid(order: str, day: float, minute: float = 0, account: str = "app:a", **payload: Any) -> Event:
    money = {"order_id": order, "total_minor": 100, "currency": "CNY"}
    return happened(kinds.ORDER_PAID, day, minute, source="shop", member_id=account, **money, **payload)


def offered(day: float, minute: float = 0, group: str = "app:g") -> Event:
    return said("app:op", day, minute, group, role="operator", product_id="x")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    found = Shop(Lake(str(tmp_path)))
    found.send(offered(4), said("app:a", 9, 1), said("app:a", 9, 2), said("app:a", 5), said("app:b", 9), paid("o1", 3))
    found.catch_up()
    return found


def activity_read(shop: Shop, monkeypatch: pytest.MonkeyPatch, *, is_first_seen: bool) -> int:
    """The member messages that a refresh after another order and a first word in another group reads."""
    read: list[int] = []
    compute = orders_module.order_credit

    def watched(events: pl.LazyFrame, *rules: Any) -> pl.LazyFrame:
        read.append(events.filter(type=kinds.MESSAGE_SENT, role="member").collect().height)
        return compute(events, *rules)

    monkeypatch.setattr(orders_module, "order_credit", watched)
    shop.send(paid("o2", 1), said("app:a", 8, 0, "app:h"), offered(2, 0, "app:h"))
    shop.catch_up(is_first_seen=is_first_seen)
    assert shop.stored(ORDER_CREDIT).filter(pl.col("order_id") == "o2", group_id="app:h").height > 0
    shop.assert_caught_up()
    return read[0]


def test_of_a_buyers_words_the_first_in_each_group_are_read(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    assert activity_read(shop, monkeypatch, is_first_seen=True) == 2


def test_where_first_words_are_not_known_yet_all_are_read(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    assert activity_read(shop, monkeypatch, is_first_seen=False) == 4


PAST = {
    "a joining": ([happened(kinds.MEMBER_JOINED, 9, member_id="app:c", group="app:g")], "app:g"),
    "a leaving": ([said("app:c", 9), happened(kinds.MEMBER_LEFT, 5, member_id="app:c", group="app:g")], None),
    "a click": ([happened(kinds.LINK_CLICKED, 3, member_id="app:c", group="app:h")], "app:h"),
    "a first word": ([said("app:c", 9), said("app:c", 3)], "app:g"),
}


@pytest.mark.parametrize(("past", "group"), PAST.values(), ids=PAST)
def test_a_late_order_owes_to_what_its_buyer_did_long_before(shop: Shop, past: list[Event], group: str | None):
    shop.send(*past)
    shop.catch_up()
    shop.send(paid("o2", 1, account="app:c"))
    shop.catch_up()
    assert set(shop.stored(ORDER_CREDIT).filter(order_id="o2", model="linear")["group_id"]) == {group}
    shop.assert_caught_up()


@pytest.mark.parametrize(("day", "recomputed"), [(4, {"o1"}), (3, {"o1"}), (1, set())])
def test_a_late_event_recomputes_what_its_buyer_paid_from_then_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, day: int, recomputed: set[str]
):
    read: list[pl.DataFrame] = []
    compute = orders_module.order_credit

    def watched(events: pl.LazyFrame, *rules: Any) -> pl.LazyFrame:
        read.append(compute(events, *rules).collect())
        return read[-1].lazy()

    monkeypatch.setattr(orders_module, "order_credit", watched)
    shop.send(happened(kinds.LINK_CLICKED, day, -9, member_id="app:a", group="app:g"))
    shop.catch_up()
    assert set(read[0]["order_id"]) == recomputed
    shop.assert_caught_up()


ACCOUNTS = st.sampled_from(["app:a", "app:b", "shop:c"])
DAYS = st.sampled_from([1, 2, 3, 5, 8, 9, 11, 30])
GROUPS = st.sampled_from(["app:g", "app:h"])
ORDERS = st.sampled_from(["o1", "o2", "o3"])


@st.composite
def events(draw: st.DrawFn) -> Event:
    """What touches and orders follow from, of which copies may come."""
    account, day, minute, group = draw(ACCOUNTS), draw(DAYS), draw(st.integers(0, 2)), draw(GROUPS)
    copy = {"id": f"copy {draw(st.integers(1, 6))}"} if draw(st.booleans()) else {}
    kind = draw(st.sampled_from(["word", "word", "word", "offer", "offer", "member", "click", "paid", "order", "link"]))
    if kind == "word":
        return said(account, day, minute, group, **copy)
    if kind == "offer":
        return said(draw(st.sampled_from(["app:op", account])), day, minute, group, product_id="x", **copy)
    if kind == "paid":
        return paid(draw(ORDERS), day, minute, account, **copy)
    if kind == "order":
        of_order = draw(st.sampled_from([kinds.ORDER_PLACED, kinds.ORDER_REFUNDED]))
        money = {"order_id": draw(ORDERS), "total_minor": draw(st.integers(0, 9)), "currency": "CNY"}
        named = {"group": group} if draw(st.booleans()) else {}
        return happened(of_order, day, minute, source="shop", member_id=account, **money, **named, **copy)
    if kind == "link":
        return happened(kinds.IDENTITY_LINKED, day, member_id=account, linked_id=draw(ACCOUNTS))
    did = kinds.LINK_CLICKED if kind == "click" else draw(st.sampled_from([kinds.MEMBER_JOINED, kinds.MEMBER_LEFT]))
    return happened(did, day, minute, member_id=account, group=group, **copy)


@examples(25)
@given(histories(events(), most_events=12, most_steps=4))
def test_credit_equals_a_computation_from_nothing_after_any_late_events(
    tmp_path_factory: pytest.TempPathFactory, history: list[Step]
):
    shop = Shop(Lake(str(tmp_path_factory.mktemp("shop"))))
    live(shop, history, lambda is_first_seen: shop.catch_up(is_first_seen=is_first_seen))
    shop.assert_caught_up()
