"""Compare the columns of a frame with a warehouse table, and cast a frame to its types."""

from __future__ import annotations

from typing import Final

import polars as pl
import sqlalchemy as sa

from schemas.types import polars_type

_LOSSLESS: Final[dict[pl.DataType, tuple[pl.DataType, ...]]] = {
    pl.Int16(): (pl.Int8(), pl.UInt8()),
    pl.Int32(): (pl.Int8(), pl.Int16(), pl.UInt8(), pl.UInt16()),
    pl.Int64(): (pl.Int8(), pl.Int16(), pl.Int32(), pl.UInt8(), pl.UInt16(), pl.UInt32()),
    pl.Float64(): (pl.Float32(),),
}


def mismatches(table: sa.Table, schema: pl.Schema) -> dict[str, str]:
    """Return, by column, why a frame cannot be loaded; empty if it can.

    A type fits if it widens to the column's without loss. Order does not matter.
    """
    found: dict[str, str] = {}
    for column in table.columns:
        wanted, given = polars_type(column.type), schema.get(column.name)
        if wanted is None:
            found[column.name] = f"{column.type} has no Polars type here"
        elif given is None:
            found[column.name] = "missing"
        elif given not in (wanted, pl.Null(), *_LOSSLESS.get(wanted, ())):
            found[column.name] = f"{given} where {wanted} is wanted"
    return found | {name: "not a column of the table" for name in schema if name not in table.columns}


def cast_to(table: sa.Table, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows in the table's column order and types."""
    return rows.select(pl.col(column.name).cast(polars_type(column.type) or pl.Null) for column in table.columns)
