"""LINE's text export of a group: a line with the date, then the messages of that day: time, name, text; tabs between.

Payloads are of the carrier `chat_record`. There are no ids: a member is the shown name, a group its name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import polars as pl

from pipelines.carriers.readers.base import Capabilities, Payloads, Reader, ReadOptions, Sniffed, UnreadableExport
from pipelines.carriers.readers.chat_records import read_records
from pipelines.carriers.readers.encoding import Progress, head_text, texts
from pipelines.carriers.readers.local_clock import CLOCK, local_times
from pipelines.carriers.readers.notices import NamesAreIds
from pipelines.carriers.readers.source import Source
from pipelines.carriers.readers.text_lines import bodies, records, seconds

_GROUP: Final = (
    re.compile(r"^\[LINE\] Chat history in (?P<name>.+)$"),
    re.compile(r"^\[LINE\] (?!.*とのトーク履歴)(?P<name>.+?)のトーク履歴$"),
    re.compile(r"^\[LINE\] (?![与與])(?P<name>.+?)的(?:聊天记录|聊天記錄)$"),
)
_PERSON: Final = (
    re.compile(r"^\[LINE\] Chat history with (?P<name>.+)$"),
    re.compile(r"^\[LINE\] (?P<name>.+?)とのトーク履歴$"),
    re.compile(r"^\[LINE\] [与與](?P<name>.+?)的(?:聊天记录|聊天記錄)$"),
)
_YEAR_FIRST: Final = (
    r"^(?P<date>\d{4}[./]\d{1,2}[./]\d{1,2})(?:\s?\(.{1,3}\)|\s?(?:周|週|星期).|\s(?:\w+day|[日月火水木金土]曜日))?\s*$"
)
_MONTH_FIRST: Final = r"^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat)[a-z]*, (?P<date>\d{1,2}/\d{1,2}/\d{4})\s*$"
_MAY_BE_MESSAGE: Final = r"^(?:\D{2})?\s?\d{1,2}:\d{2}[^\t]{0,4}\t"
_KINDS: Final = {
    "[Sticker]": "image", "[Photo]": "image", "[Video]": "video", "[Voice message]": "voice", "[File]": "file",
    "[スタンプ]": "image", "[写真]": "image", "[動画]": "video", "[ボイスメッセージ]": "voice", "[ファイル]": "file",
    "[貼圖]": "image", "[照片]": "image", "[影片]": "video", "[語音訊息]": "voice", "[檔案]": "file",
    "[贴图]": "image", "[视频]": "video", "[语音信息]": "voice", "[文件]": "file",
}  # fmt: skip


class LineText(Reader):
    """Reader of LINE's text export."""

    name = "line_txt"
    title = "a text export of LINE"
    carrier = "chat_record"
    capabilities = Capabilities(
        replies=False,
        time="minute",
        limits=(
            "Members are names as one phone shows them: two people's exports of one group count twice.",
            "It has no id of the group: its name is taken for one, unless --group says it.",
            "Times are local, of --zone.",
        ),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by its first line."""
        first = head_text(source).split("\n", 1)[0].strip()
        if not any(pattern.match(first) for pattern in (*_GROUP, *_PERSON)):
            return None
        return Sniffed((f"its first line is LINE's: {first}",))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read messages block by block; a line with a date applies to all messages up to the next such line."""
        first = head_text(source).split("\n", 1)[0].strip()
        found = next((match for pattern in _GROUP if (match := pattern.match(first))), None)
        group = options.group or (found["name"] if found else source.stem)
        is_private = found is None and options.group is None

        def frames(repairs: Counter[str], skipped: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            if is_private:
                skipped["private chats"] += 1
                return iter(())
            reading = _Records(group, options, source.place)
            return records(
                texts(source, repairs, progress), lambda lines, is_last: reading.parse(lines, is_last=is_last)
            )

        return read_records(frames, options, NamesAreIds(options.self_id))


class _Records:
    """Reads records block by block, and remembers the day."""

    def __init__(self, group: str, options: ReadOptions, place: str) -> None:
        self._group, self._options, self._place = group, options, place
        self._date: str | None = None

    def parse(self, lines: pl.Series, *, is_last: bool) -> tuple[pl.DataFrame, int]:
        """Read complete messages from lines; see `text_lines.Parse`."""
        complete = lines if is_last else lines[:-1]
        frame = complete.to_frame("line").select(
            "line",
            month_first=pl.col("line").str.extract(_MONTH_FIRST),
            date=pl.col("line").str.extract(_YEAR_FIRST).str.replace_all(".", "/", literal=True),
        )
        swapped = pl.col("month_first").str.replace(r"^(\d+)/(\d+)/(\d+)$", "$3/$1/$2")
        frame = frame.with_columns(date=pl.coalesce("date", swapped)).with_columns(is_day=pl.col("date").is_not_null())
        dated = frame.with_row_index("at").with_columns(
            date=pl.col("date").forward_fill().fill_null(pl.lit(self._date, pl.String))
        )
        parts = pl.col("line").str.splitn("\t", 3).struct.rename_fields(["clock", "name", "rest"])
        heads = (
            dated.filter(pl.col("line").str.contains(_MAY_BE_MESSAGE))
            .with_columns(parts.struct.unnest())
            .filter(pl.col("clock").str.contains(f"^{CLOCK}$"))
        )
        n_used = len(lines) if is_last else int(heads["at"][-1]) if heads.height else 0
        heads, dated, lines = heads.filter(pl.col("at") < n_used), dated[:n_used], lines[:n_used]
        if heads["date"].null_count():
            raise UnreadableExport(
                "It has messages before any row of a date.", "Export the chat again, all of it.", self._place
            )
        if n_used:
            self._date = dated["date"][-1] if dated.height else self._date
        is_head = pl.repeat(value=False, n=len(lines), eager=True).scatter(heads["at"], values=True)
        is_start = is_head | dated["is_day"]
        more = bodies(lines, is_start).filter(is_head.filter(is_start))
        return self._records(heads.with_columns(more=more)), n_used

    def _records(self, heads: pl.DataFrame) -> pl.DataFrame:
        # Of many lines there are few times.
        times = heads.select("date", "clock").unique()
        times = times.with_columns(pl.col("clock").str.extract_groups(f"^{CLOCK}$").struct.unnest())
        found = seconds(local_times(times, "ymd"), self._options.zone.key)
        heads = heads.join(
            times.select("date", "clock", seconds=found), on=["date", "clock"], how="left", maintain_order="left"
        )
        # A notice has no name, or stands where the name would.
        is_notice = (pl.col("name") == "") | pl.col("rest").is_null()
        rest = pl.when(pl.col("rest").is_null()).then("name").otherwise("rest")
        written = pl.concat_str(rest, "more", separator="\n", ignore_nulls=True).str.strip_chars_end()
        # A text of several lines stands in quotes, with its own quotes doubled.
        is_quoted = pl.col("more").is_not_null() & written.str.starts_with('"') & written.str.ends_with('"')
        plain = pl.when(is_quoted).then(written.str.slice(1).str.strip_suffix('"').str.replace_all('""', '"'))
        heads = heads.with_columns(written=pl.coalesce(plain, written), is_notice=is_notice).filter(
            pl.col("seconds").is_not_null()
        )
        kind = pl.col("written").replace_strict(_KINDS, default=None, return_dtype=pl.String)
        has_text = kind.is_null() & (pl.col("written") != "")
        return heads.select(
            platform=pl.lit(self._options.platform or "line"),
            group_id=pl.lit(self._group),
            group_name=pl.lit(self._group),
            kind=pl.when("is_notice").then(pl.lit("system")).otherwise(pl.lit("message")),
            time="seconds",
            time_quality=pl.lit("minute"),
            sender_id=pl.when(~pl.col("is_notice")).then("name"),
            sender_name=pl.when(~pl.col("is_notice")).then("name"),
            message_kind=pl.when("is_notice").then(pl.lit("system")).otherwise(pl.coalesce(kind, pl.lit("text"))),
            text=pl.when(has_text).then("written"),
        )


READER = LineText()
