"""What a person or a machine sees: tables and JSON on standard output, progress and errors on standard error."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from assets.resources import Progress as StepProgress

stdout = Console()
stderr = Console(stderr=True)


def print_json(value: object) -> None:
    """One JSON document on standard output; dates and times as ISO 8601, sums of money as whole numbers."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=_json))


def _json(value: object) -> str | int:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal) and value == (whole := int(value)):
        return whole
    raise TypeError(f"{type(value).__name__} has no JSON")


def print_table(title: str, frame: pl.DataFrame, headings: Sequence[str], right: Sequence[str] = ()) -> None:
    """A frame as a table; `headings` name its columns in order, those in `right` are aligned right."""
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", no_wrap=heading in right)
    for row in frame.iter_rows():
        table.add_row(*("" if cell is None else cell if isinstance(cell, str) else f"{cell:,}" for cell in row))
    stdout.print(f"[bold italic]{title}[/bold italic]")
    stdout.print(table)
    stdout.print()


class _Reporter:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def line(self, text: str) -> None:
        self._progress.console.print(f"[dim]{text}[/dim]")

    def step(self, what: str, done: int, todo: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=None)
        self._progress.update(self._tasks[what], completed=done, total=todo or None)


class Reporting:
    """Where a command's work reports to: `line` for a sentence, `steps` for counted work."""

    def __init__(self, reporter: _Reporter) -> None:
        self.line = reporter.line
        self.steps = StepProgress(reporter.step)


@contextmanager
def reporting(*, quiet: bool = False) -> Iterator[Reporting]:
    """Show progress on standard error while the block runs; nothing where `quiet`."""
    columns: list[Any] = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True, quiet=quiet)) as progress:
        yield Reporting(_Reporter(progress))
