"""ChatLab's pull protocol, version 1, of tools for WeChat, QQ and others: sessions, then messages of each.

The cursor: `listing` is the next page of sessions while they are listed, `at` the session requested last, `session/ID`
the state of a session and how far it was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

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
from pipelines.carriers.readers.base import ODD_ITEMS, ReadOptions
from pipelines.carriers.readers.formats.chatlab import learn_member, payload_of
from pipelines.carriers.readers.notices import UNKNOWN_NAMES, Names
from pipelines.carriers.readers.occurrences import Occurrences
from pipelines.carriers.texts import Texts

_SESSION: Final = "session/"
_PAGE: Final = 1000
_OVERLAP_S: Final = 300
_ODD: Final = (AttributeError, KeyError, LookupError, TypeError, ValueError)


class _Session(msgspec.Struct):
    id: str
    platform: str
    type: str
    name: str | None = None


class _ListPage(msgspec.Struct, rename="camel"):
    has_more: bool = False
    next_cursor: str | None = None


class _Sessions(msgspec.Struct):
    sessions: list[_Session]
    page: _ListPage = msgspec.field(default_factory=_ListPage)


class _Sync(msgspec.Struct, rename="camel"):
    has_more: bool = False
    next_since: int | None = None
    next_offset: int | None = None
    watermark: int | None = None


class _Meta(msgspec.Struct, rename="camel"):
    group_id: str | None = None
    name: str | None = None


class _Messages(msgspec.Struct):
    messages: list[dict[str, Any]]
    members: list[dict[str, Any]] = msgspec.field(default_factory=list)
    meta: _Meta = msgspec.field(default_factory=_Meta)
    sync: _Sync | None = None


class ChatLab(Puller):
    """Puller of sources with ChatLab's pull protocol."""

    name = "chatlab"
    title = "ChatLab's pull protocol"
    carrier = "chatlab"
    parts = (
        Part("secret", "the source's token, if it requires one", is_required=False),
        Part("sessions", "ids of the groups to read, separated by commas; default: all groups", False, False),
        SINCE,
        Part("overlap", f"seconds that are read again, for late messages; default: {_OVERLAP_S}", False, False),
    )
    limits = (
        "Private chats are not read.",
        "A join or a leave is a sentence with names: it counts if the same answer shows the name beside an id. "
        "Answers after the first do so only for members who wrote or changed.",
        "A message that arrives later than the overlap is missed.",
    )
    origin = "documented"

    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:
        sessions = frozenset(one.strip() for one in parts.get("sessions", "").split(",") if one.strip())
        overlap = self.number(parts, "overlap", _OVERLAP_S, 366 * 86_400)
        return _ChatLabApi(parts.get("secret"), sessions, self.since(parts), overlap, texts)


