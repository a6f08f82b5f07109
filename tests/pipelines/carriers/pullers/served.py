"""APIs as pure functions of a request, for tests of pullers: they page what they hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.carriers.pullers.base import Answer, Api, Cursor, Moment, Page, Payload, Request

Server = Callable[[Request], Answer]
NOW = 1_790_000_000.0


def answer(content: object, status: int = 200, now: float = NOW, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, json.dumps(content).encode(), now)


def step(api: Api, server: Server, cursor: Cursor, wait_s: float = 0) -> Page:
    given = server(api.request(cursor, Moment(NOW, wait_s)))
    if given.status >= 400:
        page = api.refused(cursor, given)
        assert page is not None, given
        return page
    return api.page(cursor, given)


def rounds(api: Api, server: Server, cursor: Cursor | None = None, most: int = 500) -> list[Page]:
    """Ask until all there is has been read; each cursor is one that JSON keeps."""
    pages, at = [], cursor or {}
    for _ in range(most):
        page = step(api, server, at)
        assert json.loads(json.dumps(page.cursor)) == page.cursor
        assert page.is_last or page.cursor != at
        pages.append(page)
        at = page.cursor
        if page.is_last:
            return pages
    raise AssertionError(f"no end after {most} pages")


def payloads(pages: Sequence[Page]) -> list[dict[str, Any]]:
    return [json.loads(payload.value) for payload in raw(pages)]


def raw(pages: Sequence[Page]) -> list[Payload]:
    return [payload for page in pages for payload in page.payloads]


class ChatLabServer:
    """A source that speaks ChatLab's pull protocol: pages by offset, a page of two sessions."""

    def __init__(self, messages: Mapping[str, list[dict[str, Any]]], page: int = 2, *, sync: bool = True) -> None:
        self.messages, self._page, self._sync = dict(messages), page, sync
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.path == "sessions":
            start = int(request.query.get("cursor", 0))
            ids = sorted(self.messages)
            some = [
                {"id": one, "name": f"Group {one}", "platform": "WeChat", "type": "private" if one == "p" else "group"}
                for one in ids[start : start + 2]
            ]
            more = start + 2 < len(ids)
            return answer({"sessions": some, "page": {"hasMore": more, "nextCursor": str(start + 2) if more else None}})
        session = request.path.split("/")[1]
        if session not in self.messages:
            return answer({}, 404)
        since, offset = int(request.query["since"]), int(request.query["offset"])
        found = sorted(
            (one for one in self.messages[session] if one["timestamp"] >= since), key=lambda one: one["timestamp"]
        )
        if not self._sync:
            limit = int(request.query["limit"])
            return answer({"messages": found[:limit]})
        some, more = found[offset : offset + self._page], offset + self._page < len(found)
        sync = {"hasMore": more, "nextOffset": offset + self._page, "watermark": 99}
        head = {} if since else {"members": [{"platformId": "w9", "accountName": "Zoe"}], "meta": {"groupId": None}}
        return answer({**head, "messages": some, "sync": sync})


def said(sender: str, at: int, text: str, kind: int = 0, **more: Any) -> dict[str, Any]:
    return {"sender": sender, "accountName": sender.upper(), "timestamp": at, "type": kind, "content": text, **more}
