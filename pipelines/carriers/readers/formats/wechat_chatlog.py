"""chatlog's answers and webhook bodies for WeChat groups, as JSON in a file; its CSV is `wechat_chatlog_csv`.

A payload of the carrier `wechat_chatlog` is a webhook body of one message, without texts of people:

    {"talker": "10000000001@chatroom", "role": "operator" or null,
     "notice": {"kind": "joined", "seq": ..., "time": ...,
                "members": [{"id": "wxid_b" or null, "name": "Bo", "role": null}]} or null,
     "messages": [{"seq": 1767222000001, "time": "2026-01-01T07:00:00+08:00", "talker": ..., "talkerName": ...,
                   "isChatRoom": true, "sender": "wxid_a", "senderName": "Ann", "isSelf": false, "type": 1,
                   "subType": 0, "content": measures of it or null}]}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pipelines.carriers.readers.base import Batch, Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_items import items
from pipelines.carriers.readers.json_shape import shape_of
from pipelines.carriers.readers.notices import UNKNOWN_NAMES, Names, members_of, notice_of
from pipelines.carriers.readers.source import Source
from pipelines.carriers.readers.wechat import SYSTEM, has_text

_KEPT: Final = (
    "seq", "time", "talker", "talkerName", "isChatRoom", "sender", "senderName", "isSelf", "type", "subType",
)  # fmt: skip


class Chatlog(Reader):
    """Reader of chatlog's JSON."""

    name = "wechat_chatlog"
    title = "messages of WeChat as chatlog serves them"
    carrier = "wechat_chatlog"
    capabilities = Capabilities(
        replies=False,
        limits=(
            "Message ids differ between accounts: of two people's exports of a group, import one.",
            "Joins, leaves and recalls are sentences with names.",
        ),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise messages by `seq`, `talker` and `isChatRoom`, in a list or in webhook bodies."""
        shape = shape_of(source)
        for before, form in (("[]", "a list of messages"), ("messages[]", "the body of a webhook")):
            if shape.has(*(f"{before}.{name}" for name in ("seq", "talker", "isChatRoom", "subType"))):
                return Sniffed((f"{form} with seq, talker and isChatRoom",))
        return None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read it twice: once for the ids of names, once for the messages."""
        names = Names(options.self_id)
        for item in _messages(source, Counter(), Progress()):
            if item.get("type") != SYSTEM and isinstance(item.get("sender"), str):
                names.learn(item.get("senderName"), item["sender"])
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        for item in _messages(source, repairs, progress):
            if item.get("isChatRoom"):
                with batch.odd_items:
                    self._add(batch, item, names, options)
            else:
                batch.skipped["messages of private chats"] += 1
            if batch.is_full:
                yield batch.take(progress.done)
        yield batch.take(progress.done)

    def _add(self, batch: Batch, item: dict[str, Any], names: Names, options: ReadOptions) -> None:
        content = item.get("content")
        text = content if isinstance(content, str) and has_text(item.get("type"), item.get("subType")) else None
        notice = notice_of(content) if isinstance(content, str) and item.get("type") == SYSTEM else None
        members = members_of(notice, names, options) if notice else []
        batch.skipped[UNKNOWN_NAMES] += sum(member["id"] is None for member in members)
        message = {name: item[name] for name in _KEPT if name in item}
        payload = {
            "talker": item.get("talker"),
            "role": options.role(item.get("sender"), item.get("senderName")),
            "notice": None
            if notice is None
            else {"kind": notice.kind, "seq": item.get("seq"), "time": item.get("time"), "members": members},
            "messages": [{**message, "content": options.texts.of(text) if text else None}],
        }
        batch.add(f"wechat:{item.get('talker')}/{item.get('seq')}", msgspec.json.encode(payload))


def _messages(source: Source, repairs: Counter[str], progress: Progress) -> Iterator[dict[str, Any]]:
    for _, item in items(source, repairs, progress, (), ("messages",)):
        yield item


READER = Chatlog()
