"""DiscordChatExporter's CSV of a channel, which has no message ids.

Payloads are of the carrier `chat_record`. The channel's id is in brackets at the end of the file's name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import polars as pl

from pipelines.carriers.readers import csv_rows
from pipelines.carriers.readers.base import Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.chat_records import read_records
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.source import Source

_HEADER: Final = ("AuthorID", "Author", "Date", "Content", "Attachments", "Reactions")
_CHANNEL: Final = re.compile(r"\[(\d{15,20})\]")
_DATE: Final = "%Y-%m-%dT%H:%M:%S%.f%:z"


class DiscordChatExporterCsv(Reader):
    """Reader of DiscordChatExporter's CSV."""

    name = "discord_chat_exporter_csv"
    title = "a channel of Discord as DiscordChatExporter writes it in CSV"
    carrier = "chat_record"
    capabilities = Capabilities(
        membership="none",
        replies=False,
        limits=("Messages have no ids: if a JSON export of the channel is imported too, they count twice.",),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by the names of its columns."""
        if csv_rows.header_of(source) != _HEADER:
            return None
        limits = () if _CHANNEL.search(source.name) else ("The name of the file, not an id, is taken for the channel.",)
        return Sniffed(("its columns are those of DiscordChatExporter",), limits)

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read rows in blocks."""
        channel = _CHANNEL.search(source.name)
        group = options.group or (channel[1] if channel else source.stem)

        def frames(repairs: Counter[str], skipped: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            for rows in csv_rows.frames(source, repairs, progress, _HEADER):
                time = pl.col("Date").str.to_datetime(_DATE, strict=False, time_zone="UTC")
                read = rows.with_columns(seconds=time.dt.epoch("s")).filter(pl.col("seconds").is_not_null())
                skipped["rows without a time"] += rows.height - read.height
                text = pl.when(pl.col("Content") != "").then("Content")
                yield read.select(
                    platform=pl.lit(options.platform or "discord"),
                    group_id=pl.lit(group),
                    kind=pl.lit("message"),
                    time="seconds",
                    time_quality=pl.lit("second"),
                    sender_id="AuthorID",
                    sender_name="Author",
                    message_kind=pl.when(text.is_not_null()).then(pl.lit("text")).otherwise(pl.lit("other")),
                    text=text,
                )

        return read_records(frames, options)


READER = DiscordChatExporterCsv()
