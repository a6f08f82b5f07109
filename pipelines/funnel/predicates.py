"""Convert the steps and exclusions of a definition to Polars expressions over the timeline."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import polars as pl
from polars.exceptions import ColumnNotFoundError, PolarsError

from pipelines.funnel.steps import TIMELINE
from schemas.funnel import FunnelDefinition, FunnelDefinitionError

_COLUMNS: Final = f"columns of the timeline: {', '.join(TIMELINE.names())}"


@lru_cache
def predicates(definition: FunnelDefinition) -> tuple[tuple[pl.Expr, ...], tuple[pl.Expr, ...]]:
    """Return a Boolean expression per step, in order, and per exclusion; null if a predicate is undecided.

    Raises:
        FunnelDefinitionError: A `when` is not an SQL predicate, names an unknown column, or is not one truth value per
            event; or `hold` names an unknown column.
    """
    for name in definition.hold:
        if name not in TIMELINE:
            found = f"an unknown column '{name}'"
            raise FunnelDefinitionError(_place(definition, "hold"), definition.hold_line, found, _COLUMNS)
    return (
        tuple(_predicate(_place(definition, f"step '{step.name}'"), step.line, step.when) for step in definition.steps),
        tuple(_predicate(_place(definition, "exclude"), one.line, one.when) for one in definition.exclude),
    )


def columns(definitions: Iterable[FunnelDefinition]) -> set[str]:
    """Return the columns of the timeline that steps, exclusions and held properties of the definitions use."""
    found: set[str] = set()
    for definition in definitions:
        found.update(definition.hold, *(one.meta.root_names() for part in predicates(definition) for one in part))
    return found


def _place(definition: FunnelDefinition, part: str) -> str:
    """Return the file, or the part of a definition without a file."""
    return definition.where or f"funnel '{definition.name}', {part}"


def _predicate(where: str, line: int | None, when: str) -> pl.Expr:
    found = f"when: {when}"
    try:
        predicate = pl.sql_expr(when)
        result = pl.DataFrame(schema=TIMELINE).select(predicate.alias("is_step"))
    except ColumnNotFoundError as error:
        raise FunnelDefinitionError(where, line, f"an unknown column in {found}", _COLUMNS) from error
    except PolarsError as error:
        reason = str(error).partition("\n")[0]
        allowed = "an SQL predicate such as type = 'order.paid'"
        raise FunnelDefinitionError(where, line, f"{found} ({reason})", allowed) from error
    if result["is_step"].dtype != pl.Boolean:
        kind = result["is_step"].dtype
        raise FunnelDefinitionError(where, line, f"{found}, which is {kind}", "a truth value")
    # An aggregate or a constant returns a row even without events.
    if result.height:
        allowed = "a predicate of each event's own columns, without aggregates"
        raise FunnelDefinitionError(where, line, found, allowed)
    return predicate
