import datetime as dt
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.funnel.attribution import MONEY, AttributionRules, order_credit
from schemas import kinds
from schemas.attribution import MODELS, Model
from schemas.lake import ORDER_CREDIT
from tests.pipelines.funnel import attribution_oracle as oracle
from tests.pipelines.funnel.samples import at, event, frame, histories, numbered

LAST_CLICK = AttributionRules(models=("last_click",))
JOINED = event(kinds.MEMBER_JOINED, at(0), "p", group_id="qq:g")


def pays(days: float, order: str = "o", person: str = "p", **fields):
    money = {"amount_minor": 900, "currency": "CNY", "source": "//shop", "order_id": order}
    return event(kinds.ORDER_PAID, at(days), person, **{**money, **fields})


def refunds(days: float, amount: int, order: str = "o", **fields):
    money = {"amount_minor": amount, "currency": "CNY", "source": "//shop", "order_id": order}
    return event(kinds.ORDER_REFUNDED, at(days), **{**money, **fields})


def clicks(days: float, group: str | None, person: str = "p", message: str | None = None):
    return event(kinds.LINK_CLICKED, at(days), person, group_id=group, message_id=message)


def offers(days: float, group: str = "qq:g", message: str | None = "m", **fields):
    sent = {"role": "operator", "product_id": "x", "group_id": group, "message_id": message}
    return event(kinds.MESSAGE_SENT, at(days), "seller", **{**sent, **fields})


def credited(*events) -> dict[str, str | None]:
    credit = order_credit(frame(numbered(events)), LAST_CLICK)
    return dict(credit.select("order_id", "group_id").collect().iter_rows())


def net(*events) -> list[tuple[int, int]]:
    return order_credit(frame(numbered(events)), LAST_CLICK).select("refunded_minor", "net_minor").collect().rows()


def split(model: Model, *events, **rules) -> dict[str | None, int]:
    """Message to net amount, of one order."""
    credit = order_credit(frame(numbered(events)), AttributionRules(models=(model,), **rules))
    return dict(credit.select("message_id", "net_minor").collect().iter_rows())


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


def test_refunds_beyond_the_greatest_amount_leave_nothing_of_a_payment():
    most = kinds.MOST_MINOR
    assert net(pays(1, amount_minor=most), *(refunds(2 + n, most) for n in range(3))) == [(most, 0)]


def test_a_second_payment_of_an_order_is_ignored():
    assert net(pays(1), pays(2, amount_minor=1)) == [(0, 900)]


def test_an_order_id_of_two_shops_is_two_orders():
    assert len(net(pays(1), pays(1, source="//other"))) == 2


PATH = (
    JOINED,
    offers(1, message="seen"),
    clicks(2, "qq:g", message="first"),
    offers(3, message="seen last"),
    clicks(4, "qq:h", message="last"),
    pays(5, amount_minor=1001),
    refunds(6, 1),
)
SPLITS: dict[Model, dict[str | None, int]] = {
    "last_click": {"last": 1000},
    "first_click": {"first": 1000},
    "last_exposure": {"seen last": 1000},
    "linear": {"seen": 250, "first": 250, "seen last": 250, "last": 250},
    "position_based": {"seen": 400, "first": 100, "seen last": 100, "last": 400},
    # 1 + 2 + 4 + 8 = 15 parts: a day is a half-life.
    "time_decay": {"seen": 67, "first": 133, "seen last": 267, "last": 533},
}


@pytest.mark.parametrize("model", MODELS)
def test_a_path_of_seen_and_followed_messages_is_split_by_each_model(model: Model):
    assert split(model, *PATH, half_life=dt.timedelta(days=1)) == SPLITS[model]


def test_two_touches_share_alike_by_position():
    assert split("position_based", JOINED, offers(1, message="a"), offers(2, message="b"), pays(3)) == {
        "a": 450,
        "b": 450,
    }


def test_a_message_seen_and_followed_is_two_touches_and_one_row():
    path = (JOINED, offers(1, message="a"), clicks(2, "qq:g", message="a"), offers(3, message="b"), pays(4))
    assert split("linear", *path) == {"a": 600, "b": 300}


@pytest.mark.parametrize(
    "path",
    {
        "sent before the joining": [offers(4), event(kinds.MEMBER_JOINED, at(5), "p", group_id="qq:g")],
        "sent after the leaving": [JOINED, event(kinds.MEMBER_LEFT, at(8), "p", group_id="qq:g"), offers(9)],
        "the buyer's own": [JOINED, offers(9, person_id="p")],
        "of no product": [JOINED, offers(9, product_id=None)],
        "of another group": [JOINED, offers(9, group="qq:h")],
        "too long ago": [JOINED, offers(2.99)],
        "after the payment": [JOINED, offers(11)],
    }.values(),
)
def test_a_message_that_the_buyer_could_not_see_in_time_earns_nothing(path):
    assert split("last_exposure", *path, pays(10)) == {None: 900}


