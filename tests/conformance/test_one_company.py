"""A simulated company spoken through eight carriers and three shops gives what CloudEvents give.

Facts are computed from these events and from nothing else. What may be missing is what a carrier declares: kinds of
event, or columns of a kind, that its mapping does not give, and times that are only those of arrival.
"""

from __future__ import annotations

import datetime as dt

import msgspec
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from emberline.simulator import Scenario, simulate
from pipelines.carriers import CARRIERS, Carrier
from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from pipelines.events.decode import DecodeRules, decode
from pipelines.funnel.orders import paid_orders
from schemas import kinds
from schemas.lake import HEADERS
from tests.conformance.sold import SHOPS, Shop
from tests.conformance.spoken import CHATS, Event, Names, moment
from tests.pipelines.canonical import RULES, TOPIC, records

COMPANY = Scenario(
    seed=3, days=98, groups=16, members=240, carriers=tuple(CHATS), silent_carrier=None, chatter=0.5, duplicates=0,
    conflicts=0, late=0, broken=0,
)  # fmt: skip
SPOKEN = (
    kinds.MEMBER_JOINED, kinds.MEMBER_LEFT, kinds.MESSAGE_SENT, kinds.MESSAGE_EDITED, kinds.MESSAGE_RECALLED,
    kinds.REACTION_ADDED, kinds.REACTION_REMOVED,
)  # fmt: skip
AFTER = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
WORDS = {
    "type": "kind",
    "group_id": "group",
    "account_id": "account",
    "role": "kind",
    "text_length": "text",
    "links": "text",
}
SAME = ("type", "group_id", "account_id", "role", "message_id", "reply_to", "message_kind", "text_length", "links")


@pytest.fixture(scope="module")
def world() -> list[Event]:
    return [msgspec.json.decode(value) for value in simulate(COMPANY).records["value"]]


@pytest.fixture(scope="module")
def company(world: list[Event]) -> list[Event]:
    return [event for event in world if event["type"] in SPOKEN]


@pytest.fixture(scope="module")
def names(company: list[Event]) -> Names:
    sent = (event for event in company if event["type"] == kinds.MESSAGE_SENT)
    return Names({event["data"]["message_id"]: int(moment(event).timestamp()) for event in sent})


@pytest.mark.parametrize("name", CHATS)
def test_a_company_gives_the_same_events_as_through_cloudevents(name: str, company: list[Event], names: Names):
    writer, carrier = CHATS[name], CARRIERS[name]
    told = [writer.native(event, names) for event in company if event["subject"].startswith(f"{name}:")]
    told = [event for event in told if event["type"] in carrier.kinds]
    payloads = [writer.payload(event, number) for number, event in enumerate(told, start=1)]
    staff = frozenset(event["data"]["member_id"] for event in told if event["data"]["role"] != "member")
    rules = DecodeRules(RULES.zone, RULES.max_skew, RULES.pseudonyms, operators=staff)
    expected, found = (
        decode(records(map(msgspec.json.encode, values), kafka_time=AFTER), {TOPIC: CARRIERS[of]}, rules)
        for of, values in (("cloudevents", told), (name, payloads))
    )

    assert found.quarantine.is_empty(), found.quarantine.select("reason", "detail").rows()[:3]
    assert found.ignored.is_empty(), found.ignored["reason"].unique().to_list()
    assert found.events.select("source", "event_id").is_unique().all()
    both = found.events.join(expected.events, on="offset", how="full", suffix=":canonical")
    assert both.height == len(told) > 100
    for column in SAME:
        differing = both.filter(pl.col(column).ne_missing(pl.col(f"{column}:canonical")))
        differing = differing.filter(pl.col(column).is_not_null() | pl.col("type").is_in(giving(carrier, column)))
        assert differing.is_empty(), differing.select("type", column, f"{column}:canonical").rows()[:5]
    timed = both.filter(pl.col("time_quality") != "arrival")
    assert timed["time"].dt.truncate("1s").to_list() == timed["time:canonical"].to_list()
    assert timed.height == both.height or "time" in "".join(carrier.limits)


def test_the_carriers_of_a_company_give_all_that_is_spoken():
    given = {kind for name in CHATS for kind in CARRIERS[name].kinds}
    assert given >= set(SPOKEN)
    assert len(CHATS) == 8


def giving(carrier: Carrier, column: str) -> list[str]:
    """The kinds of event of which a mapping gives a column."""
    assert isinstance(carrier, MappedCarrier)
    emitted = [event for case in carrier.mapping.cases for event in case.emit]
    return [event.kind for event in emitted if getattr(event, WORDS.get(column, column)) is not None]


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.name)
def test_a_shop_gives_the_same_paid_orders_as_through_cloudevents(shop: Shop, world: list[Event], names: Names):
    of_shop = [shop.native(event, names) for event in world if shop.sells(event)]
    told = [one for number, event in enumerate(of_shop, start=1) for one in shop.records(shop, event, number)]
    headers = pl.Series(
        [[{"key": name, "value": value.encode()} for name, value in of_record.items()] for _, of_record in told],
        dtype=HEADERS,
    )
    raw = records((msgspec.json.encode(payload) for payload, _ in told), kafka_time=AFTER)
    found = decode(raw.with_columns(headers=headers), {TOPIC: CARRIERS[shop.name]}, RULES)
    canonical = records(map(msgspec.json.encode, of_shop), kafka_time=AFTER)
    expected = decode(canonical, {TOPIC: CARRIERS["cloudevents"]}, RULES)

    assert found.quarantine.is_empty(), found.quarantine.select("reason", "detail").rows()[:3]
    assert found.ignored.is_empty(), found.ignored["reason"].unique().to_list()
    assert orders(expected.events, []).height > 5
    assert orders(expected.events, [])["refunded_minor"].sum() > 0
    told_of = [column for column in ("group_id", "message_id") if giving(CARRIERS[shop.name], column)]
    for facts in (orders, first_placed):
        assert_frame_equal(facts(found.events, told_of), facts(expected.events, told_of))


def orders(events: pl.DataFrame, told_of: list[str]) -> pl.DataFrame:
    """The fact of paid orders, with what each one's payment names."""
    ranked = events.sort("time", "order_id", "type", "event_id").with_row_index("rank")
    ranked = ranked.with_columns(pl.col("rank").cast(pl.Int64), person_id=pl.col("account_id"))
    groups = ranked.select(pl.col("rank").alias("named"), *told_of)
    made = paid_orders(ranked).join(groups, on="named", how="left")
    return made.drop("rank", "named", "order").sort("order_id")


def first_placed(events: pl.DataFrame, told_of: list[str]) -> pl.DataFrame:
    """Who placed each order and when; told again with its payment, it was placed the first time."""
    placed = events.filter(type=kinds.ORDER_PLACED).sort("time").unique("order_id", keep="first")
    return placed.select("order_id", "account_id", "time", "amount_minor", "currency", *told_of).sort("order_id")
