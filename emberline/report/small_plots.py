"""Small plots of published figures, for the pages of their assets in Dagster."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from emberline.published import STATE_ORDER, cohorts_frame, funnel_frame, funnel_names, with_amounts
from emberline.report.drawing import bars, heat_map
from emberline.report.shares import cohorts, percent
from emberline.report.words import LANGUAGES, Words
from pipelines.printable import printable_name
from pipelines.publish.warehouse import Warehouse
from schemas import warehouse as mart
from schemas.attribution import MODELS

_SHOWN: Final = 12
"""Bars at most, so that a plot stays small."""


def small_plots(warehouse: Warehouse) -> dict[str, str]:
    """Draw the newest published version.

    Four short queries and a few kilobytes of SVG, so each publication can afford it.

    Returns:
        SVG by the name of the table of `mart` whose figures it shows; a table without rows has none.
    """
    drawn = {
        "funnel_step": _funnel(warehouse),
        "retention": _retention(warehouse),
        "group_state": _states(warehouse),
        "segment_sales": _sales(warehouse),
    }
    return {table: svg for table, svg in drawn.items() if svg is not None}


def _funnel(warehouse: Warehouse) -> str | None:
    frame = funnel_frame(warehouse)
    if frame.is_empty():
        return None
    name = funnel_names(frame)[0]
    steps = frame.filter(funnel=name).head(_SHOWN)
    rows = [
        (printable_name(step), reached, f"{reached:,} ({percent(rate)})" if rate is not None else f"{reached:,}")
        for step, reached, rate in steps.select("step", "reached", "rate_overall").iter_rows()
    ]
    return bars(rows, f"Funnel {printable_name(name)}: entries by step")


def _retention(warehouse: Warehouse) -> str | None:
    found = cohorts(cohorts_frame(warehouse))
    if not found["cohorts"]:
        return None
    rows = [(str(cohort["first"]), cohort["shares"]) for cohort in found["cohorts"]]
    return heat_map(rows, "Share of a weekly cohort that is active, by weeks since")


def _states(warehouse: Warehouse) -> str | None:
    state = mart.group_state.c
    counted = sa.select(state.state, sa.func.count().label("groups")).where(state.is_current).group_by(state.state)
    groups = dict(warehouse.read(counted).iter_rows())
    if not groups:
        return None
    words = Words(LANGUAGES[0])
    rows = [(words.name_of("state", name), groups[name], f"{groups[name]:,}") for name in STATE_ORDER if name in groups]
    return bars(rows, "Groups by state")


def _sales(warehouse: Warehouse) -> str | None:
    sales, currency = mart.segment_sales, mart.dim_currency
    order = sa.case({name: number for number, name in enumerate(MODELS)}, value=sales.c.model)
    frame = warehouse.read(
        sa.select(sales.c.model, sales.c.currency, sales.c.segment, sales.c.net_minor, currency.c.minor_digits)
        .join(currency, currency.c.currency == sales.c.currency)
        .where(sales.c.breakdown == "purpose")
        .order_by(order, sales.c.orders.desc(), sales.c.segment)
    )
    if frame.is_empty():
        return None
    model, code = frame.row(0)[:2]
    shown = (
        with_amounts(frame.filter(model=model, currency=code), "net").sort("net_minor", descending=True).head(_SHOWN)
    )
    rows = [
        (printable_name(segment), int(net), text)
        for segment, net, text in shown.select("segment", "net_minor", "net").rows()
    ]
    return bars(rows, f"Net sales by purpose of the group, {code}, {model.replace('_', ' ')}")
