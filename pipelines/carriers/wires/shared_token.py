"""Shared tokens in a header or in the body: they authenticate the sender, not the content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from pipelines.carriers.wires.base import (
    NO_CONTENT,
    OK,
    Accepted,
    Answer,
    Check,
    Delivery,
    Outcome,
    Part,
    Refused,
    Wire,
    is_same,
    kept,
)

_TOKEN: Final = (Part("secret", "the token that the platform sends"),)
_BEARER: Final = "Bearer "
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 1000


@dataclass(frozen=True)
class HeaderToken(Wire):
    """A token in a header after `prefix`, or in the `query`; a valid secret matches `pattern`."""

    name: str
    header: str = "authorization"
    prefix: str = _BEARER
    query: str | None = None
    pattern: str = ".+"
    keep: tuple[str, ...] = ()
    answer: Answer = OK
    parts: tuple[Part, ...] = _TOKEN

    def _check(self, parts: Mapping[str, str]) -> Check:
        secret = parts["secret"]
        if not re.fullmatch(self.pattern, secret):
            raise self.wrong(f"has a secret that the platform does not accept: {self.pattern}")

        def check(delivery: Delivery) -> Outcome:
            given = self._given(delivery)
            if not given:
                return Refused("not_signed", f"there is no {self.header}")
            if not is_same(given, secret):
                return Refused("wrong_signature", f"the token in {self.header} does not fit")
            return Accepted(delivery.body, kept(delivery.headers, self.keep), self.answer)

        return check

    def _given(self, delivery: Delivery) -> str:
        text = delivery.headers.get(self.header, "")
        if text.startswith(self.prefix) and len(text) > len(self.prefix):
            return text[len(self.prefix) :]
        return "" if self.query is None else delivery.query.get(self.query, "")


@dataclass(frozen=True)
class BodyToken(Wire):
    """A token in the field `token` of the body: JSON, or a form, which is converted to JSON.

    The token itself is not produced: readers of the topic could send with it.
    """

    name: str
    answer: Answer = OK
    parts: tuple[Part, ...] = _TOKEN

    def _check(self, parts: Mapping[str, str]) -> Check:
        secret = parts["secret"]

        def check(delivery: Delivery) -> Outcome:
            try:
                fields = _fields(delivery)
                given = msgspec.json.decode(fields.pop("token"), type=str)
            except KeyError:
                return Refused("not_signed", "there is no token in the body")
            except (msgspec.DecodeError, ValueError, RecursionError):
                return Refused("malformed", "the body is neither a JSON object nor a form")
            if not is_same(given, secret):
                return Refused("wrong_signature", "the token in the body does not fit")
            return Accepted(msgspec.json.encode(fields), answer=self.answer)

        return check


def _fields(delivery: Delivery) -> dict[str, msgspec.Raw]:
    """Return the fields of the body; those of a JSON object unchanged."""
    if not delivery.headers.get("content-type", "").startswith(_FORM):
        return msgspec.json.decode(delivery.body, type=dict[str, msgspec.Raw])
    pairs = parse_qsl(delivery.body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in pairs}


WIRES: Final = (
    HeaderToken("bearer"),
    HeaderToken("onebot12", query="access_token", keep=("x-onebot-version", "x-impl"), answer=NO_CONTENT),
    HeaderToken("satori", keep=("satori-opcode",)),
    HeaderToken("milky"),
    HeaderToken("telegram", "x-telegram-bot-api-secret-token", prefix="", pattern="[A-Za-z0-9_-]{1,256}"),
    BodyToken("mattermost", Answer(b"{}", media_type="application/json")),
    BodyToken("rocketchat", Answer(b"{}", media_type="application/json")),
    BodyToken("zulip", Answer(b'{"response_not_required": true}', media_type="application/json")),
)
