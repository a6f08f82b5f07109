"""Read text files of records: a head line with time and author each, then lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import polars as pl

_MOST_CHARACTERS: Final = 16 * 1024 * 1024
"""Most lines of a record; a longer one is cut into parts, of which the later have no head."""


_DAY: Final = 86_400

Parse = Callable[[pl.Series, bool], tuple[pl.DataFrame, int]]
"""Reads records from lines, and whether these are the last of the file; returns them and the number of lines used.

Unused lines are passed again, with more after them; so it leaves the newest record, which may continue.
"""


def records(blocks: Iterable[str], parse: Parse) -> Iterator[pl.DataFrame]:
    """Read the records of a text, block by block."""
    rest = ""
    for block in blocks:
        text = rest + block
        lines = _lines(text)
        frame, n_used = parse(lines, False)
        if not n_used and len(text) >= _MOST_CHARACTERS:
            frame, n_used = parse(lines[:-1], True)[0], len(lines) - 1
        rest = "\n".join(lines[n_used:]) if n_used else text
        if n_used:
            yield frame
    yield parse(_lines(rest), True)[0]


def _lines(text: str) -> pl.Series:
    lines = pl.Series("line", [text]).str.split("\n").explode(empty_as_null=False)
    return lines.str.strip_suffix("\r")


def bodies(lines: pl.Series, is_start: pl.Series) -> pl.Series:
    """Join the lines after each start, without trailing blank ones; null if there are none.

    Args:
        lines: the lines of a block.
        is_start: whether a record begins; lines before the first are dropped.
    """
    numbered = pl.DataFrame(
        {"line": lines, "record": is_start.cum_sum().cast(pl.get_index_type()), "is_start": is_start}
    )
    n_records = int(is_start.sum())
    texts = (
        numbered.filter(~pl.col("is_start") & (pl.col("record") > 0))
        .group_by("record", maintain_order=True)
        .agg(pl.col("line").str.join("\n"))
        .select("record", text=pl.col("line").str.strip_chars_end())
        .filter(pl.col("text") != "")
    )
    every = pl.select(record=pl.int_range(1, n_records + 1, dtype=pl.get_index_type()))
    return every.join(texts, on="record", how="left", maintain_order="left")["text"]


def without_pasted(heads: pl.DataFrame, newest: int | None) -> pl.DataFrame:
    """Drop heads more than a day older than one above them: they were pasted into a text.

    Args:
        heads: rows with `seconds`, in file order.
        newest: seconds of the newest head before them.

    Returns:
        The others, with `newest`, the newest time up to each row.
    """
    reached = pl.max_horizontal(pl.col("seconds").cum_max(), pl.lit(newest, pl.Int64))
    return heads.with_columns(newest=reached).filter(pl.col("seconds") >= pl.col("newest") - _DAY)


def seconds(times: pl.Series, zone: str) -> pl.Series:
    """Convert local times without an offset to seconds since 1970; in an hour that occurs twice, the first.

    A time that was skipped when clocks were put forward counts as an hour later.
    """
    frame = times.to_frame("time")
    local = pl.col("time").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    later = (pl.col("time") + pl.duration(hours=1)).dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    )
    return frame.select(pl.coalesce(local, later).dt.epoch("s")).to_series()


def local_seconds(texts: pl.Series, zone: str) -> pl.Series:
    """Convert local times such as `2026-01-01 07:00:00` to seconds since 1970; null if invalid."""
    return seconds(texts.str.strip_chars().str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us"), zone)
