"""Read a column of JSON values to a column per field, for values that the compiled reader surely reads right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.carriers.base import MAX_VALUE_BYTES
from pipelines.carriers.binary_views import BinaryViews
from pipelines.carriers.json_scan import VIEW_WORDS, scan
from pipelines.carriers.json_table import INSTANT, NUMBERS, STRINGS, JsonTable
from schemas.lake import UTC_TIME


@dataclass(frozen=True)
class JsonColumns:
    """Fields read from a column of values.

    Attributes:
        accepted: [values] Boolean: whether the value was read. Others may still be valid and are left to msgspec.
        fields: [accepted values] a column per field of the contract except structs: String, Int64 or UTC time. A
            missing field has its default.
    """

    accepted: pl.Series
    fields: pl.DataFrame


def read_json(values: pl.Series, table: JsonTable) -> JsonColumns:
    """Read a Binary column without nulls by a table of fields, without copying values."""
    given = BinaryViews.of(values)
    shape = (len(table.names), len(values))
    views = np.zeros((*shape, VIEW_WORDS), np.uint64)
    numbers = np.zeros(shape, np.int64)
    present = np.zeros((len(table.names), -(-len(values) // 8)), np.uint8)
    accepted = np.zeros(len(values), np.bool_)
    expected = np.arange(len(table.names) + 1) % len(table.names)
    scan(
        *(given.views, given.addresses, MAX_VALUE_BYTES),
        *(table.fields, table.options, table.text.ctypes.data, expected, views, numbers, present, accepted),
    )
    present &= np.packbits(accepted, bitorder="little")
    columns = [
        _column(name, table, kind, given.contents, views[number], numbers[number], present[number])
        for number, (name, kind) in enumerate(zip(table.names, table.fields["kind"].tolist(), strict=True))
    ]
    kept = pl.Series("accepted", accepted)
    fields = pl.DataFrame([kept]).with_columns(columns).select(table.names)
    return JsonColumns(kept, fields if accepted.all() else fields.filter(kept))


def _column(
    name: str,
    table: JsonTable,
    kind: int,
    contents: list[pa.Buffer],
    views: NDArray[np.uint64],
    numbers: NDArray[np.int64],
    present: NDArray[np.uint8],
) -> pl.Expr:
    dtype = UTC_TIME if kind == INSTANT else pl.Int64() if kind in NUMBERS else pl.String()
    default = pl.lit(table.defaults.get(name), dtype)
    if not present.any():
        # A literal takes no memory, here and downstream.
        return default.alias(name)
    validity = pa.py_buffer(present)
    if kind in STRINGS:
        buffers = [validity, pa.py_buffer(views), *contents]
        found = pl.Series(pa.Array.from_buffers(pa.string_view(), len(views), buffers))
    else:
        found = pl.Series(pa.Array.from_buffers(pa.int64(), len(views), [validity, pa.py_buffer(numbers)]))
    return pl.lit(found).cast(dtype).fill_null(default).alias(name)
