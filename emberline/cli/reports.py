"""Results as the terminal shows them, read from the warehouse's `mart`."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import sqlalchemy as sa

from emberline.cli.output import print_line, print_table
from pipelines.publish.warehouse import Warehouse
from schemas import warehouse as mart
from schemas.attribution import MODELS
from schemas.funnel import standard

_SHOWN: Final = 10
_STATE_ORDER: Final = ("dying", "declining", "dead", "revived", "alive", "unborn", "ended")


def funnel_frame(warehouse: Warehouse) -> pl.DataFrame:
    """The summary of every funnel, a row a step."""
    table = mart.funnel_step
    return warehouse.read(sa.select(table).order_by(table.c.funnel, table.c.step_number))


_SEEN: Final = {
    "mentions": "only mentions of the bot are seen",
    "metadata": "only that messages were sent is seen, not what is read or answered",
    "aggregate": "only sums are seen",
}
"""What is known of a group that none of its sources sees all of."""


def groups_frame(warehouse: Warehouse) -> pl.DataFrame:
    """Every group with its current state and its risk on the newest complete day, first those that need somebody."""
    group, state, risk = mart.dim_group, mart.group_state, mart.group_risk
    newest = _newest(mart.publication.c.complete_through).scalar_subquery()
    is_current_risk = sa.and_(risk.c.group_id == group.c.group_id, risk.c.day == newest)
    place = sa.case({name: number for number, name in enumerate(_STATE_ORDER)}, value=state.c.state)
    return warehouse.read(
        sa.select(
            group.c.group_id,
            group.c.name,
            group.c.purpose,
            state.c.state,
            state.c.since,
            state.c.silent_days,
            state.c.unmeasured_since,
            state.c.coverage,
            risk.c.risk_28,
            risk.c.risk_56,
            risk.c.drivers,
            state.c.reason,
        )
        .join_from(group, state, state.c.group_id == group.c.group_id)
        .outerjoin(risk, is_current_risk)
        .where(state.c.is_current)
        .order_by(place, risk.c.risk_28.desc().nulls_last(), state.c.since.desc(), group.c.group_id)
    )


def sales_frame(warehouse: Warehouse) -> pl.DataFrame:
    """What each group sold, by attribution model and currency, most first, with the digits of the minor unit."""
    sales, group, currency = mart.group_sales, mart.dim_group, mart.dim_currency
    columns = [column for column in sales.c if column.name not in {"group_id"}]
    return warehouse.read(
        sa.select(sales.c.group_id, group.c.name, *columns, currency.c.minor_digits)
        .join_from(sales, group, group.c.group_id == sales.c.group_id, isouter=True)
        .join(currency, currency.c.currency == sales.c.currency)
        .order_by(sales.c.model, sales.c.currency, sales.c.net_minor.desc(), sales.c.group_id)
    )


def is_synthetic(warehouse: Warehouse) -> bool:
    """True when the published version holds simulated events."""
    return warehouse.read(_newest(mart.publication.c.is_synthetic))["is_synthetic"].any()


def _newest(column: sa.Column[Any]) -> sa.Select[Any]:
    """What the newest publication says."""
    return sa.select(column).order_by(mart.publication.c.version.desc()).limit(1)


def print_funnels(frame: pl.DataFrame) -> None:
    """Each funnel as a table, the packaged one first."""
    packaged = standard().name
    for name in sorted(frame["funnel"].unique(), key=lambda name: (name != packaged, name)):
        _print_funnel(name, frame.filter(funnel=name))


def _print_funnel(name: str, steps: pl.DataFrame) -> None:
    shown = steps.select(
        pl.col("step"),
        pl.col("reached"),
        _percent("rate_step"),
        _percent("rate_overall"),
        (pl.col("median_seconds") / 86_400).round(1).alias("median_days"),
        pl.col("reached_immature"),
    )
    headings = ("Step", "Reached", "Of step before", "Of all", "Median days", "Window still open")
    print_table(f"Funnel: {name}", shown, headings, right=headings[1:])


def print_groups(frame: pl.DataFrame) -> None:
    """Groups by state: a count each, then the groups themselves, first those that need somebody."""
    unmeasured = pl.col("unmeasured_since").is_not_null().sum()
    counts = frame.group_by("state", maintain_order=True).agg(pl.len().alias("groups"), unmeasured=unmeasured)
    headings = ("State", "Groups", "Not measured now")
    print_table("Groups by state", counts, headings, right=headings[1:])
    for (state,), of_state in frame.group_by("state", maintain_order=True):
        by_risk = of_state["risk_28"].is_not_null().any()
        shown = of_state.head(_SHOWN).select(
            _named(),
            "purpose",
            pl.col("since").dt.to_string("%Y-%m-%d"),
            *([_percent("risk_28", digits=0)] if by_risk else []),
            _why(),
        )
        order = "at the highest risk" if by_risk else "newest"
        more = f", the {_SHOWN} {order} of {of_state.height}" if of_state.height > _SHOWN else ""
        risk = ("Risk in 28 days",) if by_risk else ()
        headings = ("Group", "Purpose", "Since", *risk, "Why")
        print_table(f"{str(state).capitalize()}{more}", shown, headings, right=risk, sentences=("Why",))
    if counts["unmeasured"].sum():
        print_line(
            "Not measured: none of the group's sources told anything, not even a heartbeat, so nobody knows whether "
            "it is silent. See docs/how-to/run-on-your-data.md."
        )
        print_line()


def _named() -> pl.Expr:
    """The name of a group, its id where that is blank."""
    is_blank = pl.col("name").str.strip_chars() == ""
    return pl.coalesce(pl.when(~is_blank).then("name"), "group_id").alias("named")


def _why() -> pl.Expr:
    """The reason of a state, since when nothing is known of the group, and why no alert is raised on it."""
    since = pl.format("; not measured since {}", "unmeasured_since")
    seen = pl.col("coverage").replace_strict(_SEEN, default=None, return_dtype=pl.String)
    no_alert = pl.format("; no alert is raised on it: {}", seen)
    return pl.concat_str("reason", since, no_alert, ignore_nulls=True).alias("why")


def print_sales(frame: pl.DataFrame) -> None:
    """Sales by group under the first model there is, in major units of each currency."""
    if frame.is_empty():
        print_line("No sales yet.")
        print_line()
        return
    model = next(name for name in MODELS if name in frame["model"])
    frame = frame.filter(model=model)
    shown = frame.head(_SHOWN).select(
        _named(),
        "orders",
        "buyers",
        "currency",
        *(amount(f"{name}_minor").alias(name) for name in ("paid", "refunded", "net")),
    )
    more = f", the first {_SHOWN} of {frame.height} rows" if frame.height > _SHOWN else ""
    headings = ("Group", "Orders", "Buyers", "Currency", "Paid", "Refunded", "Net")
    print_table(
        f"Sales by group, {model.replace('_', ' ')}{more}", shown, headings, right=(*headings[1:3], *headings[4:])
    )


def _percent(column: str, digits: int = 1) -> pl.Expr:
    percent = (pl.col(column) * 100).round(digits)
    return pl.format("{} %", percent if digits else percent.cast(pl.Int64)).alias(column)


def amount(column: str) -> pl.Expr:
    """Write minor units, at least 0, in units of their currency, which has `minor_digits`; as they are without any."""
    minor, digits = pl.col(column).cast(pl.Int128), pl.col("minor_digits")
    unit = pl.lit(10, pl.Int64).pow(digits).cast(pl.Int128)
    fraction = (minor % unit).cast(pl.String).str.zfill(digits)
    return (
        pl.when(digits > 0)
        .then(pl.format("{}.{}", minor // unit, fraction))
        .when(digits == 0)
        .then(minor.cast(pl.String))
        .otherwise(pl.format("{} minor units", minor))
    )
