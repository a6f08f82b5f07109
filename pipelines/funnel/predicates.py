"""From the steps of a definition to Polars expressions over the timeline."""

from __future__ import annotations

import polars as pl
from polars.exceptions import ColumnNotFoundError, PolarsError

from pipelines.funnel.steps import TIMELINE
from schemas.funnel import FunnelDefinition, FunnelDefinitionError, Step


def predicates(definition: FunnelDefinition) -> list[pl.Expr]:
    """One Boolean expression a step, in order; null where a predicate cannot tell.

    Raises:
        FunnelDefinitionError: A step's `when` is no SQL predicate, names a column that the timeline does not have, or
            is not one truth value an event.
    """
    return [_predicate(definition, step) for step in definition.steps]


def _predicate(definition: FunnelDefinition, step: Step) -> pl.Expr:
    where = f"funnel '{definition.name}', step '{step.name}'"
    found = f"when: {step.when}"
    try:
        predicate = pl.sql_expr(step.when)
        result = pl.DataFrame(schema=TIMELINE).select(predicate.alias("is_step"))
    except ColumnNotFoundError as error:
        allowed = f"columns of the timeline: {', '.join(TIMELINE.names())}"
        raise FunnelDefinitionError(where, None, f"an unknown column in {found}", allowed) from error
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
