"""Polars types of warehouse columns."""

from __future__ import annotations

from typing import Final

import polars as pl
import sqlalchemy as sa

_INTEGERS: Final[dict[type[sa.Integer], pl.DataType]] = {
    sa.SmallInteger: pl.Int16(),
    sa.Integer: pl.Int32(),
    sa.BigInteger: pl.Int64(),
}


def polars_type(kind: sa.types.TypeEngine[object]) -> pl.DataType | None:
    """Return the Polars type of a warehouse column; None for a type that no warehouse table uses."""
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
