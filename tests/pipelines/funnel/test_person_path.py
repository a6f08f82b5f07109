"""Paths to an order and without one are what an oracle finds, touchpoint by touchpoint."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import Any

import polars as pl
import pytest
from hypothesis import given

from pipelines.funnel.conversion_path import conversion_path, conversion_path_sales
from pipelines.funnel.order_facts import numbered, order_rows
from pipelines.funnel.person_path import bears_on_paths, person_path
from schemas import kinds
from schemas.lake import GROUP
from schemas.paths import STAGES
from tests.examples import examples
from tests.pipelines.funnel.samples import Event, at, event, frame, histories, key
from tests.pipelines.funnel.samples import numbered as placed

WEEK = dt.timedelta(days=7)
LATE = dt.date(2024, 3, 1)
GROUPS = pl.LazyFrame(
    [{"group_id": "qq:g", "purpose": "sales"}, {"group_id": "qq:h", "purpose": "retention"}, {"group_id": "qq:i"}],
    schema={name: GROUP.schema[name] for name in ("group_id", "purpose")},
)


def did(kind: str, days: float, group: str | None = None, **fields: Any) -> Event:
    return event(kind, at(days), "p", group_id=group, **fields)


def clicked(days: float, group: str = "qq:g", **fields: Any) -> Event:
    return did(kinds.LINK_CLICKED, days, group, **fields)


def viewed(days: float) -> Event:
    return did(kinds.PRODUCT_VIEWED, days)


def paid(days: float, order: str = "o", group: str | None = None, kind: str = kinds.ORDER_PAID) -> Event:
    return did(kind, days, group, source="//shop", order_id=order, currency="CNY", amount_minor=100)


def followed(events: list[Event]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The paths of events, and the orders."""
    rows = frame(events)
    orders = numbered(order_rows(rows)).collect()
    return person_path(rows.filter(bears_on_paths()).collect(), orders, WEEK), orders


def n_touchpoints(path: str) -> int:
    return {"none": 0, "longer": 6}.get(path, path.count(">") + 1)


def counted(*events: Event, through: dt.date | None = LATE) -> dict[str, tuple[int, int, int, int]]:
    """By path: orders, lost, open, seconds to the order."""
    paths, _ = followed(placed(events))
    rows = conversion_path(paths.lazy(), GROUPS, through, "Asia/Shanghai", WEEK).collect()
    assert rows["touchpoints"].to_list() == [n_touchpoints(path) for path in rows["path"]]
    return {row["path"]: (row["orders"], row["lost"], row["open"], row["seconds_to_order"]) for row in rows.to_dicts()}


HOUR = 3600


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([paid(1)], {"none": (1, 0, 0, 0)}, id="an order without touchpoints"),
        pytest.param([clicked(1), paid(2)], {"click sales": (1, 0, 0, 24 * HOUR)}, id="one click"),
        pytest.param(
            [clicked(1, "qq:h"), clicked(2), viewed(3), did(kinds.CART_ADDED, 3), paid(3.5)],
            {"click retention > click sales > view > cart": (1, 0, 0, 60 * HOUR)},
            id="touchpoints in their order",
        ),
        pytest.param(
            [clicked(1, "qq:g"), viewed(2), viewed(2.5), clicked(3, "qq:i"), clicked(3.5, "qq:unheard"), paid(4)],
            {"click sales > view > click unknown": (1, 0, 0, 72 * HOUR)},
            id="an equal one right after another once, by its name",
        ),
        pytest.param([clicked(1), paid(8)], {"click sales": (1, 0, 0, 168 * HOUR)}, id="just within look-back"),
        pytest.param(
            [clicked(1), paid(8.01)], {"click sales": (0, 1, 0, 0), "none": (1, 0, 0, 0)}, id="just beyond look-back"
        ),
        pytest.param([paid(1), clicked(2)], {"none": (1, 0, 0, 0), "click sales": (0, 1, 0, 0)}, id="after the order"),
        pytest.param(
            [clicked(1), viewed(6), clicked(8)],
            {"click sales > view": (0, 1, 0, 0), "click sales": (0, 1, 0, 0)},
            id="each week a path",
        ),
        pytest.param(
            [clicked(1), paid(2, "o"), paid(3, "o2")], {"click sales": (2, 0, 0, 72 * HOUR)}, id="two orders share"
        ),
        pytest.param(
            [paid(1, kind=kinds.ORDER_PLACED, group="qq:h"), viewed(2), paid(3)],
            {"view > click retention": (1, 0, 0, 24 * HOUR)},
            id="the group that the shop names is the last click",
        ),
        pytest.param(
            [clicked(1), viewed(2), paid(3, group="qq:h")],
            {"click sales > view": (1, 0, 0, 48 * HOUR)},
            id="where no click is known",
        ),
        pytest.param([clicked(1, role="operator"), paid(2)], {"none": (1, 0, 0, 0)}, id="an operator's click"),
        pytest.param(
            [*(step(n / 10) for n in range(3) for step in (clicked, viewed)), paid(2)],
            {"longer": (1, 0, 0, 48 * HOUR)},
            id="six touchpoints",
        ),
    ],
)  # fmt: skip
def test_paths_that_are_known(events: list[Event], expected: dict[str, tuple[int, int, int, int]]):
    assert counted(*events) == expected


