"""The report: one offline page for those who look after groups. Its numbers are read from the warehouse."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from emberline.embedded.state import write_whole
from emberline.report.contents import LinesInUse, read_contents
from emberline.report.words import LANGUAGES, Words
from pipelines.ingest.short import Missing
from pipelines.publish.warehouse import Warehouse
from schemas.attribution import MODELS
from schemas.errors import EmberlineError

__all__ = ["LANGUAGES", "ReportNotWritten", "write_report"]


class ReportNotWritten(EmberlineError):
    """The page could not be written to the given path."""


def write_report(
    warehouse: Warehouse,
    missing: Missing,
    lines: LinesInUse | None,
    target: Path,
    language: str = LANGUAGES[0],
) -> Path:
    """Write the report of the newest published version.

    Args:
        warehouse: A warehouse with a published version.
        missing: What did not arrive in the lake.
        lines: How useful alerts on risks would have been; see `Contents`.
        target: The file. An existing one is replaced atomically.
        language: One of `LANGUAGES`.

    Returns:
        The absolute path of the file.

    Raises:
        ReportNotWritten: There is no such folder, or the file cannot be written.
    """
    # Altair takes long to load, and whoever imports this package need not draw.
    from emberline.report.page import render

    page = render(read_contents(warehouse, MODELS, missing, lines, dt.datetime.now(dt.UTC)), Words(language))
    try:
        write_whole(target, page)
    except OSError as error:
        raise ReportNotWritten(
            f"{target} cannot be written: {error.strerror}.", "Name a file in a folder that you may write to."
        ) from error
    return target.absolute()
