"""The longest chain of funnel steps a person, as a compiled loop over sorted rows.

A loop, since a chain is a small state machine over a person's events: this says it in a few lines, exactly, and costs
one step of work an event and step. Each order mode is a function of this shape.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

NO_ROW = -1


@numba.njit(cache=True, nogil=True)
def sequential(
    starts: NDArray[np.int64],
    time: NDArray[np.int64],
    satisfied: NDArray[np.uint64],
    window: int,
    n_steps: int,
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Match steps in order, anything between them (definitions, section 4).

    Of all chains within `time - first time <= window` it takes the longest, of these the one whose first step is
    latest, and for that first step the earliest rows that follow. A row satisfies at most one step of a chain.

    Args:
        starts: [persons + 1] first row of each person, and the number of rows.
        time: [rows] microseconds, ascending inside a person; rows of equal time stand in the ordering key's order.
        satisfied: [rows] bit k is set where the row satisfies step k.
        window: Microseconds.
        n_steps: At most 62.

    Returns:
        [persons] number of steps reached, and [persons, n_steps] the row of each step, -1 where not reached.
    """
    n_persons = len(starts) - 1
    reached = np.zeros(n_persons, np.int16)
    rows = np.full((n_persons, n_steps), NO_ROW, np.int64)
    # latest[k]: the latest first row of any chain of k + 1 steps so far. A later start leaves more of the window, so
    # no other start of the same length can ever do better.
    latest = np.empty(n_steps, np.int64)
    for person in range(n_persons):
        begin, end = starts[person], starts[person + 1]
        latest[:] = NO_ROW
        length = 0
        for row in range(begin, end):
            bits = satisfied[row]
            # From the last step down, so that this row cannot extend a chain that it just joined.
            for step in range(min(length, n_steps - 1), 0, -1):
                start = latest[step - 1]
                if bits >> np.uint64(step) & np.uint64(1) and time[row] - time[start] <= window:
                    latest[step] = start
                    length = max(length, step + 1)
            if bits & np.uint64(1):
                latest[0] = row
                length = max(length, 1)
        if length == 0:
            continue
        reached[person] = length
        row = latest[length - 1]
        rows[person, 0] = row
        for step in range(1, length):
            row += 1
            while not satisfied[row] >> np.uint64(step) & np.uint64(1):
                row += 1
            rows[person, step] = row
    return reached, rows
