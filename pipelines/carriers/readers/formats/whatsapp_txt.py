"""WhatsApp's text export of a chat, of either phone and in many languages.

Payloads are of the carrier `chat_record`. There are no ids: a member is the shown name or phone number, a group the
name of the file. The order of day, month and year depends on the phone, and is the same in the whole file. It is
inferred from a number above 12, or because dates would run backwards otherwise; else `--date-order` must be given.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import polars as pl

from pipelines.carriers.readers.base import (
    Capabilities,
    DateOrder,
    Payloads,
    Reader,
    ReadOptions,
    Sniffed,
    UnreadableExport,
)
from pipelines.carriers.readers.chat_records import read_records
from pipelines.carriers.readers.encoding import Progress, head_text, texts
from pipelines.carriers.readers.local_clock import CLOCK, local_times
from pipelines.carriers.readers.notices import NamesAreIds
from pipelines.carriers.readers.source import Source
from pipelines.carriers.readers.text_lines import bodies, records, seconds, without_pasted

_STAMP: Final = rf"(?P<date>\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}})\.?,?\s{CLOCK}"
_SPAN: Final = re.sub(r"\?P<\w+>", "", _STAMP)
_HEAD: Final = rf"^[\x{{200e}}\x{{200f}}]*(?:(?P<stamp>\[{_SPAN})\]|(?P<stamp2>{_SPAN})\s-)\s(?P<rest>.*)$"
_MAY_BE_HEAD: Final = r"^[\x{200e}\x{200f}]*\[?\d{1,4}[./-]\d{1,2}[./-]\d{1,4}"
_DATE_OF_HEAD: Final = r"^[\x{200e}\x{200f}]*\[?(\d{1,4}[./-]\d{1,2}[./-]\d{1,4})\.?,?\s\D{0,3}\d{1,2}[:.]\d{2}"
"""All that the order of dates needs of a head."""
_LONGEST_NAME: Final = 120
_QUOTES: Final = r'["“”«»「」]'
_MARKS: Final = " \u200e\u202f\u00a0"
_PUSH: Final = r"^[~\s\x{202f}\x{00a0}]+"
_EDITED: Final = r"\s*[\x{200e}]?<(?:This message was edited|已编辑此消息|已編輯此訊息)>\s*$"
_MEDIA: Final = r"^(?:[\x{200e}].*|<[^<>]{3,60}>)$"
_KINDS: Final = (
    (r"(?i)image|photo|图片|圖片|画像|사진|imagen|bild|sticker|贴图|貼圖|スタンプ|gif", "image"),
    (r"(?i)video|视频|影片|動画|동영상", "video"),
    (r"(?i)audio|voice|ptt|语音|音訊|音声|음성", "voice"),
    (r"(?i)document|file|\.pdf|文件|檔案|ファイル|문서", "file"),
)
_NAME_OF_FILE: Final = re.compile(
    r"^(?:WhatsApp Chat (?:with|-) |WhatsApp-Chat mit |Chat de WhatsApp con |WhatsApp 与|與)(?P<name>.+?)$"
)
_LEAST_HEADS: Final = 0.2
"""Share of heads among the first lines."""


class WhatsAppText(Reader):
    """Reader of WhatsApp's text export."""

    name = "whatsapp_txt"
    title = "a text export of WhatsApp"
    carrier = "chat_record"
    capabilities = Capabilities(
        replies=False,
        time="minute",
        limits=(
            "Members are names or numbers as one phone shows them: two people's exports of one group count twice.",
            "It has no id of the group: the name of the file is taken for one, unless --group says it.",
            "An export is cut at 40,000 messages, or at 10,000 with media: the first day may not be the group's first.",
            "Times are local, of --zone; it does not say whether a chat is a group.",
        ),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by the heads of its lines; in an archive, by the one text that it holds."""
        if source.is_container:
            text = _chat_of(source)
            return None if text is None else self.sniff(text)
        if source.suffix not in {".txt", ""}:
            return None
        lines = pl.Series("line", head_text(source).split("\n")[:500]).str.strip_suffix("\r")
        heads = _heads(lines)
        n_named = _named(heads)["name"].count()
        if heads.height < _LEAST_HEADS * len(lines) or not n_named:
            return None
        return Sniffed((f"{heads.height:,} of its first {len(lines):,} lines begin as WhatsApp's do",))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Decide on the order of dates by the whole file, then read records block by block."""
        text = source if not source.is_container else _chat_of(source) or source
        order = options.date_order or _order_of(text)
        found = _NAME_OF_FILE.match(source.stem)
        group = options.group or (found["name"] if found else source.stem)

        def frames(repairs: Counter[str], _: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            reading = _Records(order, group, options)
            return records(texts(text, repairs, progress), lambda lines, is_last: reading.parse(lines, is_last=is_last))

        return read_records(frames, options, NamesAreIds(options.self_id))


def _chat_of(source: Source) -> Source | None:
    """The text of an archive or a folder as WhatsApp makes them."""
    found = [file for name, file in source.files.items() if "/" not in name and file.suffix == ".txt"]
    is_chat = len(found) == 1 and (found[0].name == "_chat.txt" or found[0].name.startswith("WhatsApp"))
    return found[0] if is_chat else None


def _heads(lines: pl.Series, timed: Callable[[pl.DataFrame], pl.DataFrame] = lambda stamps: stamps) -> pl.DataFrame:
    """Return each line that begins as a head does: `line`, its number, `rest`, and what `timed` makes of its stamp.

    Args:
        lines: of a text.
        timed: takes different stamps, with `date` and the parts of `CLOCK`; of many lines there are few of them.
    """
    text = pl.col("text")
    may_be = lines.to_frame("text").with_row_index("line").filter(text.str.contains(_MAY_BE_HEAD))
    is_bracketed = text.str.contains(r"^[\x{200e}\x{200f}]*\[")
    usual = may_be.select(
        "line",
        "text",
        pl.when(is_bracketed)
        .then(text.str.splitn("] ", 2))
        .otherwise(text.str.splitn(" - ", 2))
        .struct.rename_fields(["stamp", "rest"])
        .struct.unnest(),
    ).with_columns(pl.col("stamp").str.strip_chars_start("\u200e\u200f"))
    heads = _with_stamps(usual.filter(pl.col("rest").is_not_null()), timed)
    if heads.height < may_be.height:
        # White space of another kind, or a text that begins with a date.
        rare = may_be.join(heads, on="line", how="anti", maintain_order="left")
        groups = text.str.extract_groups(_HEAD).struct.unnest()
        rare = rare.with_columns(groups).with_columns(stamp=pl.coalesce("stamp", "stamp2"))
        found = _with_stamps(rare.filter(pl.col("stamp").is_not_null()), timed)
        heads = pl.concat([heads, found]).sort("line")
    return heads


def _with_stamps(heads: pl.DataFrame, timed: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """Replace the `stamp` of heads by what `timed` makes of it; without heads whose stamp is none."""
    stamps = heads.select(pl.col("stamp").unique())
    read = stamps.with_columns(pl.col("stamp").str.extract_groups(rf"^\[?{_STAMP}$").struct.unnest())
    timed_stamps = timed(read.filter(pl.col("date").is_not_null()))
    kept = heads.select("line", "rest", "stamp")
    return kept.join(timed_stamps, on="stamp", how="inner", maintain_order="left").drop("stamp")


def _named(heads: pl.DataFrame) -> pl.DataFrame:
    """Add the `name` before the colon of each `rest` and the `text` behind it; null where it has no such."""
    parts = pl.col("rest").str.splitn(":", 2).struct.rename_fields(["name", "text"])
    is_named = pl.col("text").is_not_null() & pl.col("name").str.len_chars().is_between(1, _LONGEST_NAME)
    return heads.with_columns(parts.struct.unnest()).with_columns(
        name=pl.when(is_named).then("name"), text=pl.when(is_named).then(pl.col("text").str.strip_prefix(" "))
    )


def _order_of(source: Source) -> DateOrder:
    """Find the order of a file's dates.

    Raises:
        UnreadableExport: no date shows it.
    """
    numbers = (
        pl.concat(_numbers(lines.str.extract(_DATE_OF_HEAD).drop_nulls()) for lines in _all_lines(source))
        .with_row_index("at")
        .unique(["first", "second", "third"], keep="first", maintain_order=True)
    )
    if numbers.is_empty():
        return "ymd"
    if (numbers["first"] > 31).all():
        return "ymd"
    is_day_first, is_month_first = (numbers["first"] > 12).any(), (numbers["second"] > 12).any()
    if is_day_first != is_month_first:
        return "dmy" if is_day_first else "mdy"
    if not is_day_first:
        forward: list[DateOrder] = []
        ways: tuple[tuple[DateOrder, tuple[str, str, str]], ...] = (
            ("dmy", ("third", "second", "first")), ("mdy", ("third", "first", "second")),
        )  # fmt: skip
        for order, columns in ways:
            days = numbers.select(
                pl.col(columns[0]) * 10_000 + pl.col(columns[1]) * 100 + pl.col(columns[2])
            ).to_series()
            if days.is_sorted():
                forward.append(order)
        if len(forward) == 1:
            return forward[0]
        if numbers.filter(pl.col("first") != pl.col("second")).is_empty():
            return "dmy"  # each way the same days
    raise UnreadableExport(
        f"No date of the file shows whether the day or the month comes first, such as {numbers['date'][0]}.",
        "Say it: --date-order dmy or --date-order mdy.",
        source.place,
    )


def _all_lines(source: Source) -> Iterator[pl.Series]:
    rest = ""
    for block in texts(source, Counter(), Progress()):
        *whole, rest = (rest + block).split("\n")
        yield pl.Series("text", whole, pl.String)
    yield pl.Series("text", [rest], pl.String)


def _numbers(dates: pl.Series) -> pl.DataFrame:
    parts = dates.unique(maintain_order=True).alias("date").to_frame()
    groups = pl.col("date").str.extract_groups(r"^(?P<first>\d+)\D(?P<second>\d+)\D(?P<third>\d+)$")
    return parts.with_columns(groups.struct.unnest()).with_columns(pl.col("first", "second", "third").cast(pl.Int32))


class _Records:
    """Reads records block by block."""

    def __init__(self, order: DateOrder, group: str, options: ReadOptions) -> None:
        self._order: DateOrder = order
        self._group, self._options = group, options
        self._newest: int | None = None

    def parse(self, lines: pl.Series, *, is_last: bool) -> tuple[pl.DataFrame, int]:
        """Read complete messages from lines; see `text_lines.Parse`."""
        heads = _heads(lines if is_last else lines[:-1], self._timed)
        heads = without_pasted(heads.filter(pl.col("seconds").is_not_null()), self._newest)
        n_used = len(lines) if is_last else int(heads["line"][-1]) if heads.height else 0
        heads, lines = heads.filter(pl.col("line") < n_used), lines[:n_used]
        if heads.height:
            self._newest = heads["newest"][-1]
        is_head = pl.repeat(value=False, n=len(lines), eager=True).scatter(heads["line"], values=True)
        return self._records(heads.with_columns(more=bodies(lines, is_head))), n_used

    def _timed(self, stamps: pl.DataFrame) -> pl.DataFrame:
        """Return the time of each `stamp`: `seconds`, and `second`, null where it says only the minute."""
        found = seconds(local_times(stamps, self._order), self._options.zone.key)
        return stamps.select("stamp", "second", seconds=found)

    def _records(self, heads: pl.DataFrame) -> pl.DataFrame:
        named = _named(heads)
        # A notice may quote a group's title, which may hold a colon.
        is_notice = pl.col("name").is_null() | (pl.col("name").str.count_matches(_QUOTES) % 2 == 1)
        first = pl.when(is_notice).then("rest").otherwise("text")
        written = pl.concat_str(first, "more", separator="\n", ignore_nulls=True)
        may_be_edited = pl.when(written.str.contains(">", literal=True)).then(written)
        named = named.with_columns(
            written=pl.coalesce(may_be_edited.str.replace(_EDITED, ""), written).str.strip_chars_end(),
            name=pl.when(~is_notice).then(pl.col("name").str.replace(_PUSH, "").str.strip_chars(_MARKS)),
            is_notice=is_notice,
        )
        is_media = ~pl.col("is_notice") & pl.col("written").str.contains(_MEDIA)
        media = pl.when(is_media).then("written")
        kind = pl.lit("other")
        for pattern, one in reversed(_KINDS):
            kind = pl.when(media.str.contains(pattern)).then(pl.lit(one)).otherwise(kind)
        is_own = pl.col("name").str.to_lowercase().is_in([*NamesAreIds.SELVES])
        own = pl.when(is_own).then(pl.lit(self._options.self_id, pl.String))
        return named.select(
            platform=pl.lit(self._options.platform or "whatsapp"),
            group_id=pl.lit(self._group),
            group_name=pl.lit(self._group),
            kind=pl.when("is_notice").then(pl.lit("system")).otherwise(pl.lit("message")),
            time="seconds",
            time_quality=pl.when(pl.col("second").is_null()).then(pl.lit("minute")).otherwise(pl.lit("second")),
            sender_id=pl.coalesce(own, "name"),
            sender_name="name",
            message_kind=pl.when("is_notice")
            .then(pl.lit("system"))
            .when(is_media)
            .then(kind)
            .when(pl.col("written") == "")
            .then(pl.lit("other"))
            .otherwise(pl.lit("text")),
            text=pl.when(~is_media & (pl.col("written") != "")).then(pl.col("written").str.strip_chars_start(_MARKS)),
        )


READER = WhatsAppText()
