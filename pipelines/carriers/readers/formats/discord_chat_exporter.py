"""DiscordChatExporter's JSON of a channel; its CSV is `discord_chat_exporter_csv`.

A payload of the carrier `discord_chat_exporter`:

    {"guild": {"id": "14…", "name": "Tea"}, "channel": {"id": "14…", "type": "GuildTextChat", "name": "general"},
     "role": "operator", "bot" or null, "message_kind": "text", "reply_to": "14…" or null,
     "reactions": [{"id": "10…", "emoji": "💯"}],
     "message": {"id": "14…", "type": "Reply", "timestamp": "2026-01-01T07:01:00+08:00", "timestampEdited": ... or null,
                 "author": {"id": "10…", "name": "bo"}, "content": measures of it or null}}

Of reactions nobody knows when they were made: after the message. A join (`GuildMemberJoin`) is one of the guild, posted
in its one system channel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pipelines.carriers.readers.base import Batch, Payloads, Reader, ReadOptions, Sniffed, Tells
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_items import fields, items
from pipelines.carriers.readers.json_shape import shape_of
from pipelines.carriers.readers.source import Source

_WRITTEN: Final = frozenset({"Default", "Reply"})
_KEPT: Final = ("id", "type", "timestamp", "timestampEdited")
_PRIVATE: Final = frozenset({"DirectTextChat", "DirectGroupTextChat"})


class DiscordChatExporter(Reader):
    """Reader of DiscordChatExporter's JSON."""

    name = "discord_chat_exporter"
    title = "a channel of Discord as DiscordChatExporter writes it"
    carrier = "discord_chat_exporter"
    tells = Tells(
        membership="joins_only",
        time="exact",
        limits=("Nobody's leaving is in it.", "When a reaction was made is not in it.", "Names are those at export."),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by guild, channel and the range of dates."""
        shape = shape_of(source)
        if not shape.has("guild.id", "channel.id", "channel.type", "dateRange.after"):
            return None
        return Sniffed((f"a channel of type {shape['channel.type']} in a guild",))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read its head, then messages."""
        head = fields(source, "guild", "channel")
        guild, channel = head.get("guild") or {}, head.get("channel") or {}
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        if channel.get("type") in _PRIVATE and options.group is None:
            batch.skipped["private chats"] += 1
            yield batch.take(source.size)
            return
        place = {
            "guild": {name: guild.get(name) for name in ("id", "name")},
            "channel": {**{name: channel.get(name) for name in ("id", "type", "name")}},
        }
        if options.group is not None:
            place["channel"]["id"] = options.group
        for _, item in items(source, repairs, progress, ("messages",)):
            with batch.odd_items:
                payload = {**place, **_payload(item, options)}
                batch.add(f"discord:{place['channel']['id']}/{item.get('id')}", msgspec.json.encode(payload))
            if batch.is_full:
                yield batch.take(progress.done)
        yield batch.take(progress.done)


def _payload(item: dict[str, Any], options: ReadOptions) -> dict[str, Any]:
    author = item.get("author") or {}
    reference = item.get("reference") or {}
    content = item.get("content") if item.get("type") in _WRITTEN else None
    mentions = [one for one in item.get("mentions") or () if isinstance(one, dict)]
    is_answer = item.get("type") == "Reply" and reference.get("type", "Default") == "Default"
    return {
        "role": options.role(author.get("id"), author.get("name")) or ("bot" if author.get("isBot") else None),
        "message_kind": _kind(item),
        "reply_to": reference.get("messageId") if is_answer else None,
        "reactions": [
            {"id": user.get("id"), "emoji": (one.get("emoji") or {}).get("name")}
            for one in item.get("reactions") or ()
            for user in one.get("users") or ()
        ],
        "message": {
            **{name: item.get(name) for name in _KEPT},
            "author": {name: author.get(name) for name in ("id", "name")},
            "content": options.texts.of(content, mentions=len(mentions)) if content else None,
        },
    }


def _kind(item: dict[str, Any]) -> str:
    if item.get("type") not in _WRITTEN:
        return "system" if not str(item.get("type")).isdigit() else "other"
    if item.get("content"):
        return "text"
    if item.get("stickers"):
        return "image"
    for one in item.get("attachments") or ():
        ending = str(one.get("fileName", "")).rpartition(".")[2].lower()
        if ending in {"png", "jpg", "jpeg", "gif", "webp"}:
            return "image"
        return {"mp4": "video", "mov": "video", "webm": "video", "ogg": "voice", "mp3": "voice"}.get(ending, "file")
    return "other"


READER = DiscordChatExporter()
