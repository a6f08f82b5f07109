"""Read files of payloads in chunks: one record per line, or one per row of an export."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl

from pipelines.carriers import Carrier
from pipelines.carriers.base import MAX_VALUE_BYTES
from pipelines.carriers.zulip_archive import archive_values
from schemas.errors import EmberlineError

_CHUNK_ROWS: Final = 50_000
"""Rows per chunk of an export; chunks of lines are limited by bytes."""

_CHUNK_BYTES: Final = 8 * 1024 * 1024
_LONGEST_KEPT: Final = 2 * MAX_VALUE_BYTES
_EXPORTS: Final = {"zulip": archive_values}
"""By carrier, the conversion of rows of its Parquet export to payloads."""
_LINES: Final = (".jsonl", ".ndjson")
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ReplayFileError(EmberlineError):
    """A file cannot be replayed."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive records of a file.

    Attributes:
        values: Binary, one per record.
        numbers: Numbers of their lines or rows, from 1.
        blank: Number of lines without a record.
        done: How much of the file is read so far, in bytes of lines or in rows.
        todo: Size of the file in the same unit.
    """

    values: pl.Series
    numbers: pl.Series
    blank: int
    done: int
    todo: int


def chunks(file: Path, carrier: Carrier) -> Iterator[Chunk]:
    """Read a file of payloads: `.jsonl` or `.ndjson`, UTF-8, one record per line; `.parquet`, an export of the carrier.

    A byte-order mark and blank lines are skipped.

    Raises:
        ReplayFileError: The file is missing, unreadable, without records, or in a format that this carrier has no
            export for; or a line is too long.
    """
    if not file.exists():
        raise ReplayFileError(f"There is no file {file}.", "Give the path of a .parquet, .jsonl or .ndjson file.")
    if file.is_dir():
        raise ReplayFileError(f"{file} is a folder.", "Give one file; for several call the command once each.")
    if file.suffix not in {".parquet", *_LINES}:
        raise ReplayFileError(f"{file}: unknown format {file.suffix!r}.", "Give a .parquet, .jsonl or .ndjson file.")
    n_records = 0
    try:
        for chunk in _rows(file, carrier) if file.suffix == ".parquet" else _lines(file):
            n_records += len(chunk.values)
            yield chunk
    except OSError as error:
        raise ReplayFileError(
            f"{file} cannot be read: {error.strerror or error}.", "See that this user may read it, then try again."
        ) from error
    if not n_records:
        raise ReplayFileError(
            f"{file} is empty: it has no records.", "See that what wrote the file was done, then send it again."
        )


def _rows(file: Path, carrier: Carrier) -> Iterator[Chunk]:
    if carrier.name not in _EXPORTS:
        raise ReplayFileError(
            f"{file}: there is no Parquet export of carrier {carrier.name!r}.",
            f"Parquet works for {', '.join(_EXPORTS)}; give the payloads as .jsonl, one per line.",
        )
    try:
        todo = pl.scan_parquet(file).select(pl.len()).collect().item()
        for start in range(0, todo, _CHUNK_ROWS):
            values = _EXPORTS[carrier.name](pl.scan_parquet(file).slice(start, _CHUNK_ROWS).collect())
            done = start + len(values)
            yield Chunk(values, pl.int_range(start + 1, done + 1, eager=True), 0, done, todo)
    except pl.exceptions.PolarsError as error:
        raise ReplayFileError(
            f"{file}: not a readable export of {carrier.name!r} ({error}).", "Check --carrier and the file."
        ) from error


def _lines(file: Path) -> Iterator[Chunk]:
    todo, done, number = file.stat().st_size, 0, 0
    with file.open("rb") as lines:
        if lines.peek(2).startswith(_UTF_16):
            raise ReplayFileError(f"{file} is UTF-16.", "Save it as UTF-8, as JSON has to be, then send it again.")
        if lines.peek(3).startswith(codecs.BOM_UTF8):
            done = len(lines.read(len(codecs.BOM_UTF8)))
        for chunk, n_bytes in _blocks(lines):
            done += n_bytes
            kept = [(at, line.rstrip(b"\r")) for at, line in enumerate(chunk, start=number + 1) if line.strip()]
            number += len(chunk)
            for at, line in kept:
                _refuse_too_long(file, at, len(line))
            yield Chunk(
                pl.Series([line for _, line in kept], dtype=pl.Binary),
                pl.Series([at for at, _ in kept], dtype=pl.Int64),
                len(chunk) - len(kept),
                done,
                todo,
            )


def _blocks(lines: BinaryIO) -> Iterator[tuple[list[bytes], int]]:
    """Yield lines with their size in the file. A line longer than a record may be is not read to its end."""
    rest = b""
    while block := lines.read(_CHUNK_BYTES):
        *whole, rest = (rest + block).split(b"\n")
        if rest and (len(block) < _CHUNK_BYTES or len(rest) > _LONGEST_KEPT):
            whole, rest = [*whole, rest], b""
        yield whole, len(block)
    if rest:
        yield [rest], 0


def _refuse_too_long(file: Path, number: int, size: int) -> None:
    if size > MAX_VALUE_BYTES:
        found = f"{size:,}" if size <= _LONGEST_KEPT else f"more than {_LONGEST_KEPT:,}"
        raise ReplayFileError(
            f"Line {number} has {found} bytes; a record has at most {MAX_VALUE_BYTES:,}.",
            "Shorten or remove the line, then send the file again: events that arrived twice count once.",
            f"{file}:{number}",
        )
