"""What the doctor looked at, and what it found: one record each, for people and machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from schemas.errors import EmberlineError

Health = Literal["ok", "warning", "broken"]


@dataclass(frozen=True)
class Examined:
    """One thing that was looked at.

    Attributes:
        area: `lake`, `warehouse`, `kafka`, `key` or `versions`.
        subject: What of it: a table, a topic.
        health: `broken` needs somebody, `warning` is worth knowing.
        found: What was found.
        next_step: What to do; none where all is well.
    """

    area: str
    subject: str
    health: Health
    found: str
    next_step: str | None = None


def examined(area: str, subject: str, look: Callable[[], Iterable[Examined]]) -> list[Examined]:
    """Look, and tell an error of this project as what was found."""
    try:
        return list(look())
    except EmberlineError as error:
        where = "" if error.place is None else f" Where: {error.place}"
        return [Examined(area, subject, "broken", f"{error.cause}{where}", error.next_step)]