def test_every_exposure_counts_and_none_is_thinned():
    same = [offers(1 + n / 1000, message=f"m{n}") for n in range(9)]
    assert split("linear", JOINED, *same, pays(2)) == {f"m{n}": 100 for n in range(9)}


def test_units_that_are_left_go_to_the_touches_that_came_first():
    three = [offers(n, message=f"m{n}") for n in (1, 2, 3)]
    assert split("linear", JOINED, *three, pays(4, amount_minor=200)) == {"m1": 67, "m2": 67, "m3": 66}


def test_an_amount_of_the_largest_size_is_split_exactly():
    two = [offers(n, message=f"m{n}") for n in (1, 2)]
    parts = split("time_decay", JOINED, *two, pays(3, amount_minor=2**62), half_life=dt.timedelta(days=1))
    assert parts == {"m1": 2**62 // 3, "m2": 2**62 - 2**62 // 3}


def test_an_order_event_after_the_payment_makes_no_touch_before_it_older():
    placed = {**pays(9, group_id="qq:h", message_id="named"), "type": kinds.ORDER_PLACED}
    parts = split("time_decay", clicks(1, "qq:g", message="m"), pays(2), placed, half_life=dt.timedelta(days=1))
    assert parts == {"m": 300, "named": 600}


def test_an_order_without_money_keeps_its_rows():
    assert split("linear", clicks(1, "qq:g", message="m"), pays(2, amount_minor=0)) == {"m": 0}


def test_the_schema_is_that_of_the_lake():
    assert order_credit(frame([])).collect().schema == ORDER_CREDIT.schema


def test_the_models_are_those_with_a_name():
    assert set(order_credit(frame(numbered([pays(1)]))).collect()["model"]) == set(get_args(Model))


@st.composite
def purchases(draw: st.DrawFn):
    """A member whom offers reach, who follows some and pays at the end, and anything between and beside."""
    kinds_of_sales = (
        *(kinds.MEMBER_JOINED, kinds.MEMBER_LEFT, kinds.REACTION_ADDED, kinds.LINK_CLICKED, kinds.LINK_CLICKED),
        *(kinds.MESSAGE_SENT, kinds.MESSAGE_SENT, kinds.ORDER_PLACED, kinds.ORDER_PAID, kinds.ORDER_REFUNDED),
    )
    anything = draw(histories(15, kinds_of_sales))
    amount = draw(st.integers(1, 100))
    days = st.sampled_from([0.25, 0.5, 1, 6, 6.75])
    groups, messages = st.sampled_from(["qq:g", "qq:h"]), st.sampled_from(["m1", "m2", None])
    offered = [
        offers(draw(days), draw(groups), draw(messages), person_id=draw(st.sampled_from(["seller", "q", "p"])))
        for _ in range(draw(st.integers(0, 5)))
    ]
    followed = [clicks(draw(days), draw(groups), message=draw(messages)) for _ in range(draw(st.integers(0, 3)))]
    placed = {**pays(draw(days), group_id=draw(groups | st.none())), "type": kinds.ORDER_PLACED}
    planned = [
        JOINED,
        *offered,
        *followed,
        placed,
        pays(6.75, amount_minor=amount),
        refunds(8, draw(st.integers(0, amount))),
    ]
    return [*anything, *({**e, "event_id": f"p{e['event_id']}", "topic_id": "P"} for e in numbered(planned))]


@given(histories() | purchases(), st.sampled_from(MODELS), st.sampled_from([0, 1, 7]), st.sampled_from([0.001, 1, 7]))
def test_credits_are_those_that_reading_order_by_order_gives(events, model, days, half_life):
    rules = AttributionRules((model,), dt.timedelta(days=days), dt.timedelta(days=half_life))
    key = [name for name in ORDER_CREDIT.key if name != "model"]
    rows = order_credit(frame(events), rules).collect()
    found = dict(zip(rows.select(key).rows(), rows.select("person_id", "touched_at", *MONEY).rows(), strict=True))
    assert len(found) == rows.height
    assert found == oracle.credits(events, model, rules.look_back, rules.half_life)


@given(histories() | purchases(), st.randoms())
def test_credits_are_the_same_for_every_order_of_arrival(events, random):
    shuffled = order_credit(frame(random.sample(events, len(events))))
    assert_frame_equal(order_credit(frame(events)).collect(), shuffled.collect(), check_row_order=False)
