"""Views of `mart`: what changes between publications and is kept in `ops`, as BI tools read it."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from schemas import operations
from schemas.columns import comment_all
from schemas.mart_columns import MART

QUERY: Final = "query"
"""Of a view, in its `info`: what it shows, a `Select` of the columns in their order."""

GROUP_RULES: Final = "group_"
"""How the names of rules begin whose subject is a group."""

metadata: Final = sa.MetaData(schema=MART)

_ledger: Final = operations.alert
_action: Final = operations.alert_action

_notes: Final = (
    sa.select(sa.func.string_agg(_action.c.note, aggregate_order_by(sa.literal("; ", sa.Text), _action.c.action_id)))
    .where(_action.c.alert_id == _ledger.c.alert_id)
    .scalar_subquery()
)
_group_id: Final = sa.case(
    (sa.func.starts_with(_ledger.c.rule, GROUP_RULES), _ledger.c.subject),
    else_=_ledger.c.details["group_id"].astext,
)
_KEPT: Final = (
    "alert_id", "rule", "severity", "subject", "purpose", "state", "since", "reason", "opened_at", "acknowledged_at",
    "snoozed_until", "unmeasured_since", "resolved_at", "outcome", "outcome_day", "verdict",
)  # fmt: skip


def _as_kept(name: str) -> sa.Column[Any]:
    column = _ledger.c[name]
    return sa.Column(
        name, column.type, primary_key=column.primary_key, nullable=column.nullable, comment=column.comment
    )


alert: Final = sa.Table(
    "alert",
    metadata,
    *map(_as_kept, _KEPT),
    sa.Column("group_id", sa.Text, comment="the group it is about; null: it is about something else"),
    sa.Column("notes", sa.Text, comment="what people wrote about it, oldest first; null: nothing"),
    comment="Alerts on groups, their feeds and the pipeline itself, with what became of them and what people said of "
    "them. It follows the ledger at once, not with the next version.",
    info={QUERY: sa.select(*(_ledger.c[name] for name in _KEPT), _group_id.label("group_id"), _notes.label("notes"))},
)

comment_all(metadata)