class _ChatLabApi(Api):
    def __init__(self, token: str | None, sessions: frozenset[str], since: int, overlap: int, texts: Texts) -> None:
        self._headers = {"accept": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        self._sessions, self._since, self._overlap, self._texts = sessions, since, overlap, texts
        # Texts are measured when the payload is produced; only ids are created here.
        self._options = ReadOptions(texts=replace(texts, keeps=True), zone=ZoneInfo("UTC"))

    def request(self, cursor: Cursor, moment: Moment) -> Request:  # noqa: ARG002
        if "at" not in cursor:
            query = {"limit": str(_PAGE)}
            if cursor.get("listing"):
                query["cursor"] = cursor["listing"]
            return Request("sessions", "sessions", query, self._headers)
        session = cursor["at"]
        place = cursor[_SESSION + session]
        query = {"format": "chatlab", "since": str(place["from"]), "limit": str(_PAGE), "offset": str(place["offset"])}
        if place.get("end") is not None:
            query["end"] = str(place["end"])
        return Request("messages", f"sessions/{quote(session, safe='')}/messages", query, self._headers)

    def page(self, cursor: Cursor, answer: Answer) -> Page:
        if "at" not in cursor:
            return self._listed(cursor, answer.read(_Sessions))
        return self._messages(cursor, answer.read(_Messages))

    def _listed(self, cursor: Cursor, found: _Sessions) -> Page:
        following, skipped = dict(cursor), Counter[str]()
        for session in found.sessions:
            if session.type != "group":
                skipped["private chats"] += 1
            elif self._is_read(session.id):
                known = following.get(_SESSION + session.id, {"to": self._since, "group": session.id})
                following[_SESSION + session.id] = {**known, "platform": session.platform.lower(), "name": session.name}
        following["listing"] = found.page.next_cursor if found.page.has_more else None
        if following["listing"]:
            return Page((), following, is_last=False, skipped=skipped)
        return self._turned(following, "", skipped=skipped)

    def _messages(self, cursor: Cursor, found: _Messages) -> Page:
        following, session = dict(cursor), cursor["at"]
        place = dict(following[_SESSION + session])
        place["group"] = found.meta.group_id or place["group"]
        place["name"] = found.meta.name or place["name"]
        newest = max(self._times(found.messages), default=0)
        payloads, skipped, same_second = self._payloads(found, place, newest)
        sync = found.sync or self._of_itself(found, place, newest)
        if sync.has_more:
            since = place["from"] if sync.next_since is None else sync.next_since
            offset = sync.next_offset
            if offset is None:
                offset = 0 if since != place["from"] else place["offset"] + len(found.messages)
            place |= {"from": since, "offset": offset, "same_second": same_second if offset else None}
            if sync.watermark is not None:
                place["end"] = sync.watermark
            place["to"] = max(place["to"], newest)
            following[_SESSION + session] = place
            return Page(payloads, following, is_last=False, skipped=skipped)
        place["to"] = max(place["to"], newest, sync.next_since or 0)
        following[_SESSION + session] = {name: place[name] for name in ("to", "group", "platform", "name")}
        return self._turned(following, session, payloads, skipped)

    def refused(self, cursor: Cursor, answer: Answer) -> Page | None:
        if answer.status != HTTPStatus.NOT_FOUND or "at" not in cursor:
            return None
        following = {name: value for name, value in cursor.items() if name != _SESSION + cursor["at"]}
        return self._turned(following, cursor["at"], skipped=Counter({"groups that are gone": 1}))

    def _turned(
        self,
        cursor: Mapping[str, Any],
        after: str,
        payloads: tuple[Payload, ...] = (),
        skipped: Counter[str] | None = None,
    ) -> Page:
        """Continue with the next session, in order of ids; after the last one, list the sessions again."""
        ids = (name.removeprefix(_SESSION) for name in cursor if name.startswith(_SESSION))
        session = min((one for one in ids if one > after and self._is_read(one)), default=None)
        if session is None:
            following = {name: value for name, value in cursor.items() if name not in ("at", "listing")}
            return Page(payloads, following, is_last=True, skipped=skipped or Counter())
        place = cursor[_SESSION + session]
        begun = {**place, "from": max(self._since, place["to"] - self._overlap), "offset": 0, "same_second": None}
        following = {**cursor, "at": session, _SESSION + session: begun}
        return Page(payloads, following, is_last=False, skipped=skipped or Counter())

    def _is_read(self, session: str) -> bool:
        return not self._sessions or session in self._sessions

    @staticmethod
    def _times(messages: list[dict[str, Any]]) -> Iterator[int]:
        return (one["timestamp"] for one in messages if isinstance(one.get("timestamp"), int))

    @staticmethod
    def _of_itself(found: _Messages, place: dict[str, Any], newest: int) -> _Sync:
        """Return the `sync` of a source that sends none: it pages by time at most."""
        is_full = len(found.messages) >= _PAGE and newest > place["from"]
        return _Sync(has_more=is_full, next_since=newest if is_full else None)

    def _payloads(
        self, found: _Messages, place: dict[str, Any], newest: int
    ) -> tuple[tuple[Payload, ...], Counter[str], dict[str, Any]]:
        """Return payloads, skipped items, and the identities of the newest second's messages without an id.

        Identical messages are numbered, also across pages.
        """
        names, skipped = Names(), Counter[str]()
        for member in found.members:
            with suppress(*_ODD):
                learn_member(names, member)
        for message in found.messages:
            with suppress(*_ODD):
                names.learn(message.get("accountName"), str(message.get("sender")))
        chat = {"platform": place["platform"], "id": place["group"], "name": place["name"]}
        before = place["same_second"] or {"second": None, "alike": []}
        occurrences = Occurrences(self._texts)
        occurrences.number(before["alike"])
        payloads, alike = [], list(before["alike"]) if before["second"] == newest else []
        for message in found.messages:
            try:
                payload, n_unknown = payload_of(chat, message, names, occurrences, self._options)
            except _ODD:
                skipped[ODD_ITEMS] += 1
                continue
            skipped[UNKNOWN_NAMES] += n_unknown
            payloads.append(encoded(payload))
            if message.get("timestamp") == newest and not message.get("platformMessageId"):
                first, _ = payload_of(chat, message, names, Occurrences(self._texts), self._options)
                alike.append(first["_id"])
        return tuple(payloads), +skipped, {"second": newest, "alike": alike}


PULLER = ChatLab()
