"""Columns as arrays for compiled loops."""

from __future__ import annotations

from typing import Any

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
