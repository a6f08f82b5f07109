"""DiscordChatExporter's JSON of a channel; its CSV is `discord_chat_exporter_csv`.

A payload of the carrier `discord_chat_exporter`:

    {"chat": {"guild": {"id": "14…", "name": "Tea"}, "channel": {"id": "14…", "type": ..., "name": "general"}},
     "role": "operator" or null, "reactions": [{"id": "10…", "is_bot": false, "emoji": "💯"}],
     "message": {"id": "14…", "type": "Reply", "timestamp": "2026-01-01T07:01:00+08:00", "timestampEdited": ... or null,
                 "author": {"id": "10…", "name": "bo", "isBot": false}, "content": measures of it or null,
                 "reference": {"messageId", "type"} or null, "mentions": [{"id"}], "stickers": [{"id"}],
                 "attachments": [{"id", "fileName": "file.png"}]}}

Of an attachment's name only the suffix is kept. A join (`GuildMemberJoin`) is a join of the guild, posted in its system
channel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pipelines.carriers.readers.base import Batch, Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_items import fields, items, section
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
    capabilities = Capabilities(
        membership="joins_only",
        time="exact",
        limits=("It has no leaves.", "It has no times of reactions.", "Names are those at export."),
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
        guild, channel = section(head, "guild"), section(head, "channel")
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        if str(channel.get("type")) in _PRIVATE and options.group is None:
            batch.skipped["private chats"] += 1
            yield batch.take(source.size)
            return
        place = {
            "guild": {"id": options.group or guild.get("id"), "name": guild.get("name")},
            "channel": {name: channel.get(name) for name in ("id", "type", "name")},
        }
        for _, item in items(source, repairs, progress, ("messages",)):
            with batch.odd_items:
                payload = {"chat": place, **_payload(item, options)}
                batch.add(f"discord:{channel.get('id')}/{item.get('id')}", msgspec.json.encode(payload))
            if batch.is_full:
                yield batch.take(progress.done)
        yield batch.take(progress.done)


def _payload(item: dict[str, Any], options: ReadOptions) -> dict[str, Any]:
    author, reference, content = item.get("author") or {}, item.get("reference"), item.get("content")
    return {
        "role": options.role(author.get("id"), author.get("name")),
        "reactions": [
            {
                "id": user.get("id"),
                "is_bot": bool(user.get("isBot")),
                "emoji": one["emoji"].get("id") or one["emoji"].get("name"),
            }
            for one in item.get("reactions") or ()
            for user in one.get("users") or ()
        ],
        "message": {
            **{name: item.get(name) for name in _KEPT},
            "author": {name: author.get(name) for name in ("id", "name", "isBot")},
            "content": options.texts.of(content) if content and item.get("type") in _WRITTEN else None,
            "reference": {name: reference.get(name) for name in ("messageId", "type")} if reference else None,
            "mentions": [{"id": one.get("id")} for one in item.get("mentions") or ()],
            "stickers": [{"id": one.get("id")} for one in item.get("stickers") or ()],
            "attachments": [
                {"id": one.get("id"), "fileName": f"file.{str(one.get('fileName', '')).rpartition('.')[2].lower()}"}
                for one in item.get("attachments") or ()
            ],
        },
    }


READER = DiscordChatExporter()
