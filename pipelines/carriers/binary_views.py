"""A Binary column as compiled code reads it: where each value lies in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class BinaryViews:
    """The values of a column, none of them copied.

    Attributes:
        views: [values, 4] Arrow's views: length, first bytes, number of the buffer, start in it; or a short value
            itself in place of the last three.
        contents: the buffers; whoever keeps a view into them keeps them too.
        addresses: [buffers, 2] where they start and end in memory.
    """

    views: NDArray[np.uint32]
    contents: list[pa.Buffer]
    addresses: NDArray[np.int64]

    @classmethod
    def of(cls, values: pl.Series) -> BinaryViews:
        """The values of a Binary column without nulls."""
        column = pa.array(values.rechunk().to_arrow(compat_level=pl.CompatLevel.newest()))
        _, views, *contents = column.buffers()
        return cls(
            np.frombuffer(views or b"", np.uint32).reshape(-1, 4)[column.offset : column.offset + len(column)],
            contents,
            np.array([(one.address, one.address + one.size) for one in contents], np.int64).reshape(-1, 2),
        )
