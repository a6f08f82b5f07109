"""Results as the terminal shows them, read from the warehouse's `mart`."""

from __future__ import annotations

from typing import Final

import polars as pl
import sqlalchemy as sa

from emberline.cli.output import print_table, stdout
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


def groups_frame(warehouse: Warehouse) -> pl.DataFrame:
    """Every group with its current state."""
    group, state = mart.dim_group, mart.group_state
    return warehouse.read(
        sa.select(
            group.c.group_id,
            group.c.name,
            group.c.purpose,
            state.c.state,
            state.c.since,
            state.c.silent_days,
            state.c.reason,
        )
        .join_from(group, state, state.c.group_id == group.c.group_id)
        .where(state.c.is_current)
        .order_by(state.c.state, state.c.since.desc(), group.c.group_id)
    )


def sales_frame(warehouse: Warehouse) -> pl.DataFrame:
    """What each group sold, by attribution model and currency, most first."""
    sales, group = mart.group_sales, mart.dim_group
    columns = [column for column in sales.c if column.name not in {"group_id"}]
    return warehouse.read(
        sa.select(sales.c.group_id, group.c.name, *columns)
        .join_from(sales, group, group.c.group_id == sales.c.group_id, isouter=True)
        .order_by(sales.c.model, sales.c.currency, sales.c.net_minor.desc(), sales.c.group_id)
    )


def is_synthetic(warehouse: Warehouse) -> bool:
    """True when the published version holds simulated events."""
    newest = sa.select(mart.publication.c.is_synthetic).order_by(mart.publication.c.version.desc()).limit(1)
    return warehouse.read(newest)["is_synthetic"].any()


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
    counts = frame.group_by("state").agg(pl.len().alias("groups"))
    order = {state: number for number, state in enumerate(_STATE_ORDER)}
    counts = counts.sort(pl.col("state").replace_strict(order, default=len(order)))
    print_table("Groups by state", counts, ("State", "Groups"), right=("Groups",))
    for state in counts["state"]:
        of_state = frame.filter(pl.col("state") == state)
        shown = of_state.head(_SHOWN).select(
            pl.coalesce("name", "group_id"), "purpose", pl.col("since").dt.to_string("%Y-%m-%d"), "reason"
        )
        more = f", the {_SHOWN} newest of {of_state.height}" if of_state.height > _SHOWN else ""
        print_table(f"{state.capitalize()}{more}", shown, ("Group", "Purpose", "Since", "Why"))


def print_sales(frame: pl.DataFrame) -> None:
    """Sales by group under the first model there is, in major units of each currency."""
    if frame.is_empty():
        stdout.print("No sales yet.\n")
        return
    model = next(name for name in MODELS if name in frame["model"])
    frame = frame.filter(model=model)
    shown = frame.head(_SHOWN).select(
        pl.coalesce("name", "group_id"),
        "orders",
        "buyers",
        "currency",
        *(_money(n) for n in ("paid", "refunded", "net")),
    )
    more = f", the first {_SHOWN} of {frame.height} rows" if frame.height > _SHOWN else ""
    headings = ("Group", "Orders", "Buyers", "Currency", "Paid", "Refunded", "Net")
    print_table(
        f"Sales by group, {model.replace('_', ' ')}{more}", shown, headings, right=(*headings[1:3], *headings[4:])
    )


def _percent(column: str) -> pl.Expr:
    return pl.format("{} %", (pl.col(column) * 100).round(1)).alias(column)


def _money(name: str) -> pl.Expr:
    minor = pl.col(f"{name}_minor").cast(pl.Int128)
    return pl.format("{}.{}", minor // 100, (minor % 100).cast(pl.String).str.zfill(2)).alias(name)
