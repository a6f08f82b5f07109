"""What groups sold after a case stands beside what untreated ones sold, and a shop that is silent is not one that sells
nothing."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from math import isfinite, nan, sqrt
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.interventions.cases import matched_cases
from pipelines.groups.interventions.sales import measured_sales, sales_after
from pipelines.groups.interventions.spread import student
from schemas.lake import CUSTOMER_ORDER, FEED_DAY, GROUP_SALES_DAY, INTERVENTION_SALES
from tests.examples import examples
from tests.pipelines.groups.interventions.market import CURRENCIES, MODEL, Market
from tests.pipelines.groups.interventions.oracle import matched
from tests.pipelines.groups.interventions.world import DAYS, World, on, table_of

SEEDS = st.integers(0, 10_000)


def of_market(world: World, market: Market, through: int) -> pl.DataFrame:
    days = measured_sales(market.orders(), market.feed_day())
    return sales_after(matched_cases(world.past(through)), market.sold(), days)


@examples(12)
@given(SEEDS, st.integers(DAYS - 20, DAYS - 1))
def test_the_sales_after_cases_are_those_that_a_search_finds(seed: int, through: int):
    world = World.of(seed)
    market = Market.of(seed, world)
    found = {
        (row["action"], row["purpose"], row["currency"]): [
            nan if row[name] is None else float(row[name]) for name in FIGURES
        ]
        for row in of_market(world, market, through).iter_rows(named=True)
    }
    expected = searched(world, market, through)
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        assert found[key] == pytest.approx(figures, abs=1, rel=1e-6, nan_ok=True), key


FIGURES = (
    "cases", "selling_cases", "untreated", "net_minor", "untreated_minor", "difference_low_minor",
    "difference_high_minor",
)  # fmt: skip


Pair = tuple[tuple[str, int], float, tuple[str, int], float, float]
"""A case, what it sold in 28 days, the other one, what that sold, the weight."""


def searched(world: World, market: Market, through: int) -> dict[tuple[str, str, str], list[float]]:
    """The figures by action, purpose and currency, from the rows of the oracle of cases."""
    rows = matched(world, through)
    found = {}
    for action in {row[0] for row in rows}:
        of_action = [row for row in rows if row[0] == action]
        for purpose in ("", *{row[1] for row in of_action if row[1]}):
            chosen = [row for row in of_action if purpose in ("", row[1])]
            for currency in CURRENCIES:
                pairs = paired(chosen, market, currency)
                many = len({pair[0] for pair in pairs}) >= 10
                if pairs and (not purpose or many) and any(one[1] or one[3] for one in pairs):
                    found[str(action), str(purpose), currency] = figures(pairs)
    return found


def paired(rows: list[tuple[Any, ...]], market: Market, currency: str) -> list[Pair]:
    def sold(group: str, since: int, until: int) -> tuple[float, int]:
        days = [day for day in range(since, until + 1) if day in market.measured]
        return 28 * sum(market.net.get((group, day, currency), 0) for day in days) / max(len(days), 1), len(days)

    of_case: dict[Any, list[Pair]] = defaultdict(list)
    for _, _, group, day, _, other, other_day, since, until, _, _, weight in rows:
        (net, known), (other_net, other_known) = sold(group, day + 1, day + 28), sold(other, since, until)
        if known >= 21 and other_known:
            of_case[group, day].append(((group, day), net, (other, other_day), other_net, weight * other_known))
    return [
        (*pair[:4], pair[4] / sum(one[4] for one in pairs) / len(of_case))
        for pairs in of_case.values()
        for pair in pairs
    ]


def figures(pairs: list[Pair]) -> list[float]:
    weights = np.array([pair[4] for pair in pairs])
    sides = [np.array([pair[place] for pair in pairs]) for place in (1, 3)]
    means = [float(weights @ side) for side in sides]
    varies = [float(weights @ (side - mean) ** 2) for side, mean in zip(sides, means, strict=True)]
    number, groups = ([kish(pairs, side, parts) for side in (0, 2)] for parts in (2, 1))
    alike = (number[0] * varies[0] + number[1] * varies[1]) / max(sum(number) - 2, 1) * (1 / number[0] + 1 / number[1])
    gaps = sides[0] - sides[1]
    spread = jackknife([(pair[0][0], pair[2][0]) for pair in pairs], weights, gaps)
    width = pl.select(student(pl.lit(min(groups) - 1))).item()
    half = width * sqrt(max(spread, alike)) if isfinite(spread) else width * sqrt(alike)
    difference = means[0] - means[1]
    limits = [difference - half, difference + half] if half > 1e-6 else [nan, nan]
    selling = len({pair[0] for pair in pairs if pair[1] > 0})
    return [len({pair[0] for pair in pairs}), selling, len({pair[2] for pair in pairs}), *means, *limits]


def kish(pairs: list[Pair], side: int, parts: int) -> float:
    """How many of equal weight the groups are worth, or with two parts of a place their days."""
    weights: dict[Any, float] = defaultdict(float)
    for pair in pairs:
        weights[(pair[0] if side == 0 else pair[2])[:parts]] += pair[4]
    return 1 / sum(weight**2 for weight in weights.values())


def jackknife(groups: list[tuple[str, str]], weights: np.ndarray, gaps: np.ndarray) -> float:
    """The variance of the mean by leaving out each group, less what couples of groups were counted twice."""

    def squared(is_left_out: list[bool]) -> float:
        rest = ~np.array(is_left_out)
        if not weights[rest].sum() > 1e-12:
            return float("nan")
        return float((weights[rest] @ gaps[rest] / weights[rest].sum() - weights @ gaps) ** 2)

    names, couples = {name for pair in groups for name in pair}, {frozenset(pair) for pair in groups}
    of_groups = sum(squared([name in pair for pair in groups]) for name in names)
    return max(0.0, of_groups - sum(squared([couple == frozenset(pair) for pair in groups]) for couple in couples))


@pytest.mark.parametrize(
    ("told", "first_orders", "measured"),
    [
        ({"shop": [0, 1, 2, 5, 6]}, {"shop": 1}, [1, 2, 5, 6]),
        ({"shop": [0, 1], "chat": [0, 1, 2]}, {"shop": 0}, [0, 1]),
        ({"old": [0, 1], "new": range(1, 40)}, {"old": 0, "new": 1}, [0, 1, *range(30, 40)]),
        ({"old": [0, 1, 35], "new": range(1, 40)}, {"old": 0, "new": 1}, [0, 1, 35]),
        ({"chat": [0, 1, 2]}, {}, []),
    ],
    ids=["a pause", "a chat is no shop", "a shop that closed", "a shop that came back", "no shop"],
)
def test_a_day_is_measured_on_which_each_shop_told_something(
    told: dict[str, Any], first_orders: dict[str, int], measured: list[int]
):
    feeds = table_of(FEED_DAY, [{"source": name, "day": on(day)} for name, days in told.items() for day in days])
    orders = table_of(CUSTOMER_ORDER, [{"shop": name, "day": on(day)} for name, day in first_orders.items()])
    found = measured_sales(orders, feeds).sort("day").collect()["day"]
    assert found.to_list() == [on(day) for day in measured]


def test_a_pause_of_the_shop_is_not_a_group_that_sells_nothing():
    """Two groups sell the same on each day; of one the shop told nothing on 7 of the 28 days."""
    case = one_case("a", 0, "x", 7)
    net = {(group, day, "CNY"): 100 for group in "ax" for day in range(40)}
    found = sales_after(case, Market(net, frozenset()).sold(), measured(range(40), without=range(1, 8)))
    assert found.select("net_minor", "untreated_minor", "difference_minor").cast(pl.Int64).rows() == [(2800, 2800, 0)]
    assert sales_after(case, Market(net, frozenset()).sold(), measured(range(40), without=range(1, 9))).is_empty()


def test_where_all_sold_the_same_nothing_is_known_of_the_interval():
    found = sales_after(one_case("a", 0, "x", 0), Market({("a", 1, "CNY"): 5}, frozenset()).sold(), measured(range(40)))
    assert found.select("difference_minor", "difference_low_minor", "is_effect").rows() == [(5, None, False)]


def test_no_case_is_no_row():
    none = sales_after(one_case("a", 0, "x", 0).clear(), Market({}, frozenset()).sold(), measured(range(9)))
    assert none.schema == INTERVENTION_SALES.schema


@pytest.mark.parametrize(("raised", "least", "most"), [(0, 0, 20), (30_000, 200, 400)])
def test_an_effect_is_seldom_found_where_there_is_none(raised: int, least: int, most: int):
    """Most groups sell nothing, few sell much, each is in several pairs: 400 companies, told by action."""
    rng = np.random.default_rng(0)
    rows, sold = [], []
    for company in range(400):
        sells = rng.beta(0.5, 2, 40)
        for turn in range(30):
            chosen = rng.choice(40, 4, replace=False)
            net = np.where(rng.random(4) < sells[chosen], rng.lognormal(9, 1, 4), 0).astype(int)
            net[0] += raised
            names, day = [f"{company}:{number}" for number in chosen], on(29 * turn)
            rows += [(str(company), names[0], day, other, day) for other in names[1:]]
            sold += [
                {
                    "model": MODEL,
                    "group_id": name,
                    "day": day + dt.timedelta(days=2),
                    "currency": "CNY",
                    "net_minor": minor,
                }
                for name, minor in zip(names, net.tolist(), strict=True)
            ]
    found = sales_after(paired_off(rows), table_of(GROUP_SALES_DAY, sold), measured(range(29 * 31)))
    assert found.height == 400
    assert least <= found["is_effect"].sum() <= most


def one_case(group: str, day: int, other: str, other_day: int) -> pl.DataFrame:
    return paired_off([("call", group, on(day), other, on(other_day))])


def paired_off(rows: list[tuple[str, str, dt.date, str, dt.date]]) -> pl.DataFrame:
    """Cases, each compared with untreated groups that nobody treats."""
    frame = pl.DataFrame(rows, ["action", "group_id", "day", "other_group_id", "other_day"], orient="row")
    return frame.with_columns(
        purpose=pl.lit(None, pl.String),
        since=pl.col("other_day") + pl.duration(days=1),
        until=pl.col("other_day") + pl.duration(days=28),
        is_last=True,
        weight=1 / pl.len().over("action", "group_id", "day"),
    )


def measured(days: range, without: range = range(0)) -> pl.LazyFrame:
    return pl.LazyFrame({"day": [on(day) for day in days if day not in without]}, schema={"day": pl.Date})
