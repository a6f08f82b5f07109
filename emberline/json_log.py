"""The log of a long-running process: JSON lines, without bodies, headers, queries or secrets."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from typing import Final

STARTED: Final = "started"
"""The event that a process has started its work."""

_REPEATED_AFTER_S: Final = 10.0


class Log:
    """Writes to standard error. Repeated entries are written once in ten seconds, with their number."""

    def __init__(self) -> None:
        """Start an empty log."""
        self._written: dict[tuple[object, ...], float] = {}
        self._left_out: dict[tuple[object, ...], int] = {}

    def write(self, event: str, *, detail: str | None = None, **facts: object) -> None:
        """Write an entry.

        Args:
            event: The kind of the event, one of a few words.
            detail: The reason, without anything of a request.
            facts: Further fields; those that are None are left out.
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
