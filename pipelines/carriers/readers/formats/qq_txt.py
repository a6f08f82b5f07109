"""QQ's own text export of chats: a head line per message with time, name and number, then its text.

Payloads are of the carrier `chat_record`. A member is identified by the number, or the mail address in its place; the
group only by its name. Joins and leaves are system sentences with names: they are read if the file shows the name
beside exactly one number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import polars as pl

from pipelines.carriers.readers.base import Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.chat_records import read_records
from pipelines.carriers.readers.encoding import Progress, head_text, texts
from pipelines.carriers.readers.source import Source
from pipelines.carriers.readers.text_lines import bodies, records, seconds, without_pasted

_HEAD: Final = (
    r"^(?P<date>\d{4}-\d{2}-\d{2}) (?P<clock>\d{1,2}:\d{2}:\d{2})(?: (?P<half>[AP]M))? "
    r"(?P<name>.*?)(?:\((?P<number>\d{4,})\)|<(?P<mail>[^<>\s]+@[^<>\s]+)>)?\s*$"
)
_MAY_BE_HEAD: Final = r"^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2}:\d{2} "
_LEVEL: Final = r"^【[^】]*】"
_RULER: Final = r"^={16,}$"
_OBJECT: Final = r"^(?:消息对象|Message [Oo]bject)\s*[:：]\s*(.*)$"
_SECTION: Final = r"^(?:消息分组|消息群组|Message [Gg]roup)\s*[:：]\s*(.*)$"
_TITLE: Final = ("消息记录", "Message Record", "Message record")
_SYSTEM: Final = ("10000", "1000000")
_OF_FRIENDS: Final = ("我的好友", "特别关心", "朋友", "家人", "陌生人", "黑名单", "My Friends", "Friends", "Strangers")
_PLACEHOLDERS: Final = {
    "[图片]": "image", "[表情]": "image", "[语音]": "voice", "[视频]": "video", "[文件]": "file",
    "[QQ红包]": "red_packet", "[红包]": "red_packet", "[Image]": "image", "[Photo]": "image", "[Voice]": "voice",
    "[Video]": "video", "[File]": "file",
}  # fmt: skip


class QqText(Reader):
    """Reader of QQ's text export."""

    name = "qq_txt"
    title = "a text export of QQ's desktop client"
    carrier = "chat_record"
    capabilities = Capabilities(
        replies=False,
        limits=(
            "It has the group's name and no number: the name is taken for the id, unless --group says the number.",
            "Times are local, of --zone; messages have no id.",
            "Joins and leaves are known where the client wrote them, of names that have a number in the file.",
        ),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by its title, or by a message object, and a head line of a message."""
        lines = pl.Series("line", head_text(source).split("\n")[:2000]).str.strip_suffix("\r")
        n_heads = int(lines.str.contains(_MAY_BE_HEAD).sum())
        is_titled = lines[0].lstrip("\ufeff").startswith(_TITLE) if len(lines) else False
        has_object = bool(lines.str.contains(_OBJECT).any())
        if not n_heads or not (is_titled or has_object):
            return None
        return Sniffed(
            (
                "its title is that of QQ's text export" if is_titled else "it names a message object",
                f"its first {len(lines):,} lines have {n_heads:,} heads of messages",
            )
        )

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read records block by block."""
        return read_records(lambda *counted: _Records(options).frames(source, *counted), options)


class _Records:
    """Reads records block by block, with the state of earlier blocks."""

    _last_group: str | None = None

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._group: str | None = None
        self._is_private = False
        self._newest: int | None = None
        self._has_numbers: bool | None = None

    def frames(
        self, source: Source, repairs: Counter[str], skipped: Counter[str], progress: Progress
    ) -> Iterator[pl.DataFrame]:
        """Read records as `chat_records.SCHEMA`."""
        return records(
            texts(source, repairs, progress),
            lambda lines, is_last: self._parse(lines, source, skipped, is_last=is_last),
        )

    def _parse(
        self, lines: pl.Series, source: Source, skipped: Counter[str], *, is_last: bool
    ) -> tuple[pl.DataFrame, int]:
        context = self._conversations(lines)
        heads = self._heads(lines if is_last else lines[:-1], context)
        n_used = len(lines) if is_last else heads["line"][-1] if heads.height else 0
        heads, context, lines = heads.filter(pl.col("line") < n_used), context[:n_used], lines[:n_used]
        if n_used:
            self._group, self._is_private = context["group"][-1], bool(context["is_private"][-1])
        if heads.height:
            self._has_numbers = self._shows_numbers(heads)
            self._newest, self._last_group = heads["newest"][-1], heads["group"][-1]
        is_head = pl.repeat(value=False, n=len(lines), eager=True).scatter(heads["line"], values=True)
        is_start = is_head | context["is_meta"]
        text = bodies(lines, is_start).filter(is_head.filter(is_start))
        name = pl.col("name").str.replace(_LEVEL, "").str.strip_chars()
        is_system = pl.col("number").is_in(_SYSTEM)
        kind = text.replace_strict(_PLACEHOLDERS, default=None, return_dtype=pl.String)
        group = pl.lit(self._options.group) if self._options.group else pl.coalesce("group", pl.lit(source.stem))
        frame = heads.with_columns(text=text, of_text=kind).select(
            platform=pl.lit(self._options.platform or "qq"),
            group_id=group,
            group_name="group",
            kind=pl.when(is_system).then(pl.lit("system")).otherwise(pl.lit("message")),
            time="seconds",
            time_quality=pl.lit("second"),
            sender_id=pl.when(~is_system | pl.col("number").is_null()).then(
                pl.coalesce("number", "mail", pl.when(name != "").then(name))
            ),
            sender_name=pl.when(name != "").then(name),
            subject_id=pl.lit(None, pl.String),
            subject_name=pl.lit(None, pl.String),
            message_kind=pl.when(is_system)
            .then(pl.lit("system"))
            .otherwise(pl.coalesce("of_text", pl.when(pl.col("text").is_null()).then(pl.lit("other")), pl.lit("text"))),
            text=pl.when(pl.col("of_text").is_null()).then("text"),
            is_private="is_private",
        )
        skipped["messages of private chats"] += int(frame["is_private"].sum())
        return frame.filter(~pl.col("is_private")).drop("is_private"), n_used

    def _conversations(self, lines: pl.Series) -> pl.DataFrame:
        """Return a row per line: whether it is of a conversation's head, and which conversation it belongs to."""
        frame = lines.to_frame("line").with_columns(
            is_ruler=pl.col("line").str.contains(_RULER),
            object=pl.col("line").str.extract(_OBJECT),
            section=pl.col("line").str.extract(_SECTION),
        )
        is_first = self._group is None and self._newest is None
        is_told = pl.col("object").is_not_null() | pl.col("section").is_not_null()
        before_all = (pl.int_range(pl.len()) < pl.col("line").str.contains(_MAY_BE_HEAD).arg_max()) & pl.lit(is_first)
        is_told = is_told & (pl.col("is_ruler").shift(fill_value=False) | before_all)
        frame = frame.with_columns(is_told=is_told)
        is_meta = pl.col("is_told") | (
            pl.col("is_ruler")
            & (pl.col("is_told").shift(fill_value=False) | pl.col("is_told").shift(-1, fill_value=False))
        )
        is_friends = pl.col("section").is_in(_OF_FRIENDS)
        return frame.select(
            is_meta=is_meta,
            group=pl.when("is_told").then("object").forward_fill().fill_null(pl.lit(self._group, pl.String)),
            is_private=pl.when("is_told").then(is_friends).forward_fill().fill_null(self._is_private)
            & pl.lit(self._options.group is None),
        )

    def _heads(self, lines: pl.Series, context: pl.DataFrame) -> pl.DataFrame:
        """Find the lines that begin a record; `line` is their index."""
        heads = (
            context[: len(lines)]
            .with_columns(text=lines)
            .with_row_index("line")
            .filter(pl.col("text").str.contains(_MAY_BE_HEAD))
            .with_columns(pl.col("text").str.extract_groups(_HEAD).struct.unnest())
            .drop("text")
            .filter(pl.col("date").is_not_null())
        )
        # Old discussion groups show names only; elsewhere a head without a number was pasted into a text.
        if self._shows_numbers(heads):
            heads = heads.filter(pl.col("number").is_not_null() | pl.col("mail").is_not_null())
        clock = pl.concat_str("date", pl.lit(" "), "clock", pl.lit(" "), pl.col("half").fill_null(""))
        time = (
            pl.when(pl.col("half").is_null())
            .then(clock.str.strip_chars_end().str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False))
            .otherwise(clock.str.to_datetime("%Y-%m-%d %I:%M:%S %p", strict=False))
        )
        times = heads.select(time.alias("time"))["time"]
        heads = heads.with_columns(seconds=seconds(times, self._options.zone.key)).filter(
            pl.col("seconds").is_not_null()
        )
        return self._without_pasted(heads)

    def _without_pasted(self, heads: pl.DataFrame) -> pl.DataFrame:
        """Drop pasted heads, for each conversation separately; adds `newest`."""
        parts = heads.with_columns(part=pl.col("group").ne_missing(pl.col("group").shift()).cum_sum()).partition_by(
            "part", include_key=False
        )
        goes_on = bool(parts) and parts[0]["group"][0] == self._last_group
        return pl.concat(
            without_pasted(part, self._newest if goes_on and not number else None)
            for number, part in enumerate(parts or [heads])
        )

    def _shows_numbers(self, heads: pl.DataFrame) -> bool:
        return bool(heads["number"].is_not_null().any()) if self._has_numbers is None else self._has_numbers


READER = QqText()
