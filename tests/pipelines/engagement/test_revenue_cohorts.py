"""Cohorts of buyers: their orders are summed by a plain loop over months."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.revenue_cohorts import revenue_cohorts
from schemas.lake import CUSTOMER_ORDER, REVENUE_COHORT
from tests.examples import examples

DAYS = [dt.date(2024, 11, 30), dt.date(2025, 1, 1), dt.date(2025, 1, 31), dt.date(2025, 2, 1), dt.date(2025, 4, 2)]
Order = tuple[str | None, dt.date, str, int, int]
"""Person, day, currency, paid and refunded."""
ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["p", "q", None]), st.sampled_from(DAYS), st.sampled_from(["CNY", "USD"]),
        st.integers(0, 9), st.integers(0, 9),
    ),
    max_size=12,
)  # fmt: skip


def stored(orders: list[Order]) -> pl.LazyFrame:
    rows = [
        {
            "shop": "s", "order_id": str(number), "person_id": person, "day": day, "currency": currency,
            "paid_minor": paid, "refunded_minor": refunded, "net_minor": max(0, paid - refunded),
        }
        for number, (person, day, currency, paid, refunded) in enumerate(orders)
    ]  # fmt: skip
    filled = [{name: row.get(name) for name in CUSTOMER_ORDER.columns} for row in rows]
    return pl.LazyFrame(filled, schema=CUSTOMER_ORDER.schema)


def month(day: dt.date) -> dt.date:
    return day.replace(day=1)


def after(start: dt.date) -> dt.date:
    return month(start + dt.timedelta(days=31))


def expected(orders: list[Order], through: dt.date) -> list[dict[str, Any]]:
    known = [order for order in orders if order[0] is not None]
    cohort_of = {who: month(min(day for person, day, *_ in known if person == who)) for who, *_ in known}
    rows = []
    for cohort in set(cohort_of.values()):
        members = {who for who, first in cohort_of.items() if first == cohort}
        for currency in {one for person, _, one, *_ in known if person in members}:
            start, period = cohort, 0
            while after(start) <= through + dt.timedelta(days=1):
                theirs = [
                    order for order in known
                    if order[0] in members and order[2] == currency and month(order[1]) == start
                ]  # fmt: skip
                money = (
                    sum(order[3] for order in theirs), sum(order[4] for order in theirs),
                    sum(max(0, order[3] - order[4]) for order in theirs),
                )  # fmt: skip
                values = (
                    cohort, period, currency, len(members), len({order[0] for order in theirs}), len(theirs),
                    *map(Decimal, money),
                )  # fmt: skip
                rows.append(dict(zip(REVENUE_COHORT.columns, values, strict=True)))
                start, period = after(start), period + 1
    return rows


@given(ORDERS, st.sampled_from([*DAYS, dt.date(2025, 6, 15)]))
@examples(100)
def test_cohorts_have_what_a_loop_over_months_sums(orders: list[Order], through: dt.date):
    found = revenue_cohorts(stored(orders), through).sort(REVENUE_COHORT.key).collect()
    wanted = pl.DataFrame(expected(orders, through), schema=REVENUE_COHORT.schema).sort(REVENUE_COHORT.key)
    assert found.equals(wanted, null_equal=True)


def test_while_no_day_is_complete_there_is_no_cohort():
    assert revenue_cohorts(stored([("p", DAYS[0], "CNY", 5, 0)]), None).collect().is_empty()
