"""MemoTrace's CSV of a WeChat chat (also WeChatMsg): only the file's name identifies the group.

Payloads are of the carrier `chat_record`. A message is identified by its content, not by `localId`: that is a number in
the exporter's own store, which differs between two members' exports of one group.
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
from pipelines.carriers.readers.source import Source

_HEADER: Final = (
    "localId", "TalkerId", "Type", "SubType", "IsSender", "CreateTime", "Status", "StrContent", "StrTime", "Remark",
    "NickName", "Sender",
)  # fmt: skip
_CELLS_OF_PRIVATE: Final = 9


class MemoTrace(Reader):
    """Reader of MemoTrace's CSV."""

    name = "wechat_memotrace"
    title = "a chat of WeChat as MemoTrace exports it"
    carrier = "chat_record"
    capabilities = Capabilities(
        replies=False,
        limits=(
            "It has no id of the group: the file's name is used, unless --group is given.",
            "Joins, leaves and recalls are sentences with names.",
        ),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by the names of its columns."""
        return Sniffed(("its columns are those of MemoTrace",)) if csv_rows.header_of(source) == _HEADER else None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read rows in blocks; those of private chats have fewer cells than the header."""

        def frames(repairs: Counter[str], skipped: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            for rows in csv_rows.frames(source, repairs, progress, _HEADER):
                yield self._records(rows, source, skipped, options)

        return read_records(frames, options)

    def _records(self, rows: pl.DataFrame, source: Source, skipped: Counter[str], options: ReadOptions) -> pl.DataFrame:
        rows = rows.with_columns(seconds=pl.col("CreateTime").cast(pl.Int64, strict=False))
        of_groups = rows.filter(pl.col("n_cells") > _CELLS_OF_PRIVATE)
        read = of_groups.filter(pl.col("seconds").is_not_null())
        skipped["messages of private chats"] += rows.height - of_groups.height
        skipped["rows without a time"] += of_groups.height - read.height
        name = source.stem.removesuffix("_utf8")
        is_system = pl.col("Type") == str(wechat.SYSTEM)
        has_text = pl.col("Type").is_in(["1", str(wechat.SYSTEM)]) & (pl.col("StrContent") != "")
        return read.select(
            platform=pl.lit(options.platform or "wechat"),
            group_id=pl.lit(options.group or name),
            group_name=pl.lit(name),
            kind=pl.when(is_system).then(pl.lit("system")).otherwise(pl.lit("message")),
            time="seconds",
            time_quality=pl.lit("second"),
            sender_id=pl.when(~is_system & (pl.col("Sender") != "")).then("Sender"),
            sender_name=pl.coalesce(pl.when(pl.col(one) != "").then(one) for one in ("NickName", "Remark")),
            message_kind=wechat.kinds_of_numbers("Type", "SubType"),
            text=pl.when(has_text).then("StrContent"),
        )


READER = MemoTrace()
