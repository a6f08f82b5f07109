"""A table of messages, CSV or Parquet, with any columns.

Payloads are of the carrier `chat_record`. `--column NAME=COLUMN` maps columns; those with names of the record need no
mapping. Times are RFC 3339, seconds or milliseconds since 1970, or local without an offset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.carriers.readers import csv_rows
from pipelines.carriers.readers.base import Capabilities, Payloads, Reader, ReadOptions, Sniffed, UnreadableExport
from pipelines.carriers.readers.chat_records import SCHEMA, read_records
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.source import Source
from pipelines.carriers.readers.text_lines import seconds

_NEEDED: Final = ("time", "sender_id")
_GIVEN: Final = tuple(name for name in SCHEMA if name not in {"platform", "time_quality"})
_KINDS: Final = ("message", "joined", "left", "recalled", "system")
_MILLISECONDS_FROM: Final = 100_000_000_000
"""Larger numbers are milliseconds: as seconds this is in the year 5138."""
_PARQUET: Final = b"PAR1"
_ROWS: Final = 20_000


class Table(Reader):
    """Reader of tables whose columns are named."""

    name = "table"
    title = "a table of messages"
    carrier = "chat_record"
    capabilities = Capabilities(limits=("It contains what its columns have.",))

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise a table by columns that have the record's own names."""
        names = _columns(source)
        if not {"group_id", *_NEEDED} <= names:
            return None
        known = [name for name in SCHEMA if name in names]
        return Sniffed((f"a table with the columns {', '.join(known)}",))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read rows in blocks."""
        names = _columns(source)
        where = {name: options.columns.get(name, name) for name in _GIVEN}
        where = {name: column for name, column in where.items() if name in options.columns or column in names}
        self._refuse(source, where, names, options)

        def frames(repairs: Counter[str], skipped: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            read = _parquet_frames if source.head.startswith(_PARQUET) else csv_rows.frames
            for rows in read(source, repairs, progress):
                yield _records(rows, where, skipped, source, options)

        return read_records(frames, options)

    def _refuse(self, source: Source, where: dict[str, str], names: set[str], options: ReadOptions) -> None:
        unknown = [name for name in options.columns if name not in _GIVEN]
        missing = [name for name in _NEEDED if name not in where]
        gone = [column for column in where.values() if column not in names]
        if unknown or missing or gone:
            cause = (
                f"There is no {unknown[0]!r} in a record"
                if unknown
                else f"Nothing says which column is {missing[0]!r}"
                if missing
                else f"It has no column {gone[0]!r}"
            )
            raise UnreadableExport(
                f"{cause}; its columns are {', '.join(sorted(names)) or 'none'}.",
                f"Say it with --column NAME=COLUMN, where NAME is one of {', '.join(_GIVEN)}.",
                source.place,
            )


def _columns(source: Source) -> set[str]:
    if source.is_container:
        return set()
    if not source.head.startswith(_PARQUET):
        return set(csv_rows.header_of(source))
    try:
        with source.open() as file:
            return set(pq.ParquetFile(file).schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError):
        return set()


def _parquet_frames(source: Source, _: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
    with source.open() as file:
        table = pq.ParquetFile(file)
        for number, batch in enumerate(table.iter_batches(_ROWS), start=1):
            rows = pl.from_arrow(batch)
            progress.done = min(source.size, source.size * number * _ROWS // max(table.metadata.num_rows, 1))
            if isinstance(rows, pl.DataFrame):
                times = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.Datetime)]
                yield rows.with_columns(pl.col(times).dt.to_string("iso:strict")).cast(pl.String)


def _records(
    rows: pl.DataFrame, where: dict[str, str], skipped: Counter[str], source: Source, options: ReadOptions
) -> pl.DataFrame:
    named = rows.select(pl.col(column).alias(name) for name, column in where.items())
    named = named.with_columns(pl.when(pl.col(name).str.strip_chars() != "").then(name) for name in named.columns)
    named = named.with_columns(time=_times(named["time"], options.zone.key))
    kind = pl.col("kind").str.to_lowercase() if "kind" in where else pl.lit("message")
    group = pl.lit(options.group or source.stem)
    read = named.with_columns(
        platform=pl.lit(options.platform or "table"),
        group_id=pl.coalesce("group_id", group) if "group_id" in where else group,
        kind=kind.fill_null("message"),
        time_quality=pl.lit("second"),
    )
    for reason, is_kept in (
        ("rows without a time", pl.col("time").is_not_null()),
        ("rows of other kinds", pl.col("kind").is_in(_KINDS)),
    ):
        kept = read.filter(is_kept)
        skipped[reason] += read.height - kept.height
        read = kept
    if "message_kind" in where:
        return read
    has_text = pl.col("text").is_not_null() if "text" in where else pl.lit(value=False)
    of_message = pl.when(has_text).then(pl.lit("text")).otherwise(pl.lit("other"))
    return read.with_columns(
        message_kind=pl.when(pl.col("kind") == "message").then(of_message).otherwise(pl.lit("system"))
    )


def _times(texts: pl.Series, zone: str) -> pl.Series:
    """Convert times in any supported form to seconds since 1970."""
    number = texts.cast(pl.Float64, strict=False)
    exact = texts.str.to_datetime("%+", strict=False, time_zone="UTC", time_unit="us").dt.epoch("s")
    plain = texts.str.replace("T", " ", literal=True).str.replace_all("/", "-", literal=True)
    local = pl.select(
        pl.coalesce(
            plain.str.to_datetime(form, strict=False, time_unit="us")
            for form in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
        )
    ).to_series()
    return pl.select(
        pl.when(number.abs() >= _MILLISECONDS_FROM)
        .then((number / 1000).floor())
        .otherwise(number.floor())
        .cast(pl.Int64, strict=False)
        .fill_null(exact)
        .fill_null(seconds(local, zone))
    ).to_series()


READER = Table()
