"""What was spent stands beside what was sold, and money of one currency or model is never added to that of another."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.funnel.spend import spend_day, spend_return
from schemas import kinds
from schemas.lake import GROUP_SALES_DAY, SPEND_DAY
from tests.examples import examples
from tests.pipelines.funnel.samples import at, event, frame

DAY = dt.date(2024, 1, 1)
GROUPS = ("qq:1", "qq:2", "unattributed")


def cost(days: float, amount: int, currency: str = "CNY", **fields: Any) -> dict[str, Any]:
    return event(kinds.SPEND_RECORDED, at(days), amount_minor=amount, currency=currency, **fields)


def test_costs_of_a_group_a_campaign_a_day_and_a_currency_are_summed():
    events = frame([
        cost(0, 5, group_id="qq:1"),
        cost(0.9, 7, group_id="qq:1"),
        cost(0, 11, "USD", group_id="qq:1"),
        cost(0, 13, group_id="qq:1", campaign="spring"),
        cost(0, 17, campaign="spring"),
        cost(1, 19, group_id="qq:1"),
        event(kinds.ORDER_PAID, at(0), amount_minor=23, currency="CNY", group_id="qq:1"),
    ])  # fmt: skip
    found = spend_day(events).collect().rows()
    assert {(*row[:4], int(row[4])) for row in found} == {
        ("qq:1", "unknown", DAY, "CNY", 12),
        ("qq:1", "unknown", DAY, "USD", 11),
        ("qq:1", "spring", DAY, "CNY", 13),
        ("unattributed", "spring", DAY, "CNY", 17),
        ("qq:1", "unknown", DAY + dt.timedelta(days=1), "CNY", 19),
    }


PLACE = st.tuples(st.sampled_from(GROUPS), st.integers(0, 2), st.sampled_from(["CNY", "USD", "JPY"]))
COSTS = st.dictionaries(st.tuples(PLACE, st.sampled_from(["unknown", "spring"])), st.integers(0, 9), max_size=6)
SALES = st.dictionaries(st.tuples(PLACE, st.sampled_from(["linear", "last_click"])), st.integers(0, 9), max_size=8)


@given(COSTS, SALES)
@examples(60)
def test_the_return_has_what_an_oracle_adds_up_cost_by_cost_and_sale_by_sale(costs, sales):
    expected = defaultdict(lambda: [0, 0])
    models = {model for _, model in sales}
    currencies = {place[2] for place, _ in costs}
    for (place, _), amount in costs.items():
        for model in models:
            expected[model, *place][0] += amount
    for (place, model), amount in sales.items():
        if place[0] != "unattributed" and place[2] in currencies:
            expected[model, *place][1] += amount
    spend = [
        {"group_id": g, "campaign": c, "day": DAY + dt.timedelta(days=d), "currency": u, "spend_minor": Decimal(n)}
        for ((g, d, u), c), n in costs.items()
    ]
    sold = [
        {"model": m, "group_id": g, "day": DAY + dt.timedelta(days=d), "currency": u, "net_minor": Decimal(n)}
        for ((g, d, u), m), n in sales.items()
    ]
    found = spend_return(
        pl.LazyFrame(spend, schema=SPEND_DAY.schema),
        pl.LazyFrame(
            [{**dict.fromkeys(GROUP_SALES_DAY.columns), **row} for row in sold], schema=GROUP_SALES_DAY.schema
        ),
    ).collect()
    rows = {
        (r["model"], r["group_id"], (r["day"] - DAY).days, r["currency"]): [int(r["spend_minor"]), int(r["net_minor"])]
        for r in found.iter_rows(named=True)
    }
    assert rows == dict(expected)
