"""Split whole numbers exactly in proportion to weights (largest remainder, Hamilton's method)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.compiled import compiled


@compiled
def apportion(starts: NDArray[np.int64], weights: NDArray[np.int64], totals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Split each total over the shares of its run.

    A share gets its quota rounded down. The remaining units go one each to the shares with the largest remainders; ties
    go to the first.

    Args:
        starts: [totals + 1] first share of each total, and the number of shares.
        weights: [shares] at least 0. The sum of a run times its largest weight is below `2 ** 63`.
        totals: [totals] at least 0.

    Returns:
        [shares] whole numbers; those of a run sum exactly to its total if any of its weights is above 0.
    """
    parts = np.zeros(len(weights), np.int64)
    for run in range(len(totals)):
        begin, end = starts[run], starts[run + 1]
        whole = weights[begin:end].sum()
        if whole == 0:
            continue
        # A total times a weight can exceed 2 ** 63, so whole multiples of the weight sum are split off first.
        times, rest = totals[run] // whole, totals[run] % whole
        remainders = np.empty(end - begin, np.int64)
        left = rest
        for share in range(begin, end):
            quota = rest * weights[share]
            parts[share] = times * weights[share] + quota // whole
            remainders[share - begin] = -(quota % whole)
            left -= quota // whole
        if left > 0:
            for share in np.argsort(remainders, kind="mergesort")[:left]:
                parts[begin + share] += 1
    return parts
