"""Telegram Desktop's `result.json`: one chat, or all chats of an account.

A payload of the carrier `telegram_export`:

    {"chat": {"id": "-1001234567890", "name": "Tea lovers", "type": "private_supergroup"},
     "time": 1767222120, "edited": 1767222180 or null,
     "sender": {"id": "2", "name": "Bo"} or null, "role": "operator" or null,
     "message_kind": "text", "text": measures of it, "reply_to": "1" or null,
     "members": [{"id": "1" or null, "name": "Ann", "role": "operator" or null}],
     "reactions": [{"id": "1", "emoji": "👍", "time": 1767222240}],
     "message": {"id": 3, "type": "message", "action": ..., "from_id": ..., ...}}

`chat.id` is that of the Bot API: `-100` and the number for channels and supergroups, `-` and the number for groups, so
that an export and a bot of the same group give the same ids. `sender` is the author, or the actor of a service message.
`members` of service messages are names in the export: each gets the id that the same chat shows beside that name, or
null. `message` keeps all fields except texts of people.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from pipelines.carriers.base import JSON_ERRORS
from pipelines.carriers.readers.base import (
    Batch,
    Capabilities,
    Payloads,
    Reader,
    ReadOptions,
    Sniffed,
    UnreadableExport,
)
from pipelines.carriers.readers.encoding import Progress, texts
from pipelines.carriers.readers.json_shape import shape_of
from pipelines.carriers.readers.json_stream import JsonStream, NotJson, Path, decode_item
from pipelines.carriers.readers.notices import UNKNOWN_NAMES, Names
from pipelines.carriers.readers.source import Source

HEX_ESCAPES: Final = "control characters written as \\xNN"
LOCAL_TIMES: Final = "times without an offset, taken to be of --zone"

_GROUPS: Final = frozenset({"private_group", "private_supergroup", "public_supergroup"})
_CHANNELS: Final = frozenset({"private_channel", "public_channel"})
_PRIVATE: Final = frozenset({"personal_chat", "bot_chat", "saved_messages", "verification_codes", "replies"})
_KEPT: Final = ("id", "type", "action", "from_id", "actor_id", "media_type", "via_bot", "amount", "currency")
_MEDIA: Final = {
    "sticker": "image", "animation": "image", "video_message": "video", "video_file": "video", "voice_message": "voice",
    "audio_file": "voice",
}  # fmt: skip
_LINKS: Final = frozenset({"link", "text_link"})
_MENTIONS: Final = frozenset({"mention", "mention_name"})
_HEAD: Final = frozenset({"id", "name", "type"})
_ESCAPE: Final = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|.)", re.DOTALL)


class _Speaker(msgspec.Struct):
    from_: str | None = msgspec.field(default=None, name="from")
    from_id: str | int | None = None
    actor: str | None = None
    actor_id: str | int | None = None


@dataclass
class _Chat:
    head: dict[str, Any] = field(default_factory=dict)
    names: Names = field(default_factory=Names)

    @property
    def type(self) -> str:
        return str(self.head.get("type"))

    @property
    def id(self) -> str:
        number = str(self.head.get("id", "")).lstrip("-")
        return f"-{number}" if self.type == "private_group" else f"-100{number}"


class TelegramExport(Reader):
    """Reader of Telegram Desktop's JSON export."""

    name = "telegram_export"
    title = "a JSON export of Telegram Desktop"
    carrier = "telegram_export"
    capabilities = Capabilities(
        limits=(
            "Members who were added or removed are names: one that no message of the chat shows beside an id, or "
            "that two people share, stays unknown.",
            "Only the newest few reactions to a message have a person.",
        )
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise `result.json` by the type of the chat, or by its list of chats."""
        shape = shape_of(source)
        known = _GROUPS | _CHANNELS | _PRIVATE
        if shape.has("messages", "type") and shape["type"] in known:
            return Sniffed((f"one chat of type {shape['type']} with a list of messages",))
        if shape.has("chats", "chats.list") and (
            shape.has("about") or shape.has("personal_information") or shape.get("chats.list[].type") in known
        ):
            return Sniffed(("a whole account with a list of chats",))
        return None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read the file twice: first the properties of chats and the ids of members by name, then the messages."""
        chats = self._survey(source)
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        for chat in chats.values():
            if chat.type in _PRIVATE:
                batch.skipped["private chats"] += 1
        for path, value in _values(source, repairs, progress, chats):
            if _is_message(path):
                item = decode_item(value, repairs)
                if not isinstance(item, dict):
                    continue
                chat = chats[path[:-2]]
                with batch.odd_items:
                    self._add(batch, chat, item, options)
                if batch.is_full:
                    yield batch.take(progress.done)
        yield batch.take(progress.done)

    def _survey(self, source: Source) -> dict[Path, _Chat]:
        chats: dict[Path, _Chat] = {}
        for path, value in _values(source, Counter(), Progress(), chats):
            if _is_message(path):
                try:
                    speaker = msgspec.json.decode(value, type=_Speaker)
                except JSON_ERRORS:
                    continue
                for name, key in ((speaker.from_, speaker.from_id), (speaker.actor, speaker.actor_id)):
                    if (native := _native(key)) is not None:
                        chats[path[:-2]].names.learn(name, native)
            else:
                chats[path[:-1]].head[str(path[-1])] = decode_item(value, Counter())
        return chats

    def _add(self, batch: Batch, chat: _Chat, item: dict[str, Any], options: ReadOptions) -> None:
        if item.get("type") not in {"message", "service"}:
            batch.skipped[f"messages of type {item.get('type')}"] += 1
            return
        seconds = _seconds(item, "date", options, batch.repairs)
        if seconds is None:
            batch.skipped["messages without a time"] += 1
            return
        is_service = item["type"] == "service"
        key, name = (item.get("actor_id"), item.get("actor")) if is_service else (item.get("from_id"), item.get("from"))
        sender = _native(key)
        text, links, mentions = _text(item)
        payload = {
            "chat": {"id": chat.id, "name": chat.head.get("name"), "type": chat.type},
            "time": seconds,
            "edited": _seconds(item, "edited", options, batch.repairs),
            "sender": None if sender is None else {"id": sender, "name": name},
            "role": "operator" if sender == chat.id else options.role(sender, name),
            "message_kind": "system" if is_service else _kind(item),
            "text": options.texts.of(text, links, mentions) if text else None,
            "reply_to": None if (answered := item.get("reply_to_message_id")) is None else str(answered),
            "members": self._members(batch, chat, item, sender, name, options),
            "reactions": list(_reactions(item, seconds)),
            "message": {kept: item[kept] for kept in _KEPT if kept in item},
        }
        batch.add(f"telegram:{chat.id}/{item.get('id')}", msgspec.json.encode(payload))

    def _members(
        self,
        batch: Batch,
        chat: _Chat,
        item: dict[str, Any],
        actor: str | None,
        actor_name: object,
        options: ReadOptions,
    ) -> list[dict[str, str | None]]:
        members = []
        for name in item.get("members") or ():
            native = actor if name == actor_name else chat.names.id_of(name) if isinstance(name, str) else None
            if native is None:
                batch.skipped[UNKNOWN_NAMES] += 1
            shown = name if isinstance(name, str) else None
            members.append({"id": native, "name": shown, "role": options.role(native, shown)})
        return members


def _values(
    source: Source, repairs: Counter[str], progress: Progress, chats: dict[Path, _Chat]
) -> Iterator[tuple[Path, bytes]]:
    """Yield heads of chats, and messages of those that are not known to be private."""

    def enters(path: Path) -> bool:
        if path in ((), ("chats",), ("chats", "list"), ("left_chats",), ("left_chats", "list")):
            return True
        if len(path) in (1, 4) and path[-1] == "messages":
            return chats.setdefault(path[:-1], _Chat()).type not in _PRIVATE
        return len(path) == 3 and path[1] == "list"

    def wants(path: Path) -> bool:
        if _is_message(path):
            return True
        if len(path) in (1, 4) and path[-1] in _HEAD:
            chats.setdefault(path[:-1], _Chat())
            return True
        return False

    stream = JsonStream(_repaired(texts(source, repairs, progress), repairs), repairs)
    try:
        yield from stream.values(enters, wants)
    except NotJson as error:
        raise UnreadableExport(f"It is no JSON: {error}.", "Export it again.", source.place) from error


def _repaired(blocks: Iterator[str], repairs: Counter[str]) -> Iterator[bytes]:
    """Escape control characters as JSON does: Telegram writes them as a backslash, x and two hex digits."""

    def spelled(found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            return found[0]
        repairs[HEX_ESCAPES] += 1
        return b"\\u00" + found[1]

    rest = b""
    for block in blocks:
        data = rest + block.encode()
        cut = data.rfind(b"\\", -4)
        # An escape that may go on in the next block waits for it, with all backslashes before it.
        while cut > 0 and data[cut - 1 : cut] == b"\\":
            cut -= 1
        data, rest = (data, b"") if cut < 0 else (data[:cut], data[cut:])
        yield _ESCAPE.sub(spelled, data) if b"\\x" in data else data
    yield _ESCAPE.sub(spelled, rest)


def _is_message(path: Path) -> bool:
    return len(path) in (2, 5) and path[-2] == "messages"


def _native(key: object) -> str | None:
    """Convert an id to the Bot API's: positive for users, `-100` and the number for channels."""
    text = str(key)
    for beginning, sign in (("user", ""), ("channel", "-100"), ("chat", "-")):
        if text.startswith(beginning) and text[len(beginning) :].isdigit():
            return sign + text[len(beginning) :]
    return text if isinstance(key, int) else None


def _seconds(item: dict[str, Any], name: str, options: ReadOptions, repairs: Counter[str]) -> int | None:
    exact = item.get(f"{name}_unixtime")
    if exact is not None:
        return int(exact) if str(exact).isdigit() else None
    local = _local(item.get(name))
    if local is None:
        return None
    repairs[LOCAL_TIMES] += 1
    return int(local.replace(tzinfo=options.zone).timestamp())


def _local(text: object) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _text(item: dict[str, Any]) -> tuple[str, int, int]:
    """Return the text, and its numbers of links and mentions."""
    parts = item.get("text_entities") or item.get("text") or ()
    parts = [parts] if isinstance(parts, str) else parts
    typed = [part for part in parts if isinstance(part, dict)]
    text = "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in parts)
    return (
        text,
        sum(part.get("type") in _LINKS for part in typed),
        sum(part.get("type") in _MENTIONS for part in typed),
    )


def _kind(item: dict[str, Any]) -> str:
    if "media_type" in item:
        return _MEDIA.get(item["media_type"], "file")
    for name, kind in (("photo", "image"), ("file", "file"), ("poll", "other"), ("location_information", "other")):
        if name in item:
            return kind
    return "text" if item.get("text") else "other"


def _reactions(item: dict[str, Any], seconds: int) -> Iterator[dict[str, object]]:
    """Yield reactions with a person. Their local time has the same offset as the message's."""
    local = _local(item.get("date"))
    for reaction in item.get("reactions") or ():
        for one in reaction.get("recent") or ():
            native, at = _native(one.get("from_id")), _local(one.get("date"))
            if native is not None and at is not None and local is not None:
                emoji = reaction.get("emoji") or reaction.get("document_id") or reaction.get("type")
                yield {"id": native, "emoji": emoji, "time": seconds + int((at - local).total_seconds())}


READER = TelegramExport()
