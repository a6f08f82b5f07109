"""WeFlow's and EchoTrace's JSON of a WeChat group, one file per conversation.

Payloads are of the carrier `chat_record`. `localId` is a number in the exporter's own store, so a message is identified
by its content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from pipelines.carriers.readers import wechat
from pipelines.carriers.readers.base import Capabilities, Payloads, Reader, ReadOptions, Sniffed, UnreadableExport
from pipelines.carriers.readers.chat_records import read_records
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_items import fields, items
from pipelines.carriers.readers.json_shape import shape_of
from pipelines.carriers.readers.source import Source

_LATEST: Final = 2**40
_ROWS: Final = 20_000
_SCHEMA: Final = {
    "createTime": pl.Int64, "type": pl.String, "content": pl.String, "sender": pl.String, "name": pl.String,
}  # fmt: skip


class WeFlow(Reader):
    """Reader of WeFlow's and EchoTrace's JSON."""

    name = "wechat_weflow"
    title = "a chat of WeChat as WeFlow or EchoTrace exports it"
    carrier = "chat_record"
    capabilities = Capabilities(replies=False, limits=("Joins, leaves and recalls are sentences with names.",))

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by its first keys, since an avatar may precede the messages by megabytes."""
        shape = shape_of(source)
        if not shape.has("session.wxid"):
            return None
        if shape.has("weflow.version"):
            return Sniffed((f"written by WeFlow {shape['weflow.version']}",))
        if shape.has("session.nickname", "session.type", "session.displayName"):
            return Sniffed(("a session with wxid, as EchoTrace writes it",))
        return None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read its head, then messages in blocks."""
        session = fields(source, "session").get("session")
        if not isinstance(session, dict):
            raise UnreadableExport("It has no session.", "Export the chat again.", source.place)
        group = options.group or str(session.get("wxid"))

        def frames(repairs: Counter[str], skipped: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            if options.group is None and not group.endswith(wechat.GROUP):
                skipped["private chats"] += 1
                return
            for rows in _rows(source, repairs, progress):
                yield _records(rows, group, session, skipped, options)

        return read_records(frames, options)


def _rows(source: Source, repairs: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
    rows: list[tuple[Any, ...]] = []
    for _, item in items(source, repairs, progress, ("messages",)):
        time, content = item.get("createTime"), item.get("content")
        named = [item.get(name) for name in ("senderUsername", "senderDisplayName")]
        texts = (item.get("type"), content, *named)
        rows.append(
            (
                time if isinstance(time, int) and 0 <= time <= _LATEST else None,
                *(text if isinstance(text, str) else None for text in texts),
            )
        )
        if len(rows) == _ROWS:
            yield pl.DataFrame(rows, _SCHEMA, orient="row", strict=False)
            rows = []
    yield pl.DataFrame(rows, _SCHEMA, orient="row", strict=False)


def _records(
    rows: pl.DataFrame, group: str, session: dict[str, Any], skipped: Counter[str], options: ReadOptions
) -> pl.DataFrame:
    read = rows.filter(pl.col("createTime").is_not_null())
    skipped["messages without a time"] += rows.height - read.height
    kind = wechat.kinds_of_words("type")
    is_system = (kind == "system") | (pl.col("sender") == group)
    return read.select(
        platform=pl.lit(options.platform or "wechat"),
        group_id=pl.lit(group),
        group_name=pl.lit(session.get("nickname") or session.get("displayName"), pl.String),
        kind=pl.when(is_system).then(pl.lit("system")).otherwise(pl.lit("message")),
        time="createTime",
        time_quality=pl.lit("second"),
        sender_id=pl.when(~is_system).then("sender"),
        sender_name=pl.when(pl.col("name") != "").then("name"),
        message_kind=pl.when(is_system).then(pl.lit("system")).otherwise(kind),
        text=pl.when(is_system | (kind == "text")).then("content"),
    )


READER = WeFlow()
