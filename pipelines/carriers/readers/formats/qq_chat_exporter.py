"""qq-chat-exporter's JSON of a QQ group: three versions of the format, the newest in a folder of parts.

Payloads are of the carrier `chat_record`. A member is the QQ number, which other transports of QQ have too, wherever
the export shows it beside the member's `uid`; else the `uid`. A recalled message gives two records: the message, and
its recall, whose time is unknown but after that of the message.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from pipelines.carriers.readers.base import (
    ODD_ITEMS,
    Capabilities,
    Payloads,
    Reader,
    ReadOptions,
    Sniffed,
    UnreadableExport,
)
from pipelines.carriers.readers.chat_records import SCHEMA, read_records
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_items import fields, items, section
from pipelines.carriers.readers.json_lines import lines
from pipelines.carriers.readers.json_shape import shape_of
from pipelines.carriers.readers.json_stream import decode_item
from pipelines.carriers.readers.source import Source

AT_EXPORT: Final = "times that are those of the export itself, taken for bounds"

_MANIFEST: Final = "manifest.json"
_NAME: Final = "QQChatExporter"
_NUMBER: Final = re.compile(r"(?:group|群)[^0-9]{0,3}(\d{5,12})(?!\d)", re.IGNORECASE)
_LATEST: Final = 2**40
_ROWS: Final = 20_000
_KINDS: Final = {
    "text": "text", "reply": "text", "image": "image", "pic": "image", "face": "image", "market_face": "image",
    "audio": "voice", "ptt": "voice", "video": "video", "file": "file", "json": "link", "forward": "other",
}  # fmt: skip
_PLACEHOLDER: Final = re.compile(r"^(?:\[[^\[\]]{1,40}\]\s*)+$")
_OF_RECALLS: Final = ("platform", "group_id", "group_name", "time", "sender_id", "sender_name")
_REPLY: Final = "[回复消息]"


@dataclass(frozen=True)
class _Head:
    group: str
    name: str | None
    is_private: bool
    exported: int | None
    """Milliseconds."""


class QqChatExporter(Reader):
    """Reader of qq-chat-exporter's JSON."""

    name = "qq_chat_exporter"
    title = "a chat of QQ as qq-chat-exporter writes it"
    carrier = "chat_record"
    capabilities = Capabilities(
        limits=(
            "Only the file's name may have the group's number; else its name is taken for one, unless --group says it.",
            "It has no times of recalls. Joins and leaves are sentences with names.",
        )
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by the name of the program in its head, or in the manifest of a folder."""
        if source.is_container:
            manifest = source.files.get(_MANIFEST)
            if manifest is None or not self._is_named(manifest):
                return None
            return Sniffed((f"{_MANIFEST} of {_NAME} beside parts",))
        shape = shape_of(source)
        if not str(shape.get("metadata.name", "")).startswith(_NAME) or not shape.has("chatInfo"):
            return None
        if not (shape.has("messages") or shape.has("chunks") or shape.has("statistics")):
            return None
        if shape.has("chunked") or source.name == _MANIFEST:
            return None  # of no use without its parts
        return Sniffed((f"written by {shape['metadata.name']}",))

    def _is_named(self, manifest: Source) -> bool:
        try:
            metadata = fields(manifest, "metadata").get("metadata")  # statistics may push it out of the first bytes
        except UnreadableExport:
            return False
        return isinstance(metadata, dict) and str(metadata.get("name")).startswith(_NAME)

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read its head and who has which number, then messages in blocks."""
        head = self._head(source, options)
        numbers: dict[str, str] = {}
        for item in [] if head.is_private else _messages(source, Counter(), Progress()):
            with suppress(AttributeError, TypeError):
                sender = item.get("sender") or {}
                uid, number = sender.get("uid"), _number(sender, item)
                if uid and number:
                    numbers[str(uid)] = number

        def frames(repairs: Counter[str], skipped: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            if head.is_private:
                skipped["private chats"] += 1
                return
            rows: list[dict[str, Any]] = []
            for item in _messages(source, repairs, progress):
                try:
                    rows += map(_checked, _records(item, head, numbers, repairs, skipped, options))
                except (AttributeError, OverflowError, TypeError, ValueError):
                    skipped[ODD_ITEMS] += 1
                if len(rows) >= _ROWS:
                    yield pl.DataFrame(rows, SCHEMA)
                    rows = []
            yield pl.DataFrame(rows, SCHEMA)

        return read_records(frames, options)

    def _head(self, source: Source, options: ReadOptions) -> _Head:
        described = source.files[_MANIFEST] if source.is_container else source
        found = fields(described, "metadata", "chatInfo")
        chat = found.get("chatInfo")
        if not isinstance(chat, dict):
            raise UnreadableExport("It has no chatInfo.", "Export the chat again.", source.place)
        number = _NUMBER.search(source.name)
        name = None if chat.get("name") is None else str(chat["name"])
        return _Head(
            group=options.group or (number[1] if number else None) or str(name or source.stem),
            name=name,
            is_private=options.group is None and str(chat.get("type")) in {"private", "friend"},
            exported=_milliseconds(section(found, "metadata").get("exportTime")),
        )


def _messages(source: Source, repairs: Counter[str], progress: Progress) -> Iterator[dict[str, Any]]:
    if not source.is_container:
        for _, item in items(source, repairs, progress, ("messages",), ("chunks", "messages")):
            yield item
        return
    for part in _parts(source):
        for line in lines(part, repairs, progress):
            item = decode_item(line, repairs)
            if isinstance(item, dict):
                yield item


def _parts(source: Source) -> Iterable[Source]:
    """Return the parts in the order of the manifest; all existing parts if it names none."""
    chunked = fields(source.files[_MANIFEST], "chunked").get("chunked")
    folder = str(chunked.get("chunksDir") or "chunks") if isinstance(chunked, dict) else "chunks"
    named = chunked.get("chunks") if isinstance(chunked, dict) else None
    names = [
        str(one.get("relativePath") or f"{folder}/{one.get('fileName') or one.get('file')}")
        for one in named or ()
        if isinstance(one, dict)
    ] or [name for name in source.files if name.endswith(".jsonl")]
    for name in names:
        if name not in source.files:
            raise UnreadableExport(f"Its part {name} is missing.", "Give the whole folder.", source.place)
        yield source.files[name]


def _records(
    item: dict[str, Any],
    head: _Head,
    numbers: dict[str, str],
    repairs: Counter[str],
    skipped: Counter[str],
    options: ReadOptions,
) -> Iterator[dict[str, Any]]:
    if item.get("type") == "error":
        skipped["messages that failed when they were exported"] += 1
        return
    time = _milliseconds(item.get("timestamp"))
    if time is None:
        skipped["messages without a time"] += 1
        return
    is_late = head.exported is not None and abs(time - head.exported) < 1000
    repairs.update({AT_EXPORT: 1} if is_late else {})
    sender = item.get("sender") or {}
    is_system = bool(item.get("system") or item.get("isSystemMessage") or item.get("type") == "system")
    uid = sender.get("uid")
    kind, text = ("system", _content(item).get("text")) if is_system else _kind_and_text(item)
    native = numbers.get(str(uid)) or _number(sender, item) or uid
    message_id = item.get("id") or item.get("messageId")
    record = {
        "platform": options.platform or "qq",
        "group_id": head.group,
        "group_name": head.name,
        "kind": "system" if is_system else "message",
        "time": time // 1000,
        "time_quality": "bound" if is_late else "second",
        "sender_id": None if is_system or not native else str(native),
        "sender_name": sender.get("groupCard") or sender.get("name") or None,
        "message_id": None if message_id is None else str(message_id),
        "message_kind": kind,
        "reply_to": _answered(item),
        "text": text or None,
    }
    yield record
    if (item.get("recalled") or item.get("isRecalled")) and not is_system and message_id is not None:
        yield {
            **dict.fromkeys(("message_id", "message_kind", "reply_to", "text")),
            **{
                name: record[name]
                for name in ("platform", "group_id", "group_name", "time", "sender_id", "sender_name")
            },
            "kind": "recalled",
            "recalled_id": str(message_id),
            "time_quality": "bound",
        }


def _checked(record: dict[str, Any]) -> dict[str, Any]:
    """Check and return a record.

    Raises:
        TypeError: a text is no string, or the time is out of range.
    """
    is_odd = any(not isinstance(value, str | None) for name, value in record.items() if name != "time")
    if is_odd or abs(record["time"]) > _LATEST:
        raise TypeError("a record of another shape")
    return record


def _number(sender: dict[str, Any], item: dict[str, Any]) -> str | None:
    for number in (sender.get("uin"), (item.get("rawMessage") or {}).get("senderUin")):
        if number and str(number).isdigit() and int(number):
            return str(number)
    return None


def _milliseconds(time: object) -> int | None:
    if isinstance(time, int):
        return time
    try:
        return int(dt.datetime.fromisoformat(str(time)).timestamp() * 1000) if isinstance(time, str) else None
    except ValueError:
        return None


def _content(item: dict[str, Any]) -> dict[str, Any]:
    content = item.get("content")
    return content if isinstance(content, dict) else {}


def _kind_and_text(item: dict[str, Any]) -> tuple[str, str | None]:
    content = _content(item)
    elements = [one for one in content.get("elements") or () if isinstance(one, dict)]
    written = [str((one.get("data") or {}).get("text", "")) for one in elements if one.get("type") in {"text", "at"}]
    text = "".join(written) if elements else str(content.get("text") or "").removeprefix(_REPLY)
    if _PLACEHOLDER.match(text):
        text = ""
    if text:
        return "text", text
    resources = [one.get("type") for one in content.get("resources") or () if isinstance(one, dict)]
    for word in (*resources, *(one.get("type") for one in elements), item.get("type")):
        if word in _KINDS and word not in {"text", "reply"}:
            return _KINDS[word], None
    return "other", None


def _answered(item: dict[str, Any]) -> str | None:
    for one in _content(item).get("elements") or ():
        if isinstance(one, dict) and one.get("type") == "reply":
            answered = (one.get("data") or {}).get("messageId")
            return None if not answered else str(answered)
    return None


READER = QqChatExporter()
