"""Which version of a table a fact read, so that the next refresh can read what differs from it."""

from __future__ import annotations

from pipelines.lake import Handle, Lake
from pipelines.lake_versions import earlier, files_fingerprint
from pipelines.refresh.written import input_id, recorded


def version_read(table: Handle) -> dict[str, int]:
    """What a fact records of a table that it reads, beside the inputs by which it knows whether it lags behind."""
    return {input_id(name): number for name, number in zip(_names(table), _numbers(table), strict=True)}


def as_read(lake: Lake, fact: Handle, table: Handle) -> Handle | None:
    """A table as a fact read it; None where that is not known, or cannot be read any more."""
    version, fingerprint = (recorded(fact, name) for name in _names(table))
    return earlier(lake, table, version, fingerprint)


def _numbers(table: Handle) -> tuple[int, int]:
    return table.version, files_fingerprint(table)


def _names(table: Handle) -> tuple[str, str]:
    return f"{table.table.name}/version", f"{table.table.name}/files"
