"""Waiting time before a failed request is retried."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class BackOff:
    """Exponential back-off with jitter, so that clients that failed together do not retry together.

    Attributes:
        first_s: Longest first wait.
        most_s: Longest wait.
        most_told_s: Longest wait that an API may ask for; a longer one is cut.
    """

    first_s: float = 1
    most_s: float = 60
    most_told_s: float = 3600

    def wait_s(self, n_failed: int, told_s: float | None, chance: random.Random) -> float:
        """Return the wait after a number of failures in a row, not shorter than the API asked for, within limits."""
        span = min(self.first_s * 2 ** min(n_failed - 1, 30), self.most_s)
        waited = span * (0.5 + chance.random() / 2)
        return waited if told_s is None else min(told_s, self.most_told_s) + waited
