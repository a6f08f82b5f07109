"""What the audit says of one expectation."""

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
        success: Whether it does. False too where it could not be evaluated.
        severity: `error` stops the publish, `warn` is told.
        unexpected_rows: How many rows break it; none for a check of the table as a whole.
        examples: A few of those rows by their key columns, or what was observed of the whole table.
        error: Why it could not be evaluated; none if it was.
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
        """The verdict as a sentence for people: table, expectation, number of rows and a few of them."""
        told = f"staging.{self.table}: {self.expectation}"
        if self.success:
            return f"{told}: holds"
        if self.error is not None:
            return f"{told}: could not be checked: {self.error}"
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
        return f"{told}: {rows}" + (f", for example {shown}" if shown else "")
