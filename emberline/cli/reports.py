"""Print results on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from emberline.cli.output import print_line, print_table
from emberline.published import STATE_ORDER, funnel_names, with_amounts
from pipelines.groups.followed import sentences
from pipelines.groups.life import LIVING
from pipelines.printable import printable_name
from schemas.attribution import MODELS

_SHOWN: Final = 10
_LIVING_SHOWN: Final = 20

_SEEN: Final = {
    "mentions": "only mentions of the bot are visible",
    "metadata": "only that messages were sent is visible, not reads or answers",
    "aggregate": "only sums are visible",
}
"""Descriptions of partial coverage."""

_MOVES: Final = {
    "joins_only": "Sources report joins but hardly any leaves: 0 leaves may mean unknown.",
    "none": "Sources report no joins or leaves: 0 may mean unknown.",
}
"""Membership changes that the sources of a group do not report."""


def print_funnels(frame: pl.DataFrame) -> None:
    """Print each funnel as a table, the packaged one first."""
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
    """Print the number of groups by state; living groups by risk; the others by state."""
    unmeasured = pl.col("unmeasured_since").is_not_null().sum()
    found = frame.group_by("state").agg(pl.len().alias("groups"), unmeasured=unmeasured)
    counts = pl.DataFrame({"state": STATE_ORDER}).join(found, on="state", maintain_order="left")
    headings = ("State", "Groups", "Not measured now")
    print_table("Groups by state", counts, headings, right=headings[1:])
    is_living = pl.col("state").is_in(LIVING)
    _print_living(frame.filter(is_living))
    for (state,), of_state in frame.filter(~is_living).group_by("state", maintain_order=True):
        more = f", the {_SHOWN} newest of {of_state.height}" if of_state.height > _SHOWN else ""
        shown = of_state.head(_SHOWN).select(_named(), "purpose", _since(), _why())
        headings = ("Group", "Purpose", "Since", "Why")
        print_table(f"{str(state).capitalize()}{more}", shown, headings, sentences=("Why",))
    for score in frame["risk_rests_on"].drop_nulls().unique().sort():
        print_line(f"Risk in 28 days: {score}. See docs/concepts.md#the-risk-that-a-group-dies.")
        print_line()
    if counts["unmeasured"].sum():
        print_line(
            "Not measured: none of the group's sources sent anything, not even a heartbeat, so it is unknown whether "
            "the group is silent. See docs/how-to/run-on-your-data.md."
        )
        print_line()


def _print_living(living: pl.DataFrame) -> None:
    if living.is_empty():
        return
    has_risks = living["risk_28"].is_not_null().any()
    order = "by risk" if has_risks else "by state"
    more = f", the first {_LIVING_SHOWN} of {living.height}" if living.height > _LIVING_SHOWN else ""
    risk = ("Risk in 28 days",) if has_risks else ()
    shown = living.head(_LIVING_SHOWN).select(
        _named(), *([_percent("risk_28", digits=0)] if has_risks else []), "state", "purpose", _since(), _why()
    )
    headings = ("Group", *risk, "State", "Purpose", "Since", "Why")
    print_table(f"Living groups {order}{more}", shown, headings, right=risk, sentences=("Why",))


def print_group(group: Mapping[str, Any], contacts: pl.DataFrame | None) -> None:
    """One group: its state and risk with reasons, and whom to talk to; None: the group is not ill."""
    one = pl.DataFrame([group], schema_overrides={"coverage": pl.String, "unmeasured_since": pl.Date})
    why = one.select(_why()).item()
    print_line(f"{printable_name((group['name'] or '').strip() or group['group_id'])} ({group['group_id']})")
    print_line(f"{group['state']} since {group['since']}: {why}")
    if group["risk_28"] is not None:
        score = f", {group['risk_rests_on']}" if group["risk_rests_on"] else ""
        drivers = f": {group['drivers']}" if group["drivers"] else ""
        print_line(f"Risk in 28 days: {group['risk_28']:.0%}{score}{drivers}")
        if group["difference"]:
            print_line(f"State and risk differ: {group['difference']}.")
    if moves := _MOVES.get(group["membership"]):
        print_line(moves)
    print_line()
    if contacts is None:
        return
    if contacts.is_empty():
        print_line("Whom to talk to: nobody wrote, answered or bought before the fall.")
        print_line()
        return
    print_table("Whom to talk to", contacts.select("person_id", "why"), ("Member", "Why"), sentences=("Member", "Why"))


def print_interventions(frame: pl.DataFrame, followed: Sequence[Mapping[str, Any]]) -> None:
    """Print what was done for one group, the newest first, and what followed in groups like it, `followed`."""
    for said in sentences(followed):
        print_line(f"{said}.")
    if followed:
        print_line()
    if frame.is_empty():
        print_line("What was done: nothing recorded or detected.")
        print_line()
        return
    shown = frame.select(
        pl.col("day").dt.to_string("%Y-%m-%d"), pl.col("action").str.replace_all("_", " "), "origin", "note"
    )
    print_table("What was done", shown, ("Day", "What", "How known", "Note"), sentences=("Note",))


def _since() -> pl.Expr:
    return pl.col("since").dt.to_string("%Y-%m-%d")


def _named() -> pl.Expr:
    """Return the name of a group, or its id if the name is blank."""
    is_blank = pl.col("name").str.strip_chars() == ""
    return pl.coalesce(pl.when(~is_blank).then("name"), "group_id").alias("named")


def _why() -> pl.Expr:
    """Return the reason of a state, since when the group is not measured, and why it raises no alerts."""
    since = pl.format("; not measured since {}", "unmeasured_since")
    seen = pl.col("coverage").replace_strict(_SEEN, default=None, return_dtype=pl.String)
    no_alert = pl.format("; no alert is raised on it: {}", seen)
    return pl.concat_str("reason", since, no_alert, ignore_nulls=True).alias("why")


def print_sales(frame: pl.DataFrame) -> None:
    """Print sales by group under the first model, in units of each currency."""
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
