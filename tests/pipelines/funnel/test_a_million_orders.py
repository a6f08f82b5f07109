"""Up to a million random orders: whatever is credited to whom sums to what was paid, to the last minor unit."""

import numpy as np
import polars as pl
import pytest

from pipelines.funnel.attribution import MONEY, order_credit
from schemas import kinds
from schemas.attribution import MODELS
from tests.pipelines.funnel.samples import EVENT_SCHEMA, MONDAY

DAYS = 60
RANDOM = np.random.default_rng(15)


def some(prefix: str, of: int, n: int) -> pl.Series:
    return pl.select(pl.format(prefix + "{}", pl.Series(RANDOM.integers(0, of, n)))).to_series()


def at_random(kind: str, n: int, **columns: pl.Series) -> pl.DataFrame:
    minutes = pl.Series("minutes", RANDOM.integers(0, DAYS * 24 * 60, n)).to_frame()
    time = MONDAY + pl.duration(minutes="minutes")
    return minutes.select(pl.lit(kind).alias("type"), time.alias("time")).with_columns(**columns)


def company(orders: int) -> pl.DataFrame:
    """Joinings, offers, clicks, payments and refunds, each at an instant of its own."""
    persons, groups, offered = orders // 5, orders // 500, orders // 50
    numbers = pl.Series(np.arange(orders)).cast(pl.String)
    money = {"order_id": numbers, "currency": pl.Series(RANDOM.choice(["CNY", "USD"], orders))}
    refunded = RANDOM.integers(0, orders, orders // 5)
    back = {name: column[refunded] for name, column in money.items()}

    def amounts(n: int) -> pl.Series:
        return pl.Series(RANDOM.integers(0, 10**6, n))

    def met(n: int) -> dict[str, pl.Series]:
        return {"person_id": some("p", persons, n), "group_id": some("qq:", groups, n)}

    offers = {"group_id": some("qq:", groups, offered), "message_id": some("m", offered, offered)}
    parts = (
        at_random(kinds.MEMBER_JOINED, 2 * persons, **met(2 * persons)),
        at_random(kinds.MESSAGE_SENT, offered, **offers, product_id=some("x", 9, offered)),
        at_random(kinds.LINK_CLICKED, orders, **met(orders), message_id=some("m", offered, orders)),
        at_random(
            kinds.ORDER_PAID, orders, person_id=some("p", persons, orders), amount_minor=amounts(orders), **money
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


@pytest.mark.parametrize("orders", [20_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_the_credits_of_many_orders_sum_to_what_was_paid_net_of_refunds_in_any_order_of_arrival(orders: int):
    events = company(orders)
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
    assert credits.height > 1.2 * orders * len(MODELS)

    shuffled = order_credit(events.sample(fraction=1, shuffle=True, seed=16).lazy()).collect()
    assert shuffled.hash_rows().sort().equals(credits.hash_rows().sort())
