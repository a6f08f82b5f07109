"""Which Polars types a warehouse column takes, and which columns of a frame it would not take."""

from __future__ import annotations

from typing import Final

import polars as pl
import sqlalchemy as sa

_INTEGERS: Final[dict[type[sa.Integer], pl.DataType]] = {
    sa.SmallInteger: pl.Int16(),
    sa.Integer: pl.Int32(),
    sa.BigInteger: pl.Int64(),
}

_LOSSLESS: Final[dict[pl.DataType, tuple[pl.DataType, ...]]] = {
    pl.Int16(): (pl.Int8(), pl.UInt8()),
    pl.Int32(): (pl.Int8(), pl.Int16(), pl.UInt8(), pl.UInt16()),
    pl.Int64(): (pl.Int8(), pl.Int16(), pl.Int32(), pl.UInt8(), pl.UInt16(), pl.UInt32()),
    pl.Float64(): (pl.Float32(),),
}


def polars_type(kind: sa.types.TypeEngine[object]) -> pl.DataType | None:
    """The Polars type of a warehouse column; none for a type that no table of the warehouse has."""
    match kind:
        case sa.Integer():
            return _INTEGERS[type(kind)]
        case sa.Double():
            return pl.Float64()
        case sa.Numeric(precision=int(precision), scale=int(scale)):
            return pl.Decimal(precision, scale)
        case sa.Text():
            return pl.String()
        case sa.Boolean():
            return pl.Boolean()
        case sa.DateTime(timezone=True):
            return pl.Datetime("us", "UTC")
        case sa.Date():
            return pl.Date()
        case _:
            return None


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