@pytest.mark.parametrize(
    ("through", "lost", "is_open"),
    [(None, 0, 1), (dt.date(2024, 1, 8), 0, 1), (dt.date(2024, 1, 9), 1, 0)],
)
def test_a_path_is_open_until_the_day_on_which_its_look_back_ends_is_complete(
    through: dt.date | None, lost: int, is_open: int
):
    assert counted(clicked(1), through=through) == {"click sales": (0, lost, is_open, 0)}


def oracle(events: list[Event], orders: pl.DataFrame) -> set[tuple[Any, ...]]:
    """Each order looks back at all touchpoints, each touchpoint forward at all orders."""
    rows = sorted(events, key=key)
    points = [
        (e, STAGES.get(e["type"], e["group_id"]))
        for e in rows
        if e["person_id"]
        and e["role"] not in ("operator", "bot")
        and (e["type"] in STAGES or (e["type"] == kinds.LINK_CLICKED and e["group_id"]))
    ]

    def listed(names: list[str | None]) -> tuple[str | None, ...]:
        return tuple(name for name, _ in groupby(names))

    found = set()
    for order in orders.to_dicts():
        of_order = [e for e in rows if (e["source"], e.get("order_id")) == (order["shop"], order["order_id"])]
        payment = next(e for e in of_order if e["type"] == kinds.ORDER_PAID)
        placings = [e for e in of_order if e["type"] == kinds.ORDER_PLACED and e["group_id"]]
        named = payment["group_id"] or next((e["group_id"] for e in placings), None)
        own = [
            (e, name)
            for e, name in points
            if e["person_id"] == order["person_id"] and dt.timedelta() <= order["paid_at"] - e["time"] <= WEEK
        ]
        is_clicked = any(e["type"] == kinds.LINK_CLICKED for e, _ in own)
        names = listed([name for _, name in own] + ([named] if named and not is_clicked else []))
        started = own[0][0]["time"] if own else None
        found.add((order["person_id"], order["shop"], order["order_id"], None, names, started, order["paid_at"]))
    weeks: dict[Any, list[tuple[Event, str | None]]] = {}
    for e, name in points:
        theirs = [order["paid_at"] - e["time"] for order in orders.to_dicts() if order["person_id"] == e["person_id"]]
        if not any(dt.timedelta() <= wait <= WEEK for wait in theirs):
            monday = e["day"] - dt.timedelta(days=e["day"].weekday())
            weeks.setdefault((e["person_id"], monday), []).append((e, name))
    for (person, monday), some in weeks.items():
        names = listed([name for _, name in some])
        found.add((person, None, None, monday, names, some[0][0]["time"], some[-1][0]["time"]))
    return found


OF_PATHS = (
    kinds.LINK_CLICKED, kinds.LINK_CLICKED, kinds.LINK_CLICKED, kinds.PRODUCT_VIEWED, kinds.CART_ADDED,
    kinds.ORDER_PLACED, kinds.ORDER_PAID, kinds.ORDER_PAID, kinds.MESSAGE_SENT,
)  # fmt: skip


@examples(150)
@given(histories(of=OF_PATHS))
def test_they_equal_the_oracle_and_every_order_is_in_one_row_with_its_money(events: list[Event]):
    paths, orders = followed(events)
    columns = ("person_id", "shop", "order_id", "week", "touchpoints", "started_at", "ended_at")
    found = {tuple(tuple(v) if isinstance(v, list) else v for v in row) for row in paths.select(columns).rows()}
    assert found == oracle(events, orders)
    assert paths.height == len(found)
    sums = conversion_path_sales(paths.lazy(), GROUPS, orders.lazy()).collect()
    money = ("paid_minor", "refunded_minor", "net_minor")
    assert [sums[name].sum() for name in money] == [orders[name].sum() for name in money]
    counts = conversion_path(paths.lazy(), GROUPS, LATE, "Asia/Shanghai", WEEK).collect()
    assert counts["orders"].sum() == sums["orders"].sum() == orders.height
