"""From the steps and exclusions of a definition to Polars expressions over the timeline."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars.exceptions import ColumnNotFoundError, PolarsError

from pipelines.funnel.steps import TIMELINE
from schemas.funnel import FunnelDefinition, FunnelDefinitionError

_COLUMNS: Final = f"columns of the timeline: {', '.join(TIMELINE.names())}"


def predicates(definition: FunnelDefinition) -> tuple[list[pl.Expr], list[pl.Expr]]:
    """One Boolean expression a step, in order, and one an exclusion; null where a predicate cannot tell.

    Raises:
        FunnelDefinitionError: A `when` is no SQL predicate, names a column that the timeline does not have, or is not
            one truth value an event; or `hold` names a column that the timeline does not have.
    """
    funnel = f"funnel '{definition.name}'"
    for name in definition.hold:
        if name not in TIMELINE:
            raise FunnelDefinitionError(f"{funnel}, hold", None, f"an unknown column '{name}'", _COLUMNS)
    return (
        [_predicate(f"{funnel}, step '{step.name}'", step.when) for step in definition.steps],
        [_predicate(f"{funnel}, exclude", exclusion.when) for exclusion in definition.exclude],
    )


def _predicate(where: str, when: str) -> pl.Expr:
    found = f"when: {when}"
    try:
        predicate = pl.sql_expr(when)
        result = pl.DataFrame(schema=TIMELINE).select(predicate.alias("is_step"))
    except ColumnNotFoundError as error:
        raise FunnelDefinitionError(where, None, f"an unknown column in {found}", _COLUMNS) from error
    except PolarsError as error:
        reason = str(error).partition("\n")[0]
        allowed = "an SQL predicate such as type = 'order.paid'"
        raise FunnelDefinitionError(where, None, f"{found} ({reason})", allowed) from error
    if result["is_step"].dtype != pl.Boolean:
        kind = result["is_step"].dtype
        raise FunnelDefinitionError(where, None, f"{found}, which is {kind}", "a truth value")
    # An aggregate or a constant gives a row even for no events.
    if result.height:
        allowed = "a predicate of each event's own columns, without aggregates"
        raise FunnelDefinitionError(where, None, found, allowed)
    return predicate
