"""Text files of records: a head line each, which has the time and the author, then lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import polars as pl

_MOST_CHARACTERS: Final = 16 * 1024 * 1024
"""Of one record; a longer one is cut into parts, of which the later have no head."""


_DAY: Final = 86_400

Parse = Callable[[pl.Series, bool], tuple[pl.DataFrame, int]]
"""Reads records from lines, which are the last of the file or not; gives them and how many lines it used.

The lines that it did not use come again, with more behind them: so it leaves the newest record, which may go on.
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
    """Join the lines behind each start, trailing blank ones left out; null where there are none.

    Args:
        lines: of a block.
        is_start: where records begin; lines before the first are left out.
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
    """Leave out heads whose time is more than a day before one above them: somebody pasted them into a text.

    Args:
        heads: with `seconds`, in their order.
        newest: seconds of the newest head before them.

    Returns:
        The others, with `newest`, the newest time down to them.
    """
    reached = pl.max_horizontal(pl.col("seconds").cum_max(), pl.lit(newest, pl.Int64))
    return heads.with_columns(newest=reached).filter(pl.col("seconds") >= pl.col("newest") - _DAY)


def seconds(times: pl.Series, zone: str) -> pl.Series:
    """Turn local times without an offset into seconds since 1970; of an hour that is there twice, the first.

    A time that a clock never showed is taken an hour later, as clocks were put on.
    """
    frame = times.to_frame("time")
    local = pl.col("time").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    later = (pl.col("time") + pl.duration(hours=1)).dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    )
    return frame.select(pl.coalesce(local, later).dt.epoch("s")).to_series()


def local_seconds(texts: pl.Series, zone: str) -> pl.Series:
    """Turn local times such as `2026-01-01 07:00:00` into seconds since 1970; null where they are none."""
    return seconds(texts.str.strip_chars().str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us"), zone)
