"""Element's JSON export of a Matrix room.

A payload of the carrier `matrix_export`:

    {"room": {"name": "Tea lovers"}, "role": "operator" or null, "message_kind": "text",
     "change": "joined", "left" or null, "reply_to": "$1" or null, "replaces": "$1" or null,
     "redacted": {"event_id": "$4", "sender": "@ann:example.com", "origin_server_ts": 1767222100000} or null,
     "event": {"type": "m.room.message", "sender": ..., "state_key": ..., "origin_server_ts": ..., "event_id": ...,
               "room_id": ..., "text": measures of it or null,
               "annotates": {"event_id": "$1", "key": "👍"} or null}}

`change` is the effect of a membership event; from join to join there is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pipelines.carriers.readers.base import Batch, Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_items import fields, items
from pipelines.carriers.readers.json_shape import shape_of
from pipelines.carriers.readers.source import Source

_KEPT: Final = ("type", "sender", "state_key", "origin_server_ts", "event_id", "room_id")
_KINDS: Final = {
    "m.text": "text", "m.emote": "text", "m.notice": "text", "m.image": "image", "m.video": "video", "m.audio": "voice",
    "m.file": "file",
}  # fmt: skip
_TEXTS: Final = frozenset({"m.text", "m.emote", "m.notice"})
_GONE: Final = frozenset({"leave", "ban"})


class MatrixExport(Reader):
    """Reader of Element's export of a room."""

    name = "matrix_export"
    title = "a room of Matrix as Element exports it"
    carrier = "matrix_export"
    capabilities = Capabilities(
        time="exact",
        limits=(
            "It may have the newest messages only, so the age of the room is unknown.",
            "Edited messages have only their newest text; messages that could not be decrypted have none.",
        ),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by the room's head and events with `origin_server_ts`."""
        shape = shape_of(source)
        if not shape.has("room_name", "exported_by", "messages"):
            return None
        return Sniffed(("a room's name, who exported it, and events",))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read its head, then events."""
        room = {"name": fields(source, "room_name").get("room_name")}
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        memberships: dict[str, str] = {}
        for _, event in items(source, repairs, progress, ("messages",)):
            with batch.odd_items:
                payload = {"room": room, **_payload(event, memberships, options)}
                batch.add(f"matrix:{event.get('room_id')}/{event.get('event_id')}", msgspec.json.encode(payload))
            if batch.is_full:
                yield batch.take(progress.done)
        yield batch.take(progress.done)


def _payload(event: dict[str, Any], memberships: dict[str, str], options: ReadOptions) -> dict[str, Any]:
    content, unsigned = event.get("content") or {}, event.get("unsigned") or {}
    relates = content.get("m.relates_to") or {}
    redacted = unsigned.get("redacted_because") or {}
    body = content.get("body") if content.get("msgtype") in _TEXTS else None
    who = event.get("state_key") if event.get("type") == "m.room.member" else event.get("sender")
    relation = relates.get("rel_type")
    return {
        "role": options.role(who),
        "message_kind": _KINDS.get(str(content.get("msgtype")), "other"),
        "change": _change(event, content, unsigned, memberships),
        "reply_to": (relates.get("m.in_reply_to") or {}).get("event_id"),
        "replaces": relates.get("event_id") if relation == "m.replace" else None,
        "redacted": {name: redacted.get(name) for name in ("event_id", "sender", "origin_server_ts")}
        if redacted
        else None,
        "event": {
            **{name: event.get(name) for name in _KEPT},
            "text": options.texts.of(body) if isinstance(body, str) and body else None,
            "annotates": {name: relates.get(name) for name in ("event_id", "key")}
            if relation == "m.annotation"
            else None,
        },
    }


def _named(item: dict[str, Any], *names: str) -> dict[str, Any] | None:
    return {name: item.get(name) for name in names} if item else None


def _change(
    event: dict[str, Any], content: dict[str, Any], unsigned: dict[str, Any], memberships: dict[str, str]
) -> str | None:
    if event.get("type") != "m.room.member":
        return None
    who, now = str(event.get("state_key")), str(content.get("membership"))
    before = (unsigned.get("prev_content") or {}).get("membership") or memberships.get(who)
    memberships[who] = now
    if now == "join" and before != "join":
        return "joined"
    # An export that begins later than a join may still contain the leave.
    return "left" if now in _GONE and before in {"join", None} else None


READER = MatrixExport()
