"""The bytes of a column of texts in one piece, for compiled code that reads them or writes others."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray


def bytes_of(values: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of a String or Binary column, without copying value by value.

    Args:
        values: The column; one of nothing but nulls may have no type.

    Returns:
        The bytes, and [values + 1] positions in them: where each value begins, and where the last one ends. The bytes
        of a null mean nothing.
    """
    typed = values.cast(pl.Binary) if values.dtype == pl.Null else values
    column = pa.array(typed.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()))
    _, starts, contents = column.buffers()
    # A column without values may have no buffers.
    positions = np.frombuffer(starts or bytes(8), np.int64)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(contents or b"", np.uint8), positions


def column_of(
    name: str, contents: NDArray[np.uint8], positions: NDArray[np.int64], as_type: pa.DataType | None = None
) -> pl.Series:
    """Return the column that has these bytes at these positions, see `bytes_of`; String, if no type is given."""
    buffers = [None, pa.py_buffer(positions), pa.py_buffer(contents)]
    return pl.Series(name, pa.Array.from_buffers(as_type or pa.large_string(), len(positions) - 1, buffers))
