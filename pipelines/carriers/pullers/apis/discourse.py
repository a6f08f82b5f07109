"""Posts of a Discourse forum, by `posts.json`, which lists them from the newest to the oldest.

The cursor: `newest` is the id of the newest post that was read. While older pages are read, `top` is the id at the head
of the list at the start, and `before` the id below which the next page begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pipelines.carriers.parts import Part
from pipelines.carriers.pullers.base import Answer, Api, Cursor, Moment, Page, Puller, Request, UnfitAnswer, encoded
from pipelines.carriers.texts import Texts

_OVERLAP: Final = 200
_WINDOW: Final = 50
"""Number of ids that an answer may cover: an answer without posts only means that there is none among these."""
_KEPT: Final = (
    "id", "topic_id", "topic_slug", "category_id", "user_id", "created_at", "updated_at", "post_number", "post_type",
    "reply_to_post_number", "version", "deleted_at", "user_deleted",
)  # fmt: skip


class _Posts(msgspec.Struct):
    latest_posts: list[dict[str, Any]]


class Discourse(Puller):
    """Puller of a forum's posts."""

    name = "discourse"
    title = "Discourse's API (posts)"
    carrier = "discourse"
    parts = (
        Part("secret", "an API key that may read posts"),
        Part("user", "the user whose permissions the key uses; default: system", is_secret=False, is_required=False),
        Part("overlap", f"number of newest ids that are read again, for edits; default: {_OVERLAP}", False, False),
    )
    interval_s = 300
    limits = (
        "Edits and deletions of posts older than the overlap are missed; webhooks report them.",
        "Likes have no persons.",
        "Private messages are not read.",
    )
    origin = "documented"

    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:  # noqa: ARG002
        headers = {
            "api-key": parts["secret"],
            "api-username": parts.get("user", "system"),
            "accept": "application/json",
        }
        return _DiscourseApi(headers, self.number(parts, "overlap", _OVERLAP, 1_000_000))


class _DiscourseApi(Api):
    def __init__(self, headers: Mapping[str, str], overlap: int) -> None:
        self._headers, self._overlap = headers, overlap

    def request(self, cursor: Cursor, moment: Moment) -> Request:  # noqa: ARG002
        query = {"before": str(cursor["before"])} if "before" in cursor else {}
        return Request("posts", "posts.json", query, self._headers)

    def page(self, cursor: Cursor, answer: Answer) -> Page:
        posts = answer.read(_Posts).latest_posts
        ids = [one["id"] for one in posts if isinstance(one.get("id"), int)]
        if len(ids) < len(posts):
            raise UnfitAnswer("The answer does not match the API's documentation: a post has no id.")
        least = cursor.get("newest", 0) - self._overlap
        top = max([cursor.get("top", 0), *ids])
        before = min(ids) - 1 if ids else cursor.get("before", 0) - _WINDOW
        kept = [post for post, number in zip(posts, ids, strict=True) if number > least]
        payloads = tuple(encoded({"post": _post(one)}) for one in reversed(kept))
        if before <= max(least, 0):
            return Page(payloads, {"newest": max(top, cursor.get("newest", 0))}, is_last=True)
        following = {name: value for name, value in cursor.items() if name == "newest"}
        return Page(payloads, {**following, "top": top, "before": before}, is_last=False)


def _post(post: dict[str, Any]) -> dict[str, Any]:
    text = "cooked" if post.get("raw") is None else "raw"
    return {name: post[name] for name in (*_KEPT, text) if name in post}


PULLER = Discourse()
