"""What the doctor looked at, and what it found: one record each, for people and machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pipelines.system_refusals import refusal
from schemas.errors import EmberlineError

Health = Literal["ok", "warning", "broken"]


@dataclass(frozen=True)
class Examined:
    """One thing that was looked at.

    Attributes:
        area: `lake`, `warehouse`, `kafka`, `pulls`, `key` or `versions`.
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
    """Look, and tell an error of this project, or what the operating system refuses, as what was found."""
    try:
        return list(look())
    except (EmberlineError, OSError) as error:
        told = error if isinstance(error, EmberlineError) else refusal(error)
        if told is None:
            raise
        where = "" if told.place is None else f" Where: {told.place}"
        return [Examined(area, subject, "broken", f"{told.cause}{where}", told.next_step)]
