"""Messages and events of a Zulip organization: an event queue, and the messages of the time before it.

The cursor: `queue` and `last` are the queue and its newest event that was read, `anchor` the newest message. `behind`
is set while messages before the queue are read; `lookup` are the messages of reactions whose streams are requested
next, `found` the streams that were returned.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from pipelines.carriers.parts import Part
from pipelines.carriers.pullers.base import (
    SINCE,
    Answer,
    Api,
    Cursor,
    Moment,
    Page,
    Puller,
    Request,
    UnfitAnswer,
    encoded,
)
from pipelines.carriers.texts import Texts

_PAGE: Final = 1000
_HELD_S: Final = 90
_KINDS: Final = ("message", "update_message", "delete_message", "reaction", "subscription", "stream")
_PUBLIC: Final = json.dumps([{"operator": "streams", "operand": "public"}])
_LEFT_OUT: Final = frozenset({"avatar_url", "reactions", "edit_history"})


class _Queue(msgspec.Struct):
    queue_id: str
    last_event_id: int


class _Messages(msgspec.Struct):
    messages: list[dict[str, Any]]
    found_newest: bool = True


class _Events(msgspec.Struct):
    events: list[dict[str, Any]]


class _Failed(msgspec.Struct):
    code: str = ""


class Zulip(Puller):
    """Puller of an organization's public channels."""

    name = "zulip"
    title = "Zulip's API (messages and events)"
    carrier = "zulip"
    parts = (
        Part("secret", "the API key of a bot"),
        Part("email", "the address of that bot", is_secret=False),
        SINCE,
    )
    interval_s = 50
    is_held = True
    limits = (
        "Only public channels are read, and no private messages.",
        "Zulip drops a queue after ten minutes without a request. Messages since then are read nevertheless; joins, "
        "leaves, edits, deletions and reactions are lost, which is reported. So let it run with --watch.",
        "Reactions and edits of messages before the first queue are unknown.",
    )

    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:  # noqa: ARG002
        login = base64.b64encode(f"{parts['email']}:{parts['secret']}".encode()).decode()
        return _ZulipApi({"authorization": f"Basic {login}"}, self.since(parts))


class _ZulipApi(Api):
    def __init__(self, headers: Mapping[str, str], since: int) -> None:
        self._headers, self._since = headers, since

    def request(self, cursor: Cursor, moment: Moment) -> Request:
        if "queue" not in cursor:
            form = {"event_types": json.dumps(_KINDS), "all_public_streams": "true", "apply_markdown": "false"}
            return Request("register", "api/v1/register", headers=self._headers, form=form, method="POST")
        if "behind" in cursor:
            query = {"num_before": "0", "num_after": str(_PAGE), "narrow": _PUBLIC, "apply_markdown": "false"}
            query |= {"anchor": str(cursor.get("anchor", "oldest"))}
            query |= {"include_anchor": "false"} if "anchor" in cursor else {}
            return Request("messages", "api/v1/messages", query, self._headers)
        if "lookup" in cursor:
            query = {"message_ids": json.dumps(cursor["lookup"]), "apply_markdown": "false"}
            return Request("messages", "api/v1/messages", query, self._headers)
        query = {"queue_id": cursor["queue"], "last_event_id": str(cursor["last"])}
        waits = moment.wait_s > 0
        query |= {} if waits else {"dont_block": "true"}
        return Request("events", "api/v1/events", query, self._headers, wait_s=_HELD_S if waits else 0)

    def page(self, cursor: Cursor, answer: Answer) -> Page:
        if "queue" not in cursor:
            queue = answer.read(_Queue)
            begun = {"queue": queue.queue_id, "last": queue.last_event_id, "behind": True}
            return Page((), {**cursor, **begun}, is_last=False)
        if "behind" in cursor:
            return self._behind(cursor, answer.read(_Messages))
        if "lookup" in cursor:
            streams = {str(one.get("id")): one.get("stream_id") for one in answer.read(_Messages).messages}
            return Page((), {**_without(cursor, "lookup"), "found": streams}, is_last=False)
        return self._events(cursor, answer.read(_Events).events)

    def refused(self, cursor: Cursor, answer: Answer) -> Page | None:
        if answer.status != HTTPStatus.BAD_REQUEST:
            return None
        if "lookup" in cursor and "behind" not in cursor:  # a server too old for message_ids
            return Page((), {**_without(cursor, "lookup"), "found": {}}, is_last=False)
        if answer.read(_Failed).code != "BAD_EVENT_QUEUE_ID":
            return None
        gap = "Zulip dropped the queue: joins, leaves, edits, deletions and reactions since then are lost."
        return Page((), _without(cursor, "queue", "last", "behind", "lookup", "found"), is_last=False, gap=gap)

    def _behind(self, cursor: Cursor, found: _Messages) -> Page:
        kept = [one for one in found.messages if not self._is_before(one.get("timestamp"))]
        payloads = tuple(encoded({"type": "message", "message": _message(one)}) for one in kept)
        following = {**cursor, **_anchor(cursor, found.messages)}
        if found.found_newest or not found.messages:
            following = _without(following, "behind")
        return Page(payloads, following, is_last=False)

    def _is_before(self, timestamp: object) -> bool:
        return isinstance(timestamp, int) and timestamp < self._since

    @staticmethod
    def _events(cursor: Cursor, events: list[dict[str, Any]]) -> Page:
        reactions = (one for one in events if one.get("type") == "reaction" and "stream_id" not in one)
        reacted = sorted({one["message_id"] for one in reactions if isinstance(one.get("message_id"), int)})
        if reacted and "found" not in cursor:
            return Page((), {**cursor, "lookup": reacted}, is_last=False)
        streams, payloads = cursor.get("found", {}), []
        for event in events:
            made = {**event, "queue_id": cursor["queue"]}
            if isinstance(event.get("message"), dict):
                made["message"] = _message(event["message"])
            stream = streams.get(str(event.get("message_id")))
            if event.get("type") == "reaction" and stream is not None:
                made["stream_id"] = stream
            payloads.append(encoded(made))
        try:
            last = max([cursor["last"], *(event["id"] for event in events)])
        except (KeyError, TypeError):
            raise UnfitAnswer("The answer does not match the API's documentation: an event has no id.") from None
        messages = [one["message"] for one in events if isinstance(one.get("message"), dict)]
        following = {**_without(cursor, "found"), "last": last, **_anchor(cursor, messages)}
        return Page(tuple(payloads), following, is_last=True)


def _message(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in _LEFT_OUT}


def _anchor(cursor: Cursor, messages: list[dict[str, Any]]) -> dict[str, int]:
    ids = [one["id"] for one in messages if isinstance(one.get("id"), int)]
    known = [cursor["anchor"]] if "anchor" in cursor else []
    return {"anchor": max(ids + known)} if ids or known else {}


def _without(cursor: Cursor, *names: str) -> dict[str, Any]:
    return {name: value for name, value in cursor.items() if name not in names}


PULLER = Zulip()
