"""ChatLab's interchange format, which many tools for WeChat, QQ and others write: one JSON document, or JSONL.

A payload of the carrier `chatlab`:

    {"_id": "m2", "chat": {"platform": "wechat", "id": "10000000001@chatroom", "name": "Tea lovers"},
     "role": "operator" or null,
     "notice": {"kind": "joined", "members": [{"id": "wxid_b" or null, "name": "Bo", "role": null}]} or null,
     "message": {"sender": "wxid_a", "accountName": "Ann", "timestamp": 1767222000, "type": 25,
                 "content": measures of it or null, "platformMessageId": "m2", "replyToMessageId": "m1"}}

`_id` is the platform's id of the message, or made here if there is none. `notice` is the meaning of a system message
(type 80), if it is a join, a leave or a recall.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

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
from pipelines.carriers.readers.json_items import section
from pipelines.carriers.readers.json_lines import lines
from pipelines.carriers.readers.json_shape import shape_of, shapes_of_lines
from pipelines.carriers.readers.json_stream import JsonStream, NotJson, decode_item
from pipelines.carriers.readers.notices import UNKNOWN_NAMES, Names, members_of, notice_of
from pipelines.carriers.readers.occurrences import Occurrences
from pipelines.carriers.readers.source import Source

_SYSTEM: Final = 80
_TEXTS: Final = frozenset({0, 25})
_KEPT: Final = ("sender", "accountName", "timestamp", "type", "platformMessageId", "replyToMessageId")


class ChatLab(Reader):
    """Reader of ChatLab's interchange format."""

    name = "chatlab"
    title = "a chat in ChatLab's interchange format"
    carrier = "chatlab"
    capabilities = Capabilities(
        limits=(
            "Joins and leaves are sentences with names: they are read in some languages, and only if a name belongs "
            "to one member.",
            "It has no times of recalls.",
        )
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by its `chatlab` and `meta`."""
        shape, form = shape_of(source), "one document"
        if not shape.has("chatlab.version"):
            return None
        if shape.get("_type") == "header":
            form = "JSON lines"
        elif not shape.has("meta"):
            return None
        limits = []
        if not shape.get("meta.groupId"):
            limits.append("It has no id of the group: its name is taken for one, unless --group says it.")
        return Sniffed(
            (f"ChatLab {shape['chatlab.version']}, {form}, of platform {shape.get('meta.platform')}",),
            tuple(limits),
        )

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read its head and members, then messages; members listed after the messages are found in a first pass."""
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        head, names = self._survey(source, options)
        meta = section(head, "meta")
        if meta.get("type") == "private" and options.group is None:
            batch.skipped["private chats"] += 1
            yield batch.take(source.size)
            return
        chat = {
            "platform": options.platform or str(meta.get("platform") or "chatlab").lower(),
            "id": options.group or meta.get("groupId") or meta.get("name") or source.stem,
            "name": meta.get("name"),
        }
        occurrences = Occurrences(options.texts)
        for kind, item in _items(source, repairs, progress, {"messages"}):
            if kind == "messages":
                with batch.odd_items:
                    payload, n_unknown = payload_of(chat, item, names, occurrences, options)
                    batch.skipped[UNKNOWN_NAMES] += n_unknown
                    batch.add(f"{chat['platform']}:{chat['id']}/{payload['_id']}", msgspec.json.encode(payload))
            if batch.is_full:
                yield batch.take(progress.done)
        yield batch.take(progress.done)

    def _survey(self, source: Source, options: ReadOptions) -> tuple[dict[str, Any], Names]:
        head: dict[str, Any] = {}
        names = Names(options.self_id)
        for kind, item in _items(source, Counter(), Progress(), {"members"}):
            if kind == "members":
                learn_member(names, item)
            else:
                head.update(item)
        return head, names


def payload_of(
    chat: dict[str, Any], item: dict[str, Any], names: Names, occurrences: Occurrences, options: ReadOptions
) -> tuple[dict[str, Any], int]:
    """Return the payload of a message, and the number of names in it without an id."""
    kind, content = item.get("type"), item.get("content")
    text = content if isinstance(content, str) and kind in (_SYSTEM, *_TEXTS) else None
    identity = item.get("platformMessageId") or occurrences.identity(
        chat["platform"], chat["id"], item.get("sender"), item.get("timestamp"), kind, content
    )
    notice = notice_of(text) if text and kind == _SYSTEM else None
    payload = {
        "_id": str(identity),
        "chat": chat,
        "role": options.role(str(item.get("sender")), item.get("accountName"), item.get("groupNickname")),
        "notice": None,
        "message": {
            **{name: item.get(name) for name in _KEPT},
            "content": options.texts.of(text) if text and kind in _TEXTS else None,
        },
    }
    if notice is None:
        return payload, 0
    members = members_of(notice, names, options)
    payload["notice"] = {"kind": notice.kind, "members": members}
    return payload, sum(member["id"] is None for member in members)


def learn_member(names: Names, item: dict[str, Any]) -> None:
    """Learn all names of a member."""
    for name in (item.get("accountName"), item.get("groupNickname"), *(item.get("aliases") or ())):
        names.learn(name, str(item.get("platformId")))


def _items(
    source: Source, repairs: Counter[str], progress: Progress, wanted: Iterable[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the wanted ones of heads (as `head`), members and messages, of either form."""
    if shapes_of_lines(source) and shape_of(source).get("_type") == "header":
        for line in lines(source, repairs, progress):
            if line.startswith(b"#"):
                continue
            item = decode_item(line, repairs)
            if isinstance(item, dict):
                kind = {"member": "members", "message": "messages"}.get(str(item.get("_type")), "head")
                if kind == "head" or kind in wanted:
                    yield kind, item
        return
    stream = JsonStream((block.encode() for block in texts(source, repairs, progress)), repairs)
    try:
        values = stream.values(
            lambda path: not path or path in [(name,) for name in wanted],
            lambda path: path in (("chatlab",), ("meta",)) or (len(path) == 2 and str(path[0]) in wanted),
        )
        for path, value in values:
            item = decode_item(value, repairs)
            if isinstance(item, dict):
                yield ("head", {str(path[0]): item}) if len(path) == 1 else (str(path[0]), item)
    except NotJson as error:
        raise UnreadableExport(f"It is no JSON: {error}.", "Export it again.", source.place) from error


READER = ChatLab()
