"""For how long to wait before a request that failed is made again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class BackOff:
    """Waits that double, with jitter, so that many who failed together do not come back together.

    Attributes:
        first_s: The greatest first wait.
        most_s: The greatest wait.
        most_told_s: The greatest wait that an API may ask for; a longer one is cut.
    """

    first_s: float = 1
    most_s: float = 60
    most_told_s: float = 3600

    def wait_s(self, n_failed: int, told_s: float | None, chance: random.Random) -> float:
        """Return the wait after so many failures in a row; never shorter than what the API told, within bounds."""
        span = min(self.first_s * 2 ** min(n_failed - 1, 30), self.most_s)
        waited = span * (0.5 + chance.random() / 2)
        return waited if told_s is None else min(told_s, self.most_told_s) + waited
