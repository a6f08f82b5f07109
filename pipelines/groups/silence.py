"""The chance that a silence lasts until the group is dead, by the group's earlier silences and a prior from others.

Silences are a renewal process: their lengths are independent. Of the silences of all groups that reached s days, the
share ((s + 3) / (d + 3))^1.28 lasts d days. This is a Lomax tail: that of exponential silences whose rates vary over
groups by a gamma distribution (Lomax 1954). It was fitted on the channels of a public community
(docs/decisions/0073-a-silence-among-silences.md).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.compiled import compiled

TAIL: Final = 1.28
HEAD_DAYS: Final = 3
OTHERS_COUNT: Final = 3
"""Weight of the prior, in silences of the group."""


@compiled
def outlasting(lengths: NDArray[np.int64], days: int) -> tuple[float, int, int]:
    """Compute the chance that a silence lasts until the group is dead.

    Args:
        lengths: [days] number of earlier silences by length; the last element counts those that lasted until death.
        days: length of the silence now, less than until death.

    Returns:
        The chance, the number of earlier silences at least as long, and the number of these that lasted until death.
    """
    until_dead = len(lengths) - 1
    as_long = lengths[days:].sum()
    others = ((days + HEAD_DAYS) / (until_dead + HEAD_DAYS)) ** TAIL
    chance = (lengths[until_dead] + OTHERS_COUNT * others) / (as_long + OTHERS_COUNT)
    return chance, as_long, lengths[until_dead]
