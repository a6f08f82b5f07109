"""What each warehouse table is made of: the lake table of its name with the same columns, unless it says otherwise."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from schemas.lake import FUNNEL_ENTRY, GROUP, ORDER_CREDIT, TABLES, LakeTable
from schemas.table import Lineage, copied, each

_OF_ENTRY: Final = copied(FUNNEL_ENTRY, "funnel", "person_id", "entry", "entered_at")
_GROUP_OF_MATCH: Final[Lineage] = {
    "group_id": FUNNEL_ENTRY.of("matches"),
    "purpose": FUNNEL_ENTRY.of("matches") + GROUP.of("purpose"),
}
_OTHERS: Final[dict[str, Lineage]] = {
    "dim_group": copied(GROUP, *GROUP.columns),
    "dim_currency": each(("currency", "name", "minor_digits"), ORDER_CREDIT.of("currency")),
    "funnel_entry": {**_OF_ENTRY, **_GROUP_OF_MATCH, **copied(FUNNEL_ENTRY, "steps_reached", "is_mature")},
    "funnel_match": {
        **_OF_ENTRY,
        **each(("step_number", "step", "source", "event_id", "time"), FUNNEL_ENTRY.of("matches")),
        **_GROUP_OF_MATCH,
    },
    "order_credit": {
        "credit_id": ORDER_CREDIT.of(*ORDER_CREDIT.key),
        **copied(ORDER_CREDIT, *(name for name in ORDER_CREDIT.columns if name != "month")),
    },
}


def made_of(table: sa.Table) -> Lineage:
    """The lake columns that each column of one of `schemas.warehouse.DATA_TABLES` comes from."""
    columns = (str(column.name) for column in table.columns)
    return _OTHERS.get(table.name) or copied(TABLES[str(table.name)], *columns)


def sources_of(table: sa.Table) -> tuple[LakeTable, ...]:
    """The lake tables that a warehouse table is made of: first the one that gives its rows, then what they look up."""
    return tuple(dict.fromkeys(source.table for sources in made_of(table).values() for source in sources))
