"""How likely a silence is to go on until the group is dead, by the group's own earlier silences and those of others.

Silences are a renewal process: each begins anew, whatever the ones before were. Of those of all groups that reached s
days the share ((s + 3) / (d + 3))^1.28 goes on to d days: a Lomax tail, which is what exponential silences have whose
rates differ from group to group by a gamma distribution (Lomax 1954). It was fitted on the channels of a public
community (docs/decisions/0073-a-silence-among-silences.md).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.compiled import compiled

TAIL: Final = 1.28
HEAD_DAYS: Final = 3
OTHERS_COUNT: Final = 3
"""Silences of the group for which what is known of others counts."""


@compiled
def outlasting(lengths: NDArray[np.int64], days: int) -> tuple[float, int, int]:
    """Give the chance that a silence goes on until the group is dead, beside its earlier silences.

    Args:
        lengths: how many earlier silences ended after so many days; the last place counts those until death.
        days: how long the silence is now, fewer than until death.

    Returns:
        The chance, how many earlier silences were as long or longer, and how many of these lasted until death.
    """
    until_dead = len(lengths) - 1
    as_long = lengths[days:].sum()
    others = ((days + HEAD_DAYS) / (until_dead + HEAD_DAYS)) ** TAIL
    chance = (lengths[until_dead] + OTHERS_COUNT * others) / (as_long + OTHERS_COUNT)
    return chance, as_long, lengths[until_dead]
