"""Columns as arrays for compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def fixed(column: pl.Series) -> NDArray[Any]:
    """The values as an array that nobody may write to.

    A column's array is writable or not as it happens to lie in memory, and numba would compile each case.
    """
    return frozen(column.to_physical().to_numpy())


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, to be read only."""
    view = array.view()
    view.flags.writeable = False
    return view


def runs(column: pl.Series) -> tuple[pl.Series, NDArray[np.int64]]:
    """Runs of equal values: the value of each, and where each starts, and the number of rows."""
    found = column.rle().struct.unnest()
    starts = np.zeros(found.height + 1, np.int64)
    np.cumsum(found["len"].to_numpy(), out=starts[1:])
    return found["value"], starts
