"""Which columns of a frame a warehouse table would not take, and the frame in its types."""

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
    """What keeps a frame from being loaded, by column; empty if nothing does.

    A type fits that widens to the column's without loss. Order does not matter.
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
    """The rows in the table's columns, order and types."""
    return rows.select(pl.col(column.name).cast(polars_type(column.type) or pl.Null) for column in table.columns)
