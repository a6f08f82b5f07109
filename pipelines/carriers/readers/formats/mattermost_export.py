"""Mattermost's bulk export: JSON lines, often in a ZIP with attachments.

A payload of the carrier `mattermost_export`:

    {"_id": "…", "chat": {"id": "shop/tea", "name": "Tea"}, "kind": "message", "joined" or "left",
     "time": 1767222060123, "edited": 1767222070000 or null, "sender": "ann", "member": "ann" or null,
     "role": "operator", "bot" or null, "message_kind": "text", "reply_to": "…" or null, "text": measures of it or null,
     "reactions": [{"id": "bo", "emoji": "heart", "time": 1767222080000}]}

Times are milliseconds. Posts have no ids: `_id` is made here of channel, author, time and text. Replies are nested in
the post that they answer, and become posts of their own here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pipelines.carriers.readers.base import Batch, Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_lines import lines
from pipelines.carriers.readers.json_shape import shapes_of_lines
from pipelines.carriers.readers.json_stream import decode_item
from pipelines.carriers.readers.occurrences import Occurrences
from pipelines.carriers.readers.source import Source

_JOINS: Final = {
    "system_join_channel": "joined", "system_add_to_channel": "joined", "system_guest_join_channel": "joined",
    "system_leave_channel": "left", "system_remove_from_channel": "left",
}  # fmt: skip
_MEMBER: Final = ("addedUsername", "removedUsername", "username")
_SENTENCE: Final = re.compile(r"^@?(?P<name>\S+) (?:has )?(?P<what>joined|left) the channel\.?$")
"""The text of a join or a leave in old exports, which lack the type."""


class MattermostExport(Reader):
    """Reader of Mattermost's bulk export."""

    name = "mattermost_export"
    title = "a bulk export of Mattermost"
    carrier = "mattermost_export"
    capabilities = Capabilities(
        time="exact",
        limits=("People and channels have names only: after a renaming they count as others.", "Posts have no ids."),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise its lines: first the version, then teams, channels, users and posts."""
        shapes = shapes_of_lines(source)
        if not shapes or shapes[0].get("type") != "version" or not shapes[0].has("version"):
            return None
        kinds = [shape.get("type") for shape in shapes[1:]]
        if not all(shape.has(str(kind)) for shape, kind in zip(shapes[1:], kinds, strict=True)):
            return None
        return Sniffed(("lines that begin with the version of the export",))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read lines; users and channels stand before posts."""
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        channels: dict[str, str] = {}
        bots: set[str] = set()
        occurrences = Occurrences(options.texts)
        for line in lines(source, repairs, progress):
            item = decode_item(line, repairs)
            kind = item.get("type") if isinstance(item, dict) else None
            content = item.get(kind) if isinstance(item, dict) and isinstance(kind, str) else None
            if not isinstance(content, dict):
                continue
            if kind == "channel":
                channels[f"{content.get('team')}/{content.get('name')}"] = str(content.get("display_name"))
            elif kind == "bot":
                bots.add(str(content.get("username")))
            elif kind == "direct_post":
                batch.skipped["messages of private chats"] += 1
            elif kind == "post":
                with batch.odd_items:
                    for payload in _posts(content, channels, bots, occurrences, options):
                        batch.add(f"mattermost:{payload['chat']['id']}/{payload['_id']}", msgspec.json.encode(payload))
            if batch.is_full:
                yield batch.take(progress.done)
        yield batch.take(progress.done)


def _posts(
    post: dict[str, Any], channels: dict[str, str], bots: set[str], occurrences: Occurrences, options: ReadOptions
) -> Iterator[dict[str, Any]]:
    group = f"{post.get('team')}/{post.get('channel')}"
    chat = {"id": options.group or group, "name": channels.get(group)}
    first: str | None = None
    for item in (post, *(post.get("replies") or ())):
        payload = _payload(item, chat, bots, occurrences, options)
        yield {**payload, "reply_to": first}
        first = first or payload["_id"]


def _payload(
    item: dict[str, Any], chat: dict[str, Any], bots: set[str], occurrences: Occurrences, options: ReadOptions
) -> dict[str, Any]:
    sender, text, given = str(item.get("user")), str(item.get("message") or ""), str(item.get("type") or "")
    props = item.get("props") or {}
    kind, member = _JOINS.get(given, "message"), None
    sentence = _SENTENCE.match(text) if not given else None
    if kind != "message":
        member = next((str(props[name]) for name in _MEMBER if props.get(name)), sender)
    elif sentence is not None and sentence["name"] == sender:
        kind, member = sentence["what"], sender
    is_written = kind == "message" and not given.startswith("system_")
    is_bot = sender in bots or props.get("from_bot") == "true" or props.get("from_webhook") == "true"
    return {
        "_id": occurrences.identity("mattermost", chat["id"], sender, item.get("create_at"), kind, text),
        "chat": chat,
        "kind": kind,
        "time": item.get("create_at"),
        "edited": item.get("edit_at") or None,
        "sender": sender,
        "member": member,
        "role": options.role(member or sender) or ("bot" if is_bot else None),
        "message_kind": ("text" if text else "file") if is_written else "system",
        "text": options.texts.of(text) if text and is_written else None,
        "reactions": [
            {"id": one.get("user"), "emoji": one.get("emoji_name"), "time": one.get("create_at")}
            for one in item.get("reactions") or ()
        ],
    }


READER = MattermostExport()
