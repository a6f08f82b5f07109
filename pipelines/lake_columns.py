"""Compare the columns of a stored table with its contract, and adapt tables of older versions of the code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import polars as pl
from deltalake import CommitProperties, Field, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError

from pipelines.inputs import CODE_INPUT, FIRST_CODE
from pipelines.lake_place import StoredTable
from schemas.lake import LakeTable


def delta_schema(table: LakeTable) -> Schema:
    """Return the columns of a contract as a Delta schema."""
    return Schema.from_arrow(pl.DataFrame(schema=table.schema).to_arrow().schema)


def add_new_columns(delta: StoredTable, table: LakeTable) -> bool:
    """Add new columns of the contract to a stored table, with nulls in its rows; `content` does not move.

    Args:
        delta: loaded; it moves to the new version.
        table: its contract.

    Returns:
        Whether the table has to be loaded again, because another process may have added them first.
    """
    stored = types_of(delta.schema())
    added = [field for field in _wanted(table).fields if field.name not in stored and _may_come_later(table, field)]
    if not added:
        return False
    with suppress(CommitFailedError):
        delta.alter.add_columns(added)
    return True


def empty_outdated(delta: StoredTable, table: LakeTable) -> bool:
    """Empty a fact that older code stored with other column types, and give it the columns of its contract.

    Its next refresh computes it from scratch, as after any change of its code. `content` and its recorded inputs stay,
    so that dependent tables wait for that refresh.

    Args:
        delta: loaded.
        table: its contract.

    Returns:
        Whether the table has to be loaded again, because another process may have emptied it first.
    """
    computed_by = delta.transaction_version(CODE_INPUT) or FIRST_CODE
    if computed_by >= (table.code_version or FIRST_CODE) or not differing_columns(delta, table):
        return False
    with suppress(CommitFailedError):
        write_deltalake(
            delta,
            pl.DataFrame(schema=table.schema),
            mode="overwrite",
            schema_mode="overwrite",
            commit_properties=CommitProperties(max_commit_retries=0),
        )
    return True


def differing_columns(delta: StoredTable, table: LakeTable) -> list[str]:
    """Return the names of columns in which a stored table and its contract differ."""
    found, wanted = types_of(delta.schema()), types_of(_wanted(table))
    return sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))


def has_other_types(delta: StoredTable, table: LakeTable) -> bool:
    """Whether a stored column has another type in the contract; missing columns do not count."""
    found, wanted = types_of(delta.schema()), types_of(_wanted(table))
    return any(found[name] != wanted[name] for name in found.keys() & wanted.keys())


def columns_of(delta: StoredTable, table: LakeTable) -> Iterator[pl.Expr]:
    """Select the contract's columns from the stored ones; rows older than a column get its value `before`."""
    stored = types_of(delta.schema())
    for name, dtype in table.columns.items():
        column = pl.col(name) if name in stored else pl.lit(None, dtype).alias(name)
        yield column.fill_null(table.before[name]) if name in table.before else column


def types_of(schema: Schema) -> dict[str, Any]:
    """Return the type of each column."""
    return {field.name: field.type for field in schema.fields}


def _may_come_later(table: LakeTable, field: Field) -> bool:
    """Whether rows that lack this column are still valid."""
    return field.name not in {*table.key, *table.partition_by} or field.name in table.before


@cache
def _wanted(table: LakeTable) -> Schema:
    return delta_schema(table)
