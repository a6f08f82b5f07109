"""The APIs that pullers read, each played by a function over what it holds."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from pipelines.carriers.pullers.base import Answer, Request
from tests.pipelines.carriers.pullers.served import NOW, ChatLabServer, answer, said

DAY = 1_767_222_000


def asked(request: Request) -> dict[str, Any]:
    assert isinstance(request.json, dict)
    return request.json


class TelegramServer:
    """Updates, forgotten once they are confirmed by an offset."""

    def __init__(self, n: int = 250) -> None:
        self.updates: list[dict[str, Any]] = []
        self.more(n)

    def more(self, n: int) -> None:
        chat, first = {"id": -1001, "type": "supergroup", "title": "Tea"}, len(self.updates) + 1
        self.updates += [
            {
                "update_id": 500 + number,
                "message": {
                    "message_id": number, "date": DAY + number, "chat": chat, "text": f"text {number}",
                    "from": {"id": 7 + number % 3, "is_bot": False},
                },
            }
            for number in range(first, first + n)
        ]  # fmt: skip

    def __call__(self, request: Request) -> Answer:
        body = asked(request)
        assert "chat_member" in body["allowed_updates"]
        return answer(
            {"ok": True, "result": [u for u in self.updates if u["update_id"] >= body.get("offset", 0)][:100]}
        )


class StripeServer:
    """Events in Stripe's order, the newest first; `now` is that of the answers."""

    def __init__(self, n: int = 250) -> None:
        self.events = [self.event(number) for number in range(n)]

    @staticmethod
    def event(number: int, created: float = 0) -> dict[str, Any]:
        paid = {"id": f"cs_{number}", "payment_intent": f"pi_{number}", "amount_total": 500, "currency": "eur"}
        paid |= {"payment_status": "paid", "customer": f"cus_{number % 5}"}
        return {
            "id": f"evt_{number}", "object": "event", "type": "checkout.session.completed", "livemode": True,
            "created": int(created or NOW - 100_000 + number), "data": {"object": paid},
        }  # fmt: skip

    def __call__(self, request: Request) -> Answer:
        query, found = request.query, self.events[::-1]
        limit, ids = int(query["limit"]), [one["id"] for one in self.events[::-1]]
        for name in ("ending_before", "starting_after"):
            if name in query and query[name] not in ids:
                return answer({"error": {"code": "resource_missing", "type": "invalid_request_error"}}, 404)
        if "ending_before" in query:
            newer = found[: ids.index(query["ending_before"])]
            return answer({"data": newer[-limit:], "has_more": len(newer) > limit})
        older = found[ids.index(query["starting_after"]) + 1 :] if "starting_after" in query else found
        return answer({"data": older[:limit], "has_more": len(older) > limit})


class ShopifyServer:
    """Orders by the time of their change, with links to the pages that follow."""

    def __init__(self, n: int = 7, page: int = 3) -> None:
        self.orders = [self.order(number) for number in range(1, n + 1)]
        self._page, self.expired = page, False

    @staticmethod
    def order(number: int, changed: int = 0, **more: Any) -> dict[str, Any]:
        placed = f"2026-01-01T08:{number:02}:00+08:00"
        return {
            "id": 1000 + number, "created_at": placed, "processed_at": placed, "currency": "CNY",
            "updated_at": f"2026-01-01T08:{changed or number:02}:30+08:00", "financial_status": "pending",
            "total_price": "12.50", "customer": {"id": 70 + number, "email": "x@example.com"}, "refunds": [],
            "line_items": [{"product_id": 5, "quantity": 1, "price": "12.50"}], "note_attributes": [], **more,
        }  # fmt: skip

    def __call__(self, request: Request) -> Answer:
        query = request.query
        if "page_info" in query:
            assert "status" not in query
            if self.expired:
                self.expired = False
                return answer({"errors": {"page_info": "Invalid value."}}, 400)
            since, start = query["page_info"].split("|")
        else:
            since, start = query["updated_at_min"], "0"
        least = dt.datetime.fromisoformat(since)
        found = [one for one in self.orders if dt.datetime.fromisoformat(one["updated_at"]) >= least]
        found.sort(key=lambda one: one["updated_at"])
        begin, end = int(start), int(start) + self._page
        link = {}
        if end < len(found):
            address = f"https://evil.example/admin/api/2026-10/orders.json?limit=3&page_info={quote(f'{since}|{end}')}"
            link = {"link": f'<https://x.example?page_info=back>; rel="previous", <{address}>; rel="next"'}
        return answer({"orders": found[begin:end]}, headers=link)


class DiscourseServer:
    """Posts from the newest down, none for ids that are gone; a page covers a window of ids, or so many posts."""

    def __init__(self, *, windows: bool = True) -> None:
        self.posts = {number: self.post(number) for number in [*range(1, 60), *range(300, 380)]}
        self._windows = windows

    @staticmethod
    def post(number: int, version: int = 1) -> dict[str, Any]:
        return {
            "id": number, "topic_id": 11, "category_id": 3, "user_id": 1 + number % 4, "post_number": number,
            "created_at": "2025-12-31T23:01:00.000Z", "updated_at": "2025-12-31T23:05:00.000Z", "post_type": 1,
            "version": version, "raw": f"text {number}", "cooked": "<p>text</p>", "username": "bo",
        }  # fmt: skip

    def __call__(self, request: Request) -> Answer:
        before = int(request.query.get("before", max(self.posts)))
        ids = [number for number in sorted(self.posts, reverse=True) if number <= before]
        ids = [number for number in ids if number > before - 50] if self._windows else ids[:50]
        return answer({"latest_posts": [self.posts[number] for number in ids]})


