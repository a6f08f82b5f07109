"""Messages of QQ groups, by the history of a Milky bot: its account, its groups, then each group, newest first.

The cursor: `self` is the bot's account, `at` the group requested last, `group/ID` the state of a group: `to` is the
number up to which everything was read, and, while older pages are read, `top` and `before` bound the unread ones.
Messages of a group are numbered without gaps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
    Payload,
    Puller,
    Request,
    encoded,
)
from pipelines.carriers.pullers.bot_answers import UNREADABLE, data_of, failed
from pipelines.carriers.pullers.turns import first_turn, next_turn
from pipelines.carriers.texts import Texts

_PAGE: Final = 30


class _Login(msgspec.Struct):
    uin: int


class _Group(msgspec.Struct):
    group_id: int


class _Groups(msgspec.Struct):
    groups: list[_Group]


class _Messages(msgspec.Struct):
    messages: list[dict[str, Any]]
    next_message_seq: int | None = None


class Milky(Puller):
    """Puller of the history of a Milky bot's groups."""

    name = "milky"
    title = "QQ's history through Milky"
    carrier = "milky"
    parts = (Part("secret", "the access token of the bot, if it requires one", is_required=False), SINCE)
    interval_s = 120
    limits = (
        "Joins, leaves, recalls and reactions are not in the history: they come by webhook only.",
        "It goes back as far as the QQ client does.",
    )

    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:  # noqa: ARG002
        return _MilkyApi(parts.get("secret"), self.since(parts))


class _MilkyApi(Api):
    def __init__(self, token: str | None, since: int) -> None:
        self._headers, self._since = {"authorization": f"Bearer {token}"} if token else {}, since

    def request(self, cursor: Cursor, moment: Moment) -> Request:  # noqa: ARG002
        if "self" not in cursor:
            return self._call("get_login_info", {})
        if "at" not in cursor:
            return self._call("get_group_list", {"no_cache": False})
        place = cursor[f"group/{cursor['at']}"]
        body = {"message_scene": "group", "peer_id": int(cursor["at"]), "limit": _PAGE}
        if "before" in place:
            body["start_message_seq"] = place["before"]
        return self._call("get_history_messages", body)

    def page(self, cursor: Cursor, answer: Answer) -> Page:
        if "self" not in cursor:
            return Page((), {**cursor, "self": data_of(answer, _Login).uin}, is_last=False)
        if "at" not in cursor:
            return first_turn(cursor, (str(one.group_id) for one in data_of(answer, _Groups).groups))
        if failed(answer):
            return next_turn(cursor, skipped=Counter({UNREADABLE: 1}))
        return self._messages(cursor, data_of(answer, _Messages))

    def _messages(self, cursor: Cursor, found: _Messages) -> Page:
        key = f"group/{cursor['at']}"
        place = dict(cursor[key])
        numbers = [number for number in map(_number, found.messages) if number]
        to, top = place.get("to", 0), max([place.get("top", 0), *numbers])
        new = [one for one in found.messages if _number(one) > to and _time(one) >= self._since]
        payloads = tuple(self._payload(cursor["self"], one) for one in sorted(new, key=_number))
        is_old = any(_time(one) < self._since for one in found.messages)
        before = min(numbers) - 1 if numbers else 0
        is_end = not numbers or found.next_message_seq is None or before >= place.get("before", before + 1)
        if is_end or is_old or before <= to:
            return next_turn({**cursor, key: {"to": max(top, to)}}, payloads)
        return Page(payloads, {**cursor, key: {"to": to, "top": top, "before": before}}, is_last=False)

    @staticmethod
    def _payload(self_id: int, message: dict[str, Any]) -> Payload:
        head = {"time": message.get("time"), "self_id": self_id, "event_type": "message_receive"}
        return encoded({**head, "data": {"message_scene": "group", **message}})

    def _call(self, name: str, body: dict[str, Any]) -> Request:
        return Request(name, f"api/{name}", headers=self._headers, json=body, method="POST")


def _number(message: dict[str, Any]) -> int:
    number = message.get("message_seq")
    return number if isinstance(number, int) else 0


def _time(message: dict[str, Any]) -> int:
    time = message.get("time")
    return time if isinstance(time, int) else 0


PULLER = Milky()
