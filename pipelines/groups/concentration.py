"""How few write most: the contributor absence factor of groups over a sliding window of days."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def half_writers(
    starts: NDArray[np.int64], writer: NDArray[np.int64], messages: NDArray[np.int64], window: int
) -> NDArray[np.int64]:
    """Find the smallest number of members who wrote half of the messages of the days up to each day.

    The contributor absence factor of CHAOSS (definitions, section 5), of one group.

    Args:
        starts: [days + 1] first row of each day, and the number of rows.
        writer: [rows] who wrote, counted from 0.
        messages: [rows] how many.
        window: Days that count, the day itself among them.

    Returns:
        [days] the number; 0 where nobody wrote.
    """
    n_days = len(starts) - 1
    found = np.zeros(n_days, np.int64)
    by_writer = np.zeros(writer.max() + 1 if len(writer) else 0, np.int64)
    for day in range(n_days):
        for row in range(starts[day], starts[day + 1]):
            by_writer[writer[row]] += messages[row]
        if day >= window:
            for row in range(starts[day - window], starts[day - window + 1]):
                by_writer[writer[row]] -= messages[row]
        ascending = np.sort(by_writer[by_writer > 0])
        rest = ascending.sum()
        half = rest / 2
        while rest > half:
            found[day] += 1
            rest -= ascending[-found[day]]
    return found
