"""chatlog's CSV of a WeChat group: times without a zone, no kinds, no message ids.

Payloads are of the carrier `chat_record`.
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
from pipelines.carriers.readers.text_lines import local_seconds

_HEADER: Final = ("Time", "SenderName", "Sender", "TalkerName", "Talker", "Content")
_PLACEHOLDER: Final = r"^!?\[[^\]]*\](?:\([^)]*\))?$"


class ChatlogCsv(Reader):
    """Reader of chatlog's CSV."""

    name = "wechat_chatlog_csv"
    title = "messages of WeChat as chatlog writes them in CSV"
    carrier = "chat_record"
    capabilities = Capabilities(
        replies=False,
        limits=(
            "Times are local, of --zone; messages have no id and no kind.",
            "Joins, leaves and recalls are sentences with names.",
        ),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by the names of its columns."""
        return Sniffed(("its columns are those of chatlog",)) if csv_rows.header_of(source) == _HEADER else None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read rows in blocks."""

        def frames(repairs: Counter[str], skipped: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            for rows in csv_rows.frames(source, repairs, progress, _HEADER):
                yield self._records(rows, skipped, options)

        return read_records(frames, options)

    def _records(self, rows: pl.DataFrame, skipped: Counter[str], options: ReadOptions) -> pl.DataFrame:
        rows = rows.with_columns(seconds=local_seconds(rows["Time"], options.zone.key))
        of_groups = rows.filter(pl.col("Talker").str.ends_with(wechat.GROUP))
        read = of_groups.filter(pl.col("seconds").is_not_null())
        skipped["messages of private chats"] += rows.height - of_groups.height
        skipped["rows without a time"] += of_groups.height - read.height
        is_system = pl.col("Sender").is_in(wechat.SYSTEM_WORDS)
        is_text = ~pl.col("Content").str.contains(_PLACEHOLDER) & (pl.col("Content") != "")
        return read.select(
            platform=pl.lit(options.platform or "wechat"),
            group_id="Talker",
            group_name="TalkerName",
            kind=pl.when(is_system).then(pl.lit("system")).otherwise(pl.lit("message")),
            time="seconds",
            time_quality=pl.lit("second"),
            sender_id=pl.when(~is_system).then("Sender"),
            sender_name="SenderName",
            message_kind=pl.when(is_system)
            .then(pl.lit("system"))
            .when(is_text)
            .then(pl.lit("text"))
            .otherwise(pl.lit("other")),
            text=pl.when(is_text).then("Content"),
        )


READER = ChatlogCsv()
