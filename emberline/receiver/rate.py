"""A bound on deliveries a second."""

from __future__ import annotations


class Rate:
    """Tokens that come back over time: as many at once as in a second."""

    def __init__(self, per_second: int) -> None:
        """Begin with all tokens."""
        self._per_second = per_second
        self._tokens, self._at = float(per_second), 0.0

    def takes(self, now: float) -> bool:
        """Take a token, if there is one at this time of a steady clock."""
        self._tokens = min(float(self._per_second), self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
