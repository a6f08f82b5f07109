"""Columns as arrays for compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def fixed(column: pl.Series) -> NDArray[Any]:
    """Return the values as a read-only array.

    Whether a column's array is writable depends on its memory layout, and numba would compile each case separately.
    """
    return frozen(column.to_physical().to_numpy())


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Make an array read-only, and return it."""
    view = array.view()
    view.flags.writeable = False
    return view


def runs(column: pl.Series) -> tuple[pl.Series, NDArray[np.int64]]:
    """Find runs of equal values: the value of each run, and the row each starts at, followed by the number of rows."""
    found = column.rle().struct.unnest()
    starts = np.zeros(found.height + 1, np.int64)
    np.cumsum(found["len"].to_numpy(), out=starts[1:])
    return found["value"], starts
