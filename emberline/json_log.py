"""The log of a process that runs on: one JSON object a line, without bodies, headers, queries or secrets."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from typing import Final

STARTED: Final = "started"
"""The event of a process that has begun its work."""

_REPEATED_AFTER_S: Final = 10.0


class Log:
    """Writes to standard error. What repeats itself is written once in ten seconds, with how often it was."""

    def __init__(self) -> None:
        """Begin with nothing written."""
        self._written: dict[tuple[object, ...], float] = {}
        self._left_out: dict[tuple[object, ...], int] = {}

    def write(self, event: str, *, detail: str | None = None, **facts: object) -> None:
        """Write what happened.

        Args:
            event: One of a few words.
            detail: Why; a text of ours, nothing of a request.
            facts: Of what it happened to; those that are None are left out.
        """
        key, now = (event, *facts.values()), time.monotonic()
        if now - self._written.get(key, -_REPEATED_AFTER_S) < _REPEATED_AFTER_S:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return
        self._written[key] = now
        line = {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "event": event,
            **facts,
            "detail": detail,
            "before": self._left_out.pop(key, None),
        }
        given = {name: value for name, value in line.items() if value is not None}
        print(json.dumps(given), file=sys.stderr, flush=True)