class MilkyServer:
    """Groups whose messages are numbered, the newest first."""

    def __init__(self) -> None:
        self.groups = {20001: 75, 20002: 3, 20003: 0}

    def __call__(self, request: Request) -> Answer:
        body = asked(request)
        match request.call.split("/")[-1]:
            case "get_login_info":
                return self._data({"uin": 10009, "nickname": "Shop"})
            case "get_group_list":
                return self._data({"groups": [{"group_id": one, "group_name": "Tea"} for one in self.groups]})
        if body["peer_id"] not in self.groups:
            return answer({"status": "failed", "retcode": -404, "message": "no such group"})
        start = body.get("start_message_seq", self.groups[body["peer_id"]])
        numbers = range(max(start - body["limit"] + 1, 1), start + 1)
        messages = [
            {
                "message_scene": "group", "peer_id": body["peer_id"], "message_seq": number,
                "sender_id": 10001 + number % 3, "time": DAY + number,
                "segments": [{"type": "text", "data": {"text": f"text {number}"}}],
            }
            for number in numbers
        ]  # fmt: skip
        more = numbers.start - 1 if numbers and numbers.start > 1 else None
        return self._data({"messages": messages, "next_message_seq": more})

    @staticmethod
    def _data(data: object) -> Answer:
        return answer({"status": "ok", "retcode": 0, "data": data})


class OneBotServer:
    """Groups of a NapCat bot; `walks` is whether it gives what is older than a message."""

    def __init__(self, *, walks: bool = True) -> None:
        self.groups = {20001: list(range(1, 251)), 20002: [1, 2], 20003: []}
        self._walks = walks

    def __call__(self, request: Request) -> Answer:
        body = asked(request)
        if request.call.endswith("get_group_list"):
            return MilkyServer._data([{"group_id": one, "group_name": "Tea"} for one in self.groups])
        numbers = self.groups[body["group_id"]]
        if "message_seq" in body and self._walks:
            numbers = [number for number in numbers if number * 77 <= body["message_seq"]]
        messages = [self.message(body["group_id"], number) for number in numbers[-body["count"] :]]
        return MilkyServer._data({"messages": messages})

    @staticmethod
    def message(group: int, number: int) -> dict[str, Any]:
        return {
            "self_id": 10009, "user_id": 10001 + number % 3, "time": DAY + number // 2, "message_id": number * 77,
            "message_seq": number * 77, "message_type": "group", "sub_type": "normal", "post_type": "message",
            "group_id": group, "raw_message": f"text {number}", "real_seq": str(number),
            "message": [{"type": "text", "data": {"text": f"text {number}"}}],
        }  # fmt: skip


class ZulipServer:
    """Messages of public channels, and a queue of events that may be dropped."""

    def __init__(self, *, finds: bool = True) -> None:
        self.messages = [self.message(number) for number in range(1, 71)]
        self.events: list[dict[str, Any]] = [
            {"id": 0, "type": "message", "message": self.message(71)},
            {"id": 1, "type": "reaction", "op": "add", "message_id": 5, "user_id": 8, "emoji_code": "1f44d"},
            {"id": 2, "type": "heartbeat"},
        ]
        self.queue, self._finds = "q1", finds

    @staticmethod
    def message(number: int) -> dict[str, Any]:
        return {
            "id": number, "type": "stream", "stream_id": 4, "display_recipient": "tea", "sender_id": 7 + number % 3,
            "timestamp": DAY + number, "content": f"text {number}", "avatar_url": "x" * 50, "subject": "green",
        }  # fmt: skip

    def __call__(self, request: Request) -> Answer:
        query = request.query
        match request.call.removeprefix("api/v1/"):
            case "register":
                assert request.form is not None
                assert request.form["all_public_streams"] == "true"
                return answer({"result": "success", "queue_id": self.queue, "last_event_id": -1})
            case "events":
                if query["queue_id"] != self.queue:
                    return answer({"result": "error", "code": "BAD_EVENT_QUEUE_ID", "msg": "Bad event queue ID"}, 400)
                return answer({"events": [one for one in self.events if one["id"] > int(query["last_event_id"])]})
        if "message_ids" in query:
            if not self._finds:
                return answer({"result": "error", "code": "REQUEST_VARIABLE_MISSING"}, 400)
            wanted = json.loads(query["message_ids"])
            return answer({"messages": [one for one in self.messages if one["id"] in wanted]})
        anchor = 0 if query["anchor"] == "oldest" else int(query["anchor"])
        found = [one for one in self.messages if one["id"] > anchor]
        limit = min(int(query["num_after"]), 30)
        return answer({"messages": found[:limit], "found_newest": len(found) <= limit})


def _chatlab() -> ChatLabServer:
    return ChatLabServer({"g": [said("a", 100, "+1") for _ in range(5)], "h": [said("b", 101, "x")]})


SERVERS: dict[str, tuple[Callable[[], Callable[[Request], Answer]], dict[str, str], int]] = {
    "chatlab": (_chatlab, {}, 6),
    "discourse": (DiscourseServer, {}, 139),
    "milky": (MilkyServer, {}, 78),
    "onebot11": (OneBotServer, {}, 252),
    "shopify": (ShopifyServer, {}, 7),
    "stripe": (StripeServer, {}, 250),
    "telegram": (TelegramServer, {}, 250),
    "zulip": (ZulipServer, {"email": "bot@example.com"}, 73),
}
"""What plays the API of each puller, the options that it needs, and how many payloads a first round brings."""
