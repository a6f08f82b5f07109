"""Description of a table for people and tools: its columns, and where each comes from."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schemas.columns import Meaning, meaning_of
from schemas.mart import made_of
from schemas.table import LakeTable, Lineage

Key = tuple[str, ...]
"""Key of a table: the name of a lake table, or schema and name of a warehouse table."""


@dataclass(frozen=True)
class DescribedColumn:
    """A column of a table; `sources` are the columns it is computed from, each with the key of its table."""

    name: str
    dtype: str
    meaning: Meaning
    sources: tuple[tuple[Key, str], ...] = ()


def columns_of_lake(table: LakeTable) -> list[DescribedColumn]:
    """Describe the columns of a lake table."""
    sources = _keyed(table.made_of)
    return [
        DescribedColumn(name, table.type_name(name), table.meaning(name), sources.get(name, ()))
        for name in table.columns
    ]


def columns_of_mart(table: sa.Table) -> list[DescribedColumn]:
    """Describe the columns of a warehouse table: they come from the lake."""
    return _of_warehouse(table, _keyed(made_of(table)))


def _keyed(lineage: Lineage) -> dict[str, tuple[tuple[Key, str], ...]]:
    return {
        name: tuple(((source.table.name,), source.column) for source in sources) for name, sources in lineage.items()
    }


def _of_warehouse(table: sa.Table, sources: dict[str, tuple[tuple[Key, str], ...]]) -> list[DescribedColumn]:
    return [
        DescribedColumn(
            str(column.name),
            column.type.compile(dialect=postgresql.dialect()).lower(),
            meaning_of(column),
            sources[str(column.name)],
        )
        for column in table.columns
    ]
