"""Find the persons whose entries can change with the events from some day on, without reading earlier events.

See docs/definitions.md#funnel.

Assume that a person's rows before some time, the cut, are unchanged and that no chain in the entries goes beyond it.
These chains are then still valid, because only rows between its own rows end a chain. The best one stays the best
unless another is longer, or is as long and starts later. Let the best have n rows:

- Row n + 1 of a longer chain is after the cut, or the chain up to it would have been better before. So a row after the
  cut satisfies step n + 1, and the first step was satisfied within the window before it.
- The last row of an equally long chain is also after the cut, and satisfies step n. The chain starts later than the
  best one: from an earlier row (`restarted_at`), or from one after the cut.

An entry of `count: entries` does not change once it is complete or no row after the cut is within its windows. In mode
`any_order` a row counts for every step but the first.

Each rule errs on the safe side: a surplus person costs a computation, never a wrong entry.
"""

from __future__ import annotations

import datetime as dt
from functools import reduce
from itertools import combinations
from operator import or_
from typing import Final

import polars as pl

from pipelines.engagement.activity import is_activity
from pipelines.funnel.membership import is_joining
from pipelines.funnel.predicates import predicates
from pipelines.funnel.steps import MARKS, TIMELINE, is_own
from schemas import kinds
from schemas.funnel import FunnelDefinition

_FIRST_OFFSET: Final = dt.timedelta(hours=14)
"""Highest offset of a business zone ahead of UTC: how long before UTC a day can start."""

_THREAD: Final = ("person_id", "group_id")


def own_rows(events: pl.LazyFrame, cuts: pl.LazyFrame, first_days: pl.LazyFrame | None) -> pl.LazyFrame:
    """Return rows of the timeline from each person's cut on, marked with all derived events that each may be.

    Args:
        events: `schemas.lake.EVENTS` with `earliest_at` and `person_id`; surplus events do no harm.
        cuts: `person_id, since`: the day of the cut. Rows of other persons are left out.
        first_days: `person_id, group_id, first_day` of first activities; None: any activity could be the first.

    Returns:
        Rows of `pipelines.funnel.steps.TIMELINE` in which a mark is true if it may be true.
    """
    rows = events.filter(is_own()).join(cuts, on="person_id").filter(pl.col("day") >= pl.col("since"))
    is_first = pl.lit(value=True)
    if first_days is not None:
        earliest = pl.lit(cuts.select(pl.col("since").min()).collect().item(), pl.Date)
        newest = first_days.filter(pl.col("first_day") >= earliest).select(*_THREAD, "first_day")
        rows = rows.join(newest, on=_THREAD, how="left")
        is_first = pl.col("first_day") >= pl.col("since")
    active = is_activity() & pl.col("group_id").is_not_null()
    joining = is_joining() & pl.col("group_id").is_not_null()
    # Activity within the bounds of a derived join counts as the join.
    may_stand_for_join = (joining & pl.col("earliest_at").is_not_null()).any().over(_THREAD)
    may_be = {
        "joined": joining | (active & (is_first | may_stand_for_join)),
        "activated": active,
        "retained": active,
        "exposed": pl.lit(value=False),
        "repurchased": (pl.col("type") == kinds.ORDER_PAID) & pl.col("order_id").is_not_null(),
    }
    marked = rows.with_columns(may_be[name].fill_null(value=False).alias(name) for name in MARKS)
    return marked.select(TIMELINE.names())


def exposed_rows(messages: pl.LazyFrame) -> pl.LazyFrame:
    """Return product messages as exposure rows of the timeline, without persons."""
    shown = {name: pl.lit(None, TIMELINE[name]) for name in ("person_id", "type", "role")}
    return messages.with_columns(**shown, **{name: pl.lit(name == "exposed") for name in MARKS}).select(
        TIMELINE.names()
    )


def possible_steps(rows: pl.DataFrame, definition: FunnelDefinition) -> pl.DataFrame:
    """Return which steps rows could satisfy with any of their possible marks.

    Returns:
        `person_id` of the rows, and a Boolean column per step, named by its number from 1.
    """
    steps, _ = predicates(definition)
    named = zip(step_columns(definition), steps, strict=True)
    return rows.select("person_id").with_columns(_possible(rows, step).alias(name) for name, step in named)


def step_columns(definition: FunnelDefinition) -> list[str]:
    """Return the names of the columns of `possible_steps`, in the order of the steps."""
    return [str(number) for number in range(1, len(definition.steps) + 1)]


