"""The root of this project's errors: what was found, where, and what to do next."""

from __future__ import annotations


class EmberlineError(Exception):
    """An error that a person can act on.

    Attributes:
        cause: What was found.
        next_step: What the reader can do about it.
        place: Where: topic, partition and offset, table, file, or URL; None if the cause names it.
    """

    def __init__(self, cause: str, next_step: str, place: str | None = None) -> None:
        self.cause = cause
        self.next_step = next_step
        self.place = place
        where = [] if place is None else [f"Where: {place}"]
        super().__init__("\n".join([cause, *where, f"Next: {next_step}"]))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the message and the attributes: a subclass may take other arguments than the message."""
        return _unpickled, (type(self), *self.args), self.__dict__


def _unpickled(kind: type[EmberlineError], *args: object) -> EmberlineError:
    return kind.__new__(kind, *args)
