"""Slack's export of a workspace, a ZIP or a folder: a folder per channel, a file per day.

A payload of the carrier `slack_export`:

    {"chat": {"id": "C1", "name": "tea"}, "role": "operator", "bot" or null,
     "reactions": [{"id": "U2", "emoji": "thumbsup"}],
     "message": {"type": "message", "subtype": null, "user": "U1", "bot_id": null, "ts": "1767222000.000100",
                 "thread_ts": ... or null, "edited": {"user", "ts"} or null, "name": ... of a renamed channel,
                 "comment": {"user"}, "files": [{"id", "mimetype"}], "text": measures of it or null}}

Days of files are in the workspace's zone, so times come from `ts`, which stays a text because it is the identity too.
Times of reactions are unknown, but after the message.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator
from typing import Any, Final

import msgspec

from pipelines.carriers.readers.base import Batch, Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.json_items import items
from pipelines.carriers.readers.json_shape import shape_of
from pipelines.carriers.readers.source import Source

_DAY: Final = re.compile(r"^(?P<channel>[^/]+)/\d{4}-\d{2}-\d{2}\.json$")
_KEPT: Final = ("type", "subtype", "user", "bot_id", "ts", "thread_ts", "name")
_WRITTEN: Final = frozenset({None, "bot_message", "thread_broadcast", "me_message", "file_comment", "file_share"})


class SlackExport(Reader):
    """Reader of Slack's workspace export."""

    name = "slack_export"
    title = "an export of a workspace of Slack"
    carrier = "slack_export"
    capabilities = Capabilities(
        membership="joins_only",
        time="exact",
        limits=(
            "Leaves are hardly ever in it, so joins minus leaves are not the number of members.",
            "It has no deleted messages and no times of reactions.",
        ),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by `channels.json` beside folders with a file per day."""
        channels = source.files.get("channels.json")
        if channels is None or not shape_of(channels).has("[].id", "[].name", "[].created"):
            return None
        n_days = sum(_DAY.match(name) is not None for name in source.files)
        return Sniffed((f"channels.json beside {n_days:,} files of days",)) if n_days else None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read channel by channel, day by day."""
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        channels = {
            str(one.get("name")): str(one.get("id"))
            for name in ("channels.json", "groups.json")
            for one in _listed(source, name)
        }
        bots = {one.get("id") for one in _listed(source, "users.json") if one.get("is_bot")}
        for path, file in source.files.items():
            found = _DAY.match(path)
            if found is None:
                continue
            channel = channels.get(found["channel"])
            if channel is None:
                batch.skipped["days of private chats"] += 1
                continue
            for _, item in items(file, repairs, progress, ()):
                with batch.odd_items:
                    payload = _payload({"id": channel, "name": found["channel"]}, item, bots, options)
                    batch.add(f"slack:{channel}/{item.get('ts')}", msgspec.json.encode(payload))
                if batch.is_full:
                    yield batch.take(progress.done)
        yield batch.take(progress.done)


def _listed(source: Source, name: str) -> Iterator[dict[str, Any]]:
    if name in source.files:
        for _, item in items(source.files[name], Counter(), Progress(), ()):
            yield item


def _payload(
    chat: dict[str, str], item: dict[str, Any], bots: Container[object], options: ReadOptions
) -> dict[str, Any]:
    comment, edited, text = item.get("comment") or {}, item.get("edited") or {}, item.get("text")
    user = item.get("user") or comment.get("user")
    is_bot = user in bots or item.get("subtype") == "bot_message"
    files = [item["file"]] if isinstance(item.get("file"), dict) else item.get("files") or ()
    return {
        "chat": chat,
        "role": options.role(user, item.get("username")) or ("bot" if is_bot else None),
        "reactions": [
            {"id": one, "emoji": reaction.get("name")}
            for reaction in item.get("reactions") or ()
            for one in reaction.get("users") or ()
        ],
        "message": {
            **{name: item.get(name) for name in _KEPT},
            "edited": {name: edited.get(name) for name in ("user", "ts")} if edited else None,
            "comment": {"user": comment.get("user")} if comment else None,
            "files": [{name: file.get(name) for name in ("id", "mimetype")} for file in files],
            "text": options.texts.of(text) if text and item.get("subtype") in _WRITTEN else None,
        },
    }


READER = SlackExport()
