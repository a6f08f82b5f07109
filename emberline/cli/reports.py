"""Results as the terminal shows them."""

from __future__ import annotations

from typing import Final

import polars as pl

from emberline.cli.output import print_line, print_table
from emberline.published import funnel_names, with_amounts
from schemas.attribution import MODELS

_SHOWN: Final = 10

_SEEN: Final = {
    "mentions": "only mentions of the bot are seen",
    "metadata": "only that messages were sent is seen, not what is read or answered",
    "aggregate": "only sums are seen",
}
"""What is known of a group that none of its sources sees all of."""


def print_funnels(frame: pl.DataFrame) -> None:
    """Each funnel as a table, the packaged one first."""
    for name in funnel_names(frame):
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
    for told_by in frame["risk_told_by"].drop_nulls().unique().sort():
        print_line(f"Risk in 28 days: {told_by}. See docs/concepts.md#the-risk-that-a-group-dies.")
        print_line()
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
    amounts = ("paid", "refunded", "net")
    shown = with_amounts(frame.head(_SHOWN), *amounts).select(_named(), "orders", "buyers", "currency", *amounts)
    more = f", the first {_SHOWN} of {frame.height} rows" if frame.height > _SHOWN else ""
    headings = ("Group", "Orders", "Buyers", "Currency", "Paid", "Refunded", "Net")
    print_table(
        f"Sales by group, {model.replace('_', ' ')}{more}", shown, headings, right=(*headings[1:3], *headings[4:])
    )


def _percent(column: str, digits: int = 1) -> pl.Expr:
    percent = (pl.col(column) * 100).round(digits)
    return pl.format("{} %", percent if digits else percent.cast(pl.Int64)).alias(column)
