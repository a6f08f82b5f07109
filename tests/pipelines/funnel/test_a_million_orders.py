"""A million random orders: whatever is credited to whom sums to what was paid, to the last minor unit."""

import numpy as np
import polars as pl
import pytest

from pipelines.funnel.attribution import MONEY, order_credit
from schemas import kinds
from schemas.attribution import MODELS
from tests.pipelines.funnel.samples import EVENT_SCHEMA, MONDAY

ORDERS, PERSONS, GROUPS, OFFERS, DAYS = 1_000_000, 200_000, 2_000, 20_000, 60
RANDOM = np.random.default_rng(15)


def some(prefix: str, of: int, n: int) -> pl.Series:
    return pl.select(pl.format(prefix + "{}", pl.Series(RANDOM.integers(0, of, n)))).to_series()


def at_random(kind: str, n: int, **columns: pl.Series) -> pl.DataFrame:
    minutes = pl.Series("minutes", RANDOM.integers(0, DAYS * 24 * 60, n)).to_frame()
    time = MONDAY + pl.duration(minutes="minutes")
    return minutes.select(pl.lit(kind).alias("type"), time.alias("time")).with_columns(**columns)


def company() -> pl.DataFrame:
    """Joinings, offers, clicks, payments and refunds, each at an instant of its own."""
    orders = pl.Series(np.arange(ORDERS)).cast(pl.String)
    money = {"order_id": orders, "currency": pl.Series(RANDOM.choice(["CNY", "USD"], ORDERS))}
    refunded = RANDOM.integers(0, ORDERS, ORDERS // 5)
    back = {name: column[refunded] for name, column in money.items()}

    def amounts(n: int) -> pl.Series:
        return pl.Series(RANDOM.integers(0, 10**6, n))

    def met(n: int) -> dict[str, pl.Series]:
        return {"person_id": some("p", PERSONS, n), "group_id": some("qq:", GROUPS, n)}

    offers = {"group_id": some("qq:", GROUPS, OFFERS), "message_id": some("m", OFFERS, OFFERS)}
    parts = (
        at_random(kinds.MEMBER_JOINED, 2 * PERSONS, **met(2 * PERSONS)),
        at_random(kinds.MESSAGE_SENT, OFFERS, **offers, product_id=some("x", 9, OFFERS)),
        at_random(kinds.LINK_CLICKED, ORDERS, **met(ORDERS), message_id=some("m", OFFERS, ORDERS)),
        at_random(
            kinds.ORDER_PAID, ORDERS, person_id=some("p", PERSONS, ORDERS), amount_minor=amounts(ORDERS), **money
        ),
        at_random(kinds.ORDER_REFUNDED, len(refunded), amount_minor=amounts(len(refunded)), **back),
    )
    constant = {"source": "//shop", "role": "member", "topic_id": "T", "partition": 0}
    return (
        pl.concat(parts, how="diagonal")
        .with_columns(**{name: pl.lit(value) for name, value in constant.items()}, offset=pl.int_range(pl.len()))
        .cast({"time": EVENT_SCHEMA["time"]})
        .match_to_schema(EVENT_SCHEMA, missing_columns="insert", integer_cast="upcast")
    )


@pytest.mark.slow
def test_the_credits_of_a_million_orders_sum_to_what_was_paid_net_of_refunds_in_any_order_of_arrival():
    events = company()
    refunds = events.filter(type=kinds.ORDER_REFUNDED).group_by("order_id").agg(refunded_minor=pl.sum("amount_minor"))
    owed = (
        events.filter(type=kinds.ORDER_PAID)
        .join(refunds, on="order_id", how="left")
        .select("order_id", paid_minor="amount_minor", refunded_minor=pl.col("refunded_minor").fill_null(0))
        .with_columns(net_minor=(pl.col("paid_minor") - pl.col("refunded_minor")).clip(0))
        .sort("order_id")
    )
    credits = order_credit(events.lazy()).collect()
    for model in MODELS:
        by_order = credits.filter(model=model).group_by("order_id").agg(pl.col(MONEY).sum()).sort("order_id")
        assert by_order.equals(owed), model
    assert credits.height > 1.2 * ORDERS * len(MODELS)

    shuffled = order_credit(events.sample(fraction=1, shuffle=True, seed=16).lazy()).collect()
    assert shuffled.hash_rows().sort().equals(credits.hash_rows().sort())
