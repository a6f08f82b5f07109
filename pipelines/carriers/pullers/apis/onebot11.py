"""Messages of QQ groups, by the history of a OneBot 11 bot (NapCat, LLOneBot, go-cqhttp): each group, newest first.

The cursor: `at` is the group requested last, `group/ID` the state of a group: `to` is the newest message up to which
everything was read (time and id), and, while older pages are read, `top` is the newest message at the start and
`before` the oldest one read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pipelines.carriers.parts import Part
from pipelines.carriers.pullers.base import SINCE, Answer, Api, Cursor, Moment, Page, Puller, Request, encoded
from pipelines.carriers.pullers.bot_answers import UNREADABLE, data_of, failed
from pipelines.carriers.pullers.turns import first_turn, next_turn
from pipelines.carriers.readers.base import ODD_ITEMS
from pipelines.carriers.texts import Texts

_PAGE: Final = 100


class _Group(msgspec.Struct):
    group_id: int


class _Messages(msgspec.Struct):
    messages: list[dict[str, Any]]


class OneBot11(Puller):
    """Puller of the history of a OneBot 11 bot's groups."""

    name = "onebot11"
    title = "QQ's history through OneBot 11 (NapCat and others)"
    carrier = "onebot11"
    parts = (Part("secret", "the access token of the bot, if it requires one", is_required=False), SINCE)
    interval_s = 120
    limits = (
        "Joins, leaves, recalls and reactions are not in the history: they come by webhook only.",
        "It goes back as far as the QQ client does. Some implementations only ever return the newest messages: if more "
        "were written between two rounds, the rest is lost, which is reported.",
    )

    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:  # noqa: ARG002
        return _OneBotApi(parts.get("secret"), self.since(parts))


class _OneBotApi(Api):
    def __init__(self, token: str | None, since: int) -> None:
        self._headers, self._since = {"authorization": f"Bearer {token}"} if token else {}, since

    def request(self, cursor: Cursor, moment: Moment) -> Request:  # noqa: ARG002
        if "at" not in cursor:
            return Request("get_group_list", "get_group_list", headers=self._headers, json={}, method="POST")
        body: dict[str, Any] = {"group_id": int(cursor["at"]), "count": _PAGE}
        place = cursor[f"group/{cursor['at']}"]
        if "before" in place:
            body |= {"message_seq": place["before"]["id"], "reverseOrder": True}
        name = "get_group_msg_history"
        return Request(name, name, headers=self._headers, json=body, method="POST")

    def page(self, cursor: Cursor, answer: Answer) -> Page:
        if "at" not in cursor:
            return first_turn(cursor, (str(one.group_id) for one in data_of(answer, list[_Group])))
        if failed(answer):
            return next_turn(cursor, skipped=Counter({UNREADABLE: 1}))
        return self._messages(cursor, data_of(answer, _Messages).messages)

    def _messages(self, cursor: Cursor, found: list[dict[str, Any]]) -> Page:
        group = cursor["at"]
        key, place = f"group/{group}", cursor[f"group/{group}"]
        whole = sorted(filter(_is_whole, found), key=lambda one: one["time"])
        skipped = Counter({ODD_ITEMS: len(found) - len(whole)})
        to, before = place.get("to"), place.get("before")
        messages = whole if before is None else [one for one in whole if _is_older(one, before)]
        least = max(self._since, to["time"] if to else 0)
        # There may be other messages in the same second as the newest one read.
        new = [one for one in messages if one["time"] >= least]
        payloads = tuple(encoded(_payload(group, one)) for one in new)
        ends = [_place(one) for one in messages]
        top = max([one for one in (place.get("top"), to, *ends[-1:]) if one], key=lambda one: one["time"], default=None)
        is_reached = len(new) < len(messages) or (to is not None and to in ends)
        if is_reached or not ends:
            lost = to is not None and not is_reached and before is not None
            gap = f"The bot no longer returns all messages of group {group} since the last round." if lost else None
            return next_turn({**cursor, key: {"to": top} if top else {}}, payloads, +skipped, gap)
        following = {"top": top, "before": ends[0], **({"to": to} if to else {})}
        return Page(payloads, {**cursor, key: following}, is_last=False, skipped=+skipped)


def _is_whole(message: dict[str, Any]) -> bool:
    return isinstance(message.get("time"), int) and isinstance(message.get("message_id"), int)


def _is_older(message: dict[str, Any], before: dict[str, Any]) -> bool:
    return message["time"] <= before["time"] and _place(message) != before


def _place(message: dict[str, Any]) -> dict[str, Any]:
    number = message.get("message_seq")
    return {"time": message["time"], "id": number if isinstance(number, int) else message["message_id"]}


def _payload(group: str, message: dict[str, Any]) -> dict[str, Any]:
    return {"post_type": "message", "message_type": "group", "group_id": int(group), **message}


PULLER = OneBot11()
