"""Updates of a Telegram bot, by `getUpdates` of the Bot API.

The cursor: `offset` is the number after the newest update that was read. A request with it makes Telegram delete all
updates before, so it is committed first.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from pipelines.carriers.parts import Part
from pipelines.carriers.pullers.base import (
    Answer,
    Api,
    Cursor,
    Moment,
    Page,
    Payload,
    Puller,
    RefusedByApi,
    Request,
    UnfitAnswer,
    read_json,
)
from pipelines.carriers.texts import Texts

_PAGE: Final = 100
_KINDS: Final = (
    "message", "edited_message", "channel_post", "edited_channel_post", "message_reaction", "chat_member",
    "my_chat_member",
)  # fmt: skip


class _Update(msgspec.Struct):
    update_id: int


class _Parameters(msgspec.Struct):
    retry_after: float | None = None


class _Answered(msgspec.Struct):
    ok: bool
    result: list[msgspec.Raw] = msgspec.field(default_factory=list)
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class Telegram(Puller):
    """Puller of a bot's updates."""

    name = "telegram"
    title = "Telegram's Bot API (getUpdates)"
    carrier = "telegram"
    url = "https://api.telegram.org"
    parts = (Part("secret", "the bot's token"),)
    interval_s = 50
    is_held = True
    limits = (
        "Telegram keeps updates for 24 hours: older ones are lost, without any notice.",
        "A bot has either a webhook or a puller: with a webhook set, Telegram refuses requests.",
        "There is no history: it begins with the updates of the last 24 hours.",
    )

    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:  # noqa: ARG002
        token = parts["secret"]
        if not all(one.isascii() and (one.isalnum() or one in ":_-") for one in token):
            raise self.wrong("has a secret that is not a bot token")
        return _TelegramApi(token)


class _TelegramApi(Api):
    def __init__(self, token: str) -> None:
        self._path = f"bot{token}/getUpdates"

    def request(self, cursor: Cursor, moment: Moment) -> Request:
        body = {"limit": _PAGE, "timeout": int(moment.wait_s), "allowed_updates": _KINDS}
        if "offset" in cursor:
            body["offset"] = cursor["offset"]
        return Request("getUpdates", self._path, json=body, method="POST", wait_s=moment.wait_s)

    def page(self, cursor: Cursor, answer: Answer) -> Page:
        found = answer.read(_Answered)
        if not found.ok:
            raise UnfitAnswer("Telegram reports a failure with status 200.")
        numbers = [read_json(one, _Update).update_id for one in found.result]
        following = {"offset": max(numbers) + 1} if numbers else dict(cursor)
        payloads = tuple(Payload(bytes(one)) for one in found.result)
        return Page(payloads, following, is_last=len(numbers) < _PAGE)

    def refused(self, cursor: Cursor, answer: Answer) -> Page | None:  # noqa: ARG002
        if answer.status == HTTPStatus.CONFLICT:
            raise RefusedByApi(
                "The bot has a webhook, or another program requests its updates.",
                "Call deleteWebhook, and let only one program request updates.",
            )
        return None

    def retry_after_s(self, answer: Answer) -> float | None:
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
            return None
        try:
            return answer.read(_Answered).parameters.retry_after
        except UnfitAnswer:
            return None


PULLER = Telegram()
