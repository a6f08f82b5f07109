"""A Binary column for compiled code: the memory address of each value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class BinaryViews:
    """The values of a column, without copies.

    Attributes:
        views: [values, 4] Arrow's views: length, first bytes, number of the buffer, start in it; a short value is in
            place of the last three.
        contents: The buffers, which must live as long as a view into them.
        addresses: [buffers, 2] their start and end in memory.
    """

    views: NDArray[np.uint32]
    contents: list[pa.Buffer]
    addresses: NDArray[np.int64]

    @classmethod
    def of(cls, values: pl.Series) -> BinaryViews:
        """Return the values of a Binary column without nulls."""
        column = pa.array(values.rechunk().to_arrow(compat_level=pl.CompatLevel.newest()))
        _, views, *contents = column.buffers()
        return cls(
            np.frombuffer(views or b"", np.uint32).reshape(-1, 4)[column.offset : column.offset + len(column)],
            contents,
            np.array([(one.address, one.address + one.size) for one in contents], np.int64).reshape(-1, 2),
        )
