"""A limit on deliveries per second: a token bucket."""

from __future__ import annotations


class Rate:
    """A token bucket that holds the tokens of one second."""

    def __init__(self, per_second: int) -> None:
        """Begin with all tokens."""
        self._per_second = per_second
        self._tokens, self._at = float(per_second), 0.0

    def takes(self, now: float) -> bool:
        """Take a token; return whether there was one. `now` is a time of `time.monotonic`."""
        self._tokens = min(float(self._per_second), self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
