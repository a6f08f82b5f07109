"""Output of commands: tables and JSON on standard output, progress and errors on standard error.

Every text may contain data from outside, so nothing in it is interpreted: no markup, no emoji codes, no control
characters (`pipelines.printable`). Style is given beside a text, never within it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from pipelines.printable import escape_json, plain_number, printable, printable_lines, printable_name

if TYPE_CHECKING:
    import polars as pl

Part = str | tuple[str, str]
"""A part of a line: a text, or a text and its style."""

_GAP: Final = 2


class _Terminal(Console):
    """A console that lets the command line handle a closed pipe."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console(*, stderr: bool = False, quiet: bool = False) -> Console:
    return _Terminal(stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False)


_stdout: Final = _console()
_stderr: Final = _console(stderr=True)


def print_json(value: object) -> None:
    """Print one JSON document on standard output.

    Dates and times are ISO 8601, amounts of money numbers; invisible characters are escaped.
    """
    print(escape_json(json.dumps(value, indent=2, ensure_ascii=False, default=_json)))


def _json(value: object) -> str | float:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain_number(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def print_line(*parts: Part, whole: bool = False) -> None:
    """Print a line on standard output, wrapped at words on a terminal unless it must stay `whole` to be copied."""
    _stdout.print(_line(parts), soft_wrap=whole or not _stdout.is_terminal)


def print_lines(text: str, indent: str) -> None:
    """Print a text of several lines unchanged, each indented."""
    for line in printable_lines(text).splitlines():
        _stdout.print(Text(f"{indent}{line}".rstrip()), soft_wrap=True)


def _line(parts: Sequence[Part]) -> Text:
    return Text.assemble(
        *((printable(part), "") if isinstance(part, str) else (printable(part[0]), part[1]) for part in parts)
    )


_LEAST_BOX: Final = 20
"""Terminal width below which a box has no room for text."""


def print_error(title: str, text: str) -> None:
    """Print an error on standard error: a red box on a wide terminal, plain lines elsewhere.

    Args:
        title: The kind of error.
        text: What happened and what to do; it may have several lines.
    """
    name, content = Text(printable(title)), Text(printable_lines(text))
    if _stderr.is_terminal and _stderr.width >= _LEAST_BOX:
        _stderr.print(Panel(content, title=name, title_align="left", border_style="red"))
    else:
        _stderr.print(Text.assemble(name, ": ", content), soft_wrap=True)


def print_points(title: str, sentences: Sequence[str]) -> None:
    """Print a title, and below it each sentence behind a dash; on a terminal its further lines are indented."""
    print_line(title)
    if _stdout.is_terminal:
        points = Table.grid(padding=(0, 1, 0, 0))
        for sentence in sentences:
            points.add_row("-", Text(printable(sentence)))
        _stdout.print(points)
    else:
        for sentence in sentences:
            print_line("- ", sentence)


def print_table(
    title: str,
    frame: pl.DataFrame,
    headings: Sequence[str],
    right: Collection[str] = (),
    sentences: Collection[str] = (),
) -> None:
    """Print a frame as a table on a terminal, as lines of aligned columns elsewhere.

    Args:
        title: Title above the table.
        frame: The rows; texts are shortened like names.
        headings: Headings of the columns, in order.
        right: Columns that are aligned right.
        sentences: Columns whose texts are not shortened.
    """
    is_whole = [heading in sentences for heading in headings]
    rows = [[_cell(value, whole) for value, whole in zip(row, is_whole, strict=True)] for row in frame.iter_rows()]
    _stdout.print(Text(printable(title), "bold italic"), soft_wrap=not _stdout.is_terminal)
    if _stdout.is_terminal:
        _stdout.print(_table(headings, rows, right, sentences))
    else:
        for line in _aligned([headings, *rows], [heading in right for heading in headings]):
            _stdout.print(Text(line), soft_wrap=True)
    _stdout.print()


def _cell(value: object, whole: bool) -> str:
    if isinstance(value, str):
        return printable(value) if whole else printable_name(value)
    return "" if value is None else f"{value:,}"


def _table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str], sentences: Collection[str] = ()
) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in right else "left",
            no_wrap=heading in right,
            # A path that is longer than the column stays whole.
            overflow="fold" if heading in sentences else "ellipsis",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _aligned(rows: Sequence[Sequence[str]], is_right: Sequence[bool]) -> Iterator[str]:
    """Return one line per row, with columns as wide as their widest cell."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for cell, width, right in zip(row, widths, is_right, strict=True):
            room = " " * (width - cell_len(cell))
            cells.append(room + cell if right else cell + room)
        yield (" " * _GAP).join(cells).rstrip()


class _Reporter:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def line(self, text: str) -> None:
        self._progress.console.print(Text(printable(text), "dim"), soft_wrap=not self._progress.console.is_terminal)

    def step(self, what: str, done: int, todo: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(printable_name(what), total=None)
        self._progress.update(self._tasks[what], completed=done, total=todo or None)


class Reporting:
    """Reports a command's progress: `line` for a sentence, `steps` for counted work."""

    def __init__(self, reporter: _Reporter) -> None:
        self.line = reporter.line
        from assets.resources import Progress as StepProgress

        self.steps = StepProgress(reporter.step)


@contextmanager
def reporting(*, quiet: bool = False) -> Iterator[Reporting]:
    """Show progress on standard error while the block runs; nothing if `quiet`."""
    columns: list[Any] = [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=_console(stderr=True, quiet=quiet)) as progress:
        yield Reporting(_Reporter(progress))


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show a busy indicator on standard error while the block runs."""
    with _stderr.status(Text(printable(text))):
        yield
