"""PyWxDump's pages of a WeChat chat, CSV or JSON: with the server's message ids, which are the same for every member.

Payloads are of the carrier `chat_record`. Own messages have the word "I" in place of their author's id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import polars as pl

from pipelines.carriers.readers import csv_rows, wechat
from pipelines.carriers.readers.base import Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.chat_records import read_records
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_items import items
from pipelines.carriers.readers.json_shape import shape_of
from pipelines.carriers.readers.source import Source
from pipelines.carriers.readers.text_lines import local_seconds

_HEADER: Final = ("id", "MsgSvrID", "type_name", "is_sender", "talker", "room_name", "msg", "src", "CreateTime")
_QUOTED: Final = r"(?s)\s*\[引用\].*$"
_ROWS: Final = 20_000


class PyWxDump(Reader):
    """Reader of PyWxDump's pages."""

    name = "wechat_pywxdump"
    title = "a page of a chat of WeChat as PyWxDump exports it"
    carrier = "chat_record"
    capabilities = Capabilities(
        replies=False,
        limits=(
            "Own messages have no id of their author: they are skipped, unless --self is given.",
            "Times are local, of --zone.",
            "Joins, leaves and recalls are sentences with names.",
        ),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by the names of its columns or fields."""
        if csv_rows.header_of(source) == _HEADER:
            return Sniffed(("its columns are those of PyWxDump",))
        if shape_of(source).has(*(f"[].{name}" for name in ("MsgSvrID", "type_name", "is_sender", "room_name"))):
            return Sniffed(("a list of messages with MsgSvrID, type_name and room_name",))
        return None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read rows in blocks."""

        def frames(repairs: Counter[str], skipped: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            is_table = csv_rows.header_of(source) == _HEADER
            read = csv_rows.frames if is_table else _json_frames
            for rows in read(source, repairs, progress):
                yield self._records(rows, skipped, options)

        return read_records(frames, options)

    def _records(self, rows: pl.DataFrame, skipped: Counter[str], options: ReadOptions) -> pl.DataFrame:
        is_own = pl.col("is_sender").is_in(["1", "True"]) | pl.col("talker").is_in(wechat.SELF_WORDS)
        is_system = pl.col("talker").is_in(wechat.SYSTEM_WORDS)
        author = (
            pl.when(is_own)
            .then(pl.lit(options.self_id, pl.String))
            .when(~is_system & ~pl.col("talker").is_in(wechat.UNKNOWN_WORDS))
            .then("talker")
        )
        rows = rows.with_columns(
            seconds=local_seconds(rows["CreateTime"], options.zone.key), author=author, is_system=is_system
        )
        for reason, is_kept in (
            ("messages of private chats", pl.col("room_name").str.ends_with(wechat.GROUP)),
            ("rows without a time", pl.col("seconds").is_not_null()),
            ("own messages, since --self was not given", ~is_own | pl.col("author").is_not_null()),
            ("messages of unknown authors", pl.col("is_system") | pl.col("author").is_not_null()),
        ):
            kept = rows.filter(is_kept)
            skipped[reason] += rows.height - kept.height
            rows = kept
        kind = wechat.kinds_of_words("type_name")
        text = pl.col("msg").str.replace(_QUOTED, "")
        return rows.select(
            platform=pl.lit(options.platform or "wechat"),
            group_id="room_name",
            kind=pl.when("is_system").then(pl.lit("system")).otherwise(pl.lit("message")),
            time="seconds",
            time_quality=pl.lit("second"),
            sender_id="author",
            message_id=pl.when(pl.col("MsgSvrID") != "").then("MsgSvrID"),
            message_kind=pl.when("is_system").then(pl.lit("system")).otherwise(kind),
            text=pl.when((pl.col("is_system") | (kind == "text")) & (text != "")).then(text),
        )


def _json_frames(source: Source, repairs: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
    schema: dict[str, type[pl.DataType]] = dict.fromkeys(_HEADER, pl.String)
    rows: list[list[str | None]] = []
    for _, item in items(source, repairs, progress, ()):
        rows.append([None if item.get(name) is None else str(item[name]) for name in _HEADER])
        if len(rows) == _ROWS:
            yield pl.DataFrame(rows, schema, orient="row")
            rows = []
    yield pl.DataFrame(rows, schema, orient="row")


READER = PyWxDump()
