"""What buyers are worth is told of the newest complete day, by a model only where enough bought again."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from pipelines.engagement.bg_nbd import fit
from pipelines.engagement.person_value import HORIZON_DAYS, credited_orders, person_value
from schemas.lake import ORDER_CREDIT, PERSON_VALUE, UTC_TIME
from tests.pipelines.engagement.frames import MONDAY, ZONE, at, rows_of

Order = tuple[str, int, int, str]


def orders(*bought: Order) -> pl.LazyFrame:
    """Orders of (person, days ago, money, currency), each at noon."""
    noon = at(f"{MONDAY} 12:00")
    rows = [(who, noon - dt.timedelta(days=ago), money, currency) for who, ago, money, currency in bought]
    schema = {"person_id": pl.String(), "paid_at": UTC_TIME, "net_minor": pl.Int64(), "currency": pl.String()}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def buyers() -> list[Order]:
    """Two thousand who buy at a pace of their own, and stop with a probability of their own."""
    rng = np.random.default_rng(3)
    bought = []
    for buyer in range(2000):
        day, pace, stops = float(rng.integers(60, 300)), 1 / rng.gamma(0.8, 1 / 15), rng.beta(0.7, 2.5)
        while day >= 0:
            bought.append((f"p{buyer}", int(day), 100, "CNY"))
            if rng.random() < stops:
                break
            day -= rng.exponential(pace)
    return bought


def test_the_model_is_that_of_days_with_a_purchase():
    bought = buyers()
    twice = [*bought, *((who, ago, money, "USD") for who, ago, money, _ in bought)]
    found = person_value(orders(*twice), MONDAY, ZONE).filter(pl.col("currency") == "CNY").sort("person_id").collect()
    days = {who: sorted({ago for other, ago, _, _ in bought if other == who}) for who, _, _, _ in bought}
    names = sorted(days)
    x = [len(days[who]) - 1 for who in names]
    t_x = [days[who][-1] - days[who][0] for who in names]
    observed = [days[who][-1] for who in names]
    model = fit(x, t_x, observed)
    assert found["person_id"].to_list() == names
    assert found["p_alive"].to_list() == pytest.approx(model.p_alive(x, t_x, observed).tolist())
    expected = model.expected_purchases_given(HORIZON_DAYS, x, t_x, observed)
    assert found["expected_purchases"].to_list() == pytest.approx(expected.tolist())
    assert found["unmodelled"].null_count() == len(names)


def test_too_few_who_bought_again_are_scored_and_not_modelled():
    found = person_value(orders(("ann", 9, 5, "CNY"), ("ann", 2, 5, "CNY"), ("bob", 1, 7, "CNY")), MONDAY, ZONE)
    columns = ("person_id", "recency_days", "orders", "net_minor", "p_alive", "expected_purchases", "unmodelled")
    why = "1 buyers bought again, 100 are needed."
    assert rows_of(found, *columns) == {("ann", 2, 2, 10, None, None, why), ("bob", 1, 1, 7, None, None, why)}


def test_an_order_after_the_last_complete_day_is_not_known_yet():
    found = person_value(orders(("ann", 1, 5, "CNY"), ("ann", -1, 5, "CNY"), ("bob", -1, 5, "CNY")), MONDAY, ZONE)
    assert rows_of(found, "person_id", "orders") == {("ann", 1)}


def test_without_a_complete_day_nobody_is_judged():
    found = person_value(orders(("ann", 1, 5, "CNY")), None, ZONE).collect()
    assert (found.height, found.schema) == (0, PERSON_VALUE.schema)


def test_credit_by_several_models_and_messages_is_one_order():
    noon = at(f"{MONDAY} 12:00")
    shares = [
        *(("linear", "o1", "g", 3), ("linear", "o1", "h", 4), ("linear", "o2", None, 2)),
        *(("last_click", "o1", "g", 7), ("last_click", "o2", None, 2)),
    ]
    rows = [
        {
            "model": model, "shop": "s", "order_id": order, "group_id": group, "net_minor": net, "person_id": "ann",
            "paid_at": noon, "currency": "CNY",
        }
        for model, order, group, net in shares
    ]  # fmt: skip
    for chosen in (rows, [row for row in rows if row["model"] == "linear"]):
        found = credited_orders(pl.LazyFrame(chosen, schema=ORDER_CREDIT.schema))
        assert rows_of(found, "person_id", "currency", "paid_at", "net_minor") == {
            ("ann", "CNY", noon, 7),
            ("ann", "CNY", noon, 2),
        }
