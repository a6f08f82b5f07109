"""Findings of `emberline doctor`: one record per subject, for people and machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pipelines.system_refusals import refusal
from schemas.errors import EmberlineError

Health = Literal["ok", "warning", "broken"]


@dataclass(frozen=True)
class Examined:
    """One subject that was examined.

    Attributes:
        area: `lake`, `warehouse`, `kafka`, `pulls`, `key` or `versions`.
        subject: What was examined: a table, a topic.
        health: `broken` needs a repair, `warning` needs attention.
        found: What was found.
        next_step: What to do; None if it is healthy.
    """

    area: str
    subject: str
    health: Health
    found: str
    next_step: str | None = None


def examined(area: str, subject: str, look: Callable[[], Iterable[Examined]]) -> list[Examined]:
    """Run an examination; return an error of this project or of the operating system as a finding."""
    try:
        return list(look())
    except (EmberlineError, OSError) as error:
        refused = error if isinstance(error, EmberlineError) else refusal(error)
        if refused is None:
            raise
        where = "" if refused.place is None else f" Where: {refused.place}"
        return [Examined(area, subject, "broken", f"{refused.cause}{where}", refused.next_step)]
