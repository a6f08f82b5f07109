"""The root of this project's errors: what was found, where, and what to do next."""

from __future__ import annotations


class EmberlineError(Exception):
    """An error a person can act on. `found` names the cause and the place, `next_step` what to do about it."""

    def __init__(self, found: str, next_step: str) -> None:
        super().__init__(f"{found} {next_step}")
        self.found = found
        self.next_step = next_step