def _possible(rows: pl.DataFrame, step: pl.Expr) -> pl.Series:
    names = step.meta.root_names()
    if "person_id" in names:
        # An exposure can be anybody's.
        return pl.Series([True]).new_from_index(0, rows.height)
    marks = [mark for mark in MARKS if mark in names]
    some = (chosen for n_marks in range(len(marks) + 1) for chosen in combinations(marks, n_marks))
    readings = (rows.with_columns(pl.lit(value=False).alias(mark) for mark in absent) for absent in some)
    return reduce(or_, (reading.select(step.fill_null(value=False)).to_series() for reading in readings))


def affected(entries: pl.DataFrame, changes: pl.DataFrame, definition: FunnelDefinition) -> pl.Series:
    """Find the persons whose entries may differ.

    Args:
        entries: The previous `schemas.lake.FUNNEL_ENTRY` of this funnel.
        changes: A row per person: `person_id`; `since`, the day of the cut, null if everything may differ; and the
            columns of `possible_steps`, true if any row from the cut on could satisfy the step.
        definition: The funnel.

    Returns:
        Their ids, each once.
    """
    steps, reached = step_columns(definition), pl.col("steps_reached")
    longer = [pl.col(step) & (reached == number) for number, step in enumerate(steps)]
    as_long = [pl.col(step) & (reached == number) for number, step in enumerate(steps, start=1)]
    if definition.mode == "any_order" or definition.count == "entries":
        longer = [pl.col(step) & (reached < len(steps)) for step in steps[1:]]
        as_long = [pl.col(step) for step in steps[1:]]
    return _persons_where(
        changes.join(entries, on="person_id", how="left"),
        pl.col("since").is_null(),
        pl.col(steps[0]),
        _is_beyond_cut(),
        _is_open(definition) & pl.any_horizontal(longer),
        _starts_anew(definition) & pl.any_horizontal(as_long),
    )


def within_reach(
    entries: pl.DataFrame, possible: pl.DataFrame, since: dt.date, definition: FunnelDefinition
) -> pl.Series | None:
    """Find the persons whose entries could change with their exposures.

    If a funnel only requires steps in order, a new exposure lengthens a chain itself or lets one start later; in other
    modes it can also let older rows do so. An exclusion may be by removed exposures, which are not in `possible`.

    Args:
        entries: As for `affected`.
        possible: The `possible_steps` of product messages from the cut on.
        since: The day of the cut.
        definition: The funnel.

    Returns:
        Their ids; None: all persons, because an exposure can be the first step.
    """
    steps = [number for number, step in enumerate(step_columns(definition), start=1) if possible[step].any()]
    if 1 in steps:
        return None
    is_plain = definition.mode == "sequential" and definition.count == "persons"
    is_plain = is_plain and not definition.exclude and not definition.hold
    may_go_on = bool(steps) or bool(definition.exclude)
    is_next = (pl.col("steps_reached") + 1).is_in(steps) if is_plain else pl.lit(may_go_on)
    return _persons_where(
        entries.with_columns(since=pl.lit(since, pl.Date)),
        _is_beyond_cut(),
        _is_open(definition) & is_next,
        _starts_anew(definition) & may_go_on,
    )


def _persons_where(rows: pl.DataFrame, *reasons: pl.Expr) -> pl.Series:
    is_any = pl.any_horizontal(reason.fill_null(value=False) for reason in reasons)
    return rows.filter(is_any)["person_id"].unique()


def _cut() -> pl.Expr:
    return pl.col("since").cast(pl.Datetime("us", "UTC")) - _FIRST_OFFSET


def _opens(definition: FunnelDefinition) -> pl.Expr:
    """Return the earliest time of a first step whose chain a row at the cut can continue."""
    return _cut() - definition.window


def _is_beyond_cut() -> pl.Expr:
    last = pl.col("matches").list.last().struct.field("time")
    return pl.max_horizontal(last, "restarted_at") >= _cut()


def _starts_anew(definition: FunnelDefinition) -> pl.Expr:
    """Return whether a row at the cut can belong to a chain that starts later than the best one."""
    return pl.col("restarted_at") >= _opens(definition)


def _is_open(definition: FunnelDefinition) -> pl.Expr:
    """Return whether a row at the cut can belong to a chain that starts with an earlier first step."""
    if definition.count == "entries":
        # Attempts start within the window of the entry's first row, and each has its own window.
        return pl.col("entered_at") + definition.window >= _opens(definition)
    return pl.max_horizontal("entered_at", "restarted_at") >= _opens(definition)
