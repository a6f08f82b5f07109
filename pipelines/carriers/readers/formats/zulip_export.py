"""Zulip's export of an organization: messages, and the log of who was subscribed to which stream when.

Payloads of the carrier `zulip_export`, of messages and of the log:

    {"stream": {"id": 5, "name": "tea"}, "role": "operator", "bot" or null,
     "message": {"id": 900, "sender": 10, "seconds": 1767222000, "edited": 1767222010 or null,
                 "content": measures of it},
     "reactions": [{"id": 10, "emoji": "heart"}]}
    {"stream": {"id": 5, "name": "tea"}, "role": ...,
     "audit": {"id": 1, "kind": "joined" or "left", "user": 10, "time": "2025-12-31T22:43:20.500000Z"}}

Messages have the same ids as in the live event queue, and whole seconds as there. Times of reactions are unknown, but
after the message.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from pipelines.carriers.readers.base import Batch, Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_items import items
from pipelines.carriers.readers.json_shape import shape_of
from pipelines.carriers.readers.source import Source

_REALM: Final = "realm.json"
_MESSAGES: Final = re.compile(r"^messages-\d+\.json$")
_STREAM: Final = 2
_SUBSCRIBED: Final = {301: "joined", 302: "joined", 303: "left"}
_TABLES: Final = (
    "zerver_stream", "zerver_recipient", "zerver_userprofile", "zerver_userprofile_mirrordummy",
    "zerver_userprofile_crossrealm", "zerver_reaction",
)  # fmt: skip


@dataclass
class _Realm:
    streams: dict[int, str] = field(default_factory=dict)
    by_recipient: dict[int, int] = field(default_factory=dict)
    bots: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    reactions: dict[int, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


class ZulipExport(Reader):
    """Reader of Zulip's organization export."""

    name = "zulip_export"
    title = "an export of an organization of Zulip"
    carrier = "zulip_export"
    capabilities = Capabilities(
        limits=(
            "It has no deleted messages and no times of reactions.",
            "Members who did not consent to the export are missing, with their joins and leaves.",
        )
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by `realm.json` beside files of messages."""
        realm = source.files.get(_REALM)
        if realm is None or not shape_of(realm).has("zerver_realm"):
            return None
        n_files = sum(_MESSAGES.match(name) is not None for name in source.files)
        return Sniffed((f"{_REALM} beside {n_files:,} files of messages",)) if n_files else None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read the tables, then the log of subscriptions, then messages in their files' order."""
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        realm = _realm(source.files[_REALM])
        for _, row in items(source.files[_REALM], repairs, progress, ("zerver_realmauditlog",)):
            with batch.odd_items:
                self._add_change(batch, row, realm, options)
            if batch.is_full:
                yield batch.take(progress.done)
        for name in filter(_MESSAGES.match, source.files):
            for _, row in items(source.files[name], repairs, progress, ("zerver_message",)):
                with batch.odd_items:
                    self._add_message(batch, row, realm, options)
                if batch.is_full:
                    yield batch.take(progress.done)
        yield batch.take(progress.done)

    def _add_change(self, batch: Batch, row: dict[str, Any], realm: _Realm, options: ReadOptions) -> None:
        kind, stream, user = (row.get(name) for name in ("event_type", "modified_stream", "modified_user"))
        if kind not in _SUBSCRIBED or stream not in realm.streams:
            return
        at = dt.datetime.fromtimestamp(row["event_time"], dt.UTC).isoformat(timespec="microseconds")
        payload = {
            "stream": {"id": stream, "name": realm.streams[stream]},
            "role": _role(user, realm, options),
            "audit": {
                "id": row.get("id"), "kind": _SUBSCRIBED[kind], "user": user, "time": at.replace("+00:00", "Z"),
            },
        }  # fmt: skip
        batch.add(f"zulip:{stream}/audit/{row.get('id')}", msgspec.json.encode(payload))

    def _add_message(self, batch: Batch, row: dict[str, Any], realm: _Realm, options: ReadOptions) -> None:
        stream = realm.by_recipient.get(row.get("recipient", -1))
        if stream is None:
            batch.skipped["messages of private chats"] += 1
            return
        edited = row.get("last_edit_time")
        payload = {
            "stream": {"id": stream, "name": realm.streams.get(stream)},
            "role": _role(row.get("sender"), realm, options),
            "message": {
                "id": row.get("id"),
                "sender": row.get("sender"),
                "seconds": int(row["date_sent"]),
                "edited": None if edited is None else int(edited),
                "content": options.texts.of(row.get("content") or ""),
            },
            "reactions": realm.reactions.get(row.get("id", -1), []),
        }
        batch.add(f"zulip:{stream}/{row.get('id')}", msgspec.json.encode(payload))


def _role(user: object, realm: _Realm, options: ReadOptions) -> str | None:
    if not isinstance(user, int):
        return None
    return options.role(str(user), realm.names.get(user)) or ("bot" if user in realm.bots else None)


def _realm(file: Source) -> _Realm:
    realm = _Realm()
    for path, row in items(file, Counter(), Progress(), *((table,) for table in _TABLES)):
        with suppress(KeyError, TypeError):  # such a row cannot be interpreted or assigned
            _learn(realm, str(path[0]), row)
    return realm


def _learn(realm: _Realm, table: str, row: dict[str, Any]) -> None:
    match table:
        case "zerver_stream":
            realm.streams[row["id"]] = str(row.get("name"))
        case "zerver_recipient":
            if row.get("type") == _STREAM:
                realm.by_recipient[row["id"]] = row["type_id"]
        case "zerver_reaction":
            realm.reactions[row["message"]].append({"id": row.get("user_profile"), "emoji": row.get("emoji_name")})
        case _:
            if row.get("is_bot"):
                realm.bots.add(row["id"])
            realm.names[row["id"]] = str(row.get("email") or row.get("full_name") or "")


READER = ZulipExport()
