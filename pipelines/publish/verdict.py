"""Result of the audit for one expectation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.printable import printable


@dataclass(frozen=True)
class Verdict:
    """Whether one expectation holds of a staging table.

    Attributes:
        table: The table, without its schema.
        expectation: What should hold, in words.
        success: Whether it holds; also False if it could not be evaluated.
        severity: `error` blocks the publication, `warn` is reported.
        unexpected_rows: How many rows break it; None for a check of the whole table.
        examples: A few of those rows by their key columns, or what was observed of the whole table.
        error: Why it could not be evaluated; None if it was.
    """

    table: str
    expectation: str
    success: bool
    severity: Literal["error", "warn"]
    unexpected_rows: int | None = None
    examples: tuple[Mapping[str, Any], ...] = ()
    error: str | None = None

    @property
    def message(self) -> str:
        """The verdict as a sentence: table, expectation, number of rows and a few examples."""
        text = f"staging.{self.table}: {self.expectation}"
        if self.success:
            return f"{text}: holds"
        if self.error is not None:
            return f"{text}: could not be checked: {self.error}"
        match self.unexpected_rows:
            case None:
                rows = "does not hold"
            case 1:
                rows = "1 row breaks it"
            case number:
                rows = f"{number} rows break it"
        shown = "; ".join(
            ", ".join(f"{name}={printable(str(value))}" for name, value in row.items()) for row in self.examples
        )
        return f"{text}: {rows}" + (f", for example {shown}" if shown else "")
