"""HMAC signatures over the raw body: one scheme; sources differ in headers, encodings and signed prefixes.

| field | of a row below |
|---|---|
| header | has the signature, after `prefix` |
| before | is signed before the body; `{timestamp}` and `{id}` are headers |
| keep | headers that are kept with the record |
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from pipelines.carriers.base import JSON_ERRORS
from pipelines.carriers.wires.base import (
    NO_CONTENT,
    OK,
    SECRET,
    Accepted,
    Answer,
    Check,
    Delivery,
    Outcome,
    Part,
    Refused,
    Wire,
    is_fresh,
    is_same,
    kept,
)

_VERIFY_TOKEN: Final = Part("verify_token", "the text given to the platform for its GET handshake", is_required=False)


@dataclass(frozen=True)
class KeyedHash(Wire):
    """One row of the scheme.

    Attributes:
        name: Its name in the settings.
        header: Lower-case name of the header with the signature.
        algorithm: Hash algorithm of the HMAC.
        encoding: Encoding of the signature.
        prefix: Text before each signature.
        before: Text that is signed before the body.
        timestamp: Header with seconds since 1970.
        id: Header with the id of the message, if it is signed.
        separator: Separator between several signatures, any of which may match.
        key: Converts the secret to the key.
        keep: Headers kept with the record.
        greet: Answers signed requests that are no events.
        answer: The answer to an event.
        parts: See `Wire`; so is `answers_get`.
    """

    name: str
    header: str
    algorithm: Literal["sha1", "sha256"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    before: str = ""
    timestamp: str | None = None
    id: str | None = None
    separator: str | None = None
    key: Callable[[str], bytes] = str.encode
    keep: tuple[str, ...] = ()
    greet: Callable[[bytes], Answer | None] | None = None
    answer: Answer = OK
    parts: tuple[Part, ...] = (SECRET,)
    answers_get: bool = False

    def _check(self, parts: Mapping[str, str]) -> Check:
        try:
            key = self.key(parts[SECRET.name])
        except (ValueError, binascii.Error):
            raise self.wrong("has a malformed secret") from None
        verify_token = parts.get(_VERIFY_TOKEN.name)

        def check(delivery: Delivery) -> Outcome:
            if delivery.method == "GET":
                return _subscription(delivery, verify_token)
            return self._verified(delivery, key)

        return check

    def _verified(self, delivery: Delivery, key: bytes) -> Outcome:
        stamp, message_id, given = self._stamp(delivery), "", self._signatures(delivery)
        if not given:
            return Refused("not_signed", f"there is no {self.header} that can be read")
        if self._is_stamped and not stamp:
            return Refused("not_signed", f"there is no time stamp that can be read with {self.header}")
        if self.id is not None:
            message_id = delivery.headers.get(self.id, "")
            if not message_id or "." in message_id:  # with a dot, text could move between the id and the body
                return Refused("not_signed", f"there is no {self.id} that can be read")
        signed = self.before.format(timestamp=stamp, id=message_id).encode() + delivery.body
        digest = hmac.digest(key, signed, self.algorithm)
        expected = digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode()
        if not any(is_same(one, expected) for one in given):
            return Refused("wrong_signature", f"{self.header} does not fit")
        if self._is_stamped and not is_fresh(stamp, delivery.now):
            return Refused("stale", "the time stamp is too old, or of the future")
        if self.greet is not None and (greeting := self.greet(delivery.body)) is not None:
            return greeting
        return Accepted(delivery.body, kept(delivery.headers, self.keep), self.answer)

    @property
    def _is_stamped(self) -> bool:
        return "{timestamp}" in self.before

    def _stamp(self, delivery: Delivery) -> str:
        return "" if self.timestamp is None else delivery.headers.get(self.timestamp, "")

    def _signatures(self, delivery: Delivery) -> list[str]:
        text = delivery.headers.get(self.header, "")
        found = [text] if self.separator is None else text.split(self.separator)
        return [one[len(self.prefix) :] for one in found if one.startswith(self.prefix) and len(one) > len(self.prefix)]


@dataclass(frozen=True)
class StampedSignature(KeyedHash):
    """A header with time stamp and signatures: `t=1767222000,v1=…,v1=…`."""

    def _stamp(self, delivery: Delivery) -> str:
        stamps = [one[2:] for one in delivery.headers.get(self.header, "").split(",") if one.startswith("t=")]
        return stamps[0] if len(stamps) == 1 else ""


def _subscription(delivery: Delivery, verify_token: str | None) -> Outcome:
    """Answer the GET by which Meta tests an address."""
    if verify_token is None or delivery.query.get("hub.mode") != "subscribe":
        return Refused("not_signed", "a GET is no event")
    if not is_same(delivery.query.get("hub.verify_token", ""), verify_token):
        return Refused("wrong_signature", "hub.verify_token does not fit")
    return Answer(delivery.query.get("hub.challenge", "").encode(errors="replace"))


class _Challenge(msgspec.Struct):
    type: Literal["url_verification"]
    challenge: str


def _slack_challenge(body: bytes) -> Answer | None:
    if b"url_verification" not in body:
        return None
    try:
        return Answer(msgspec.json.decode(body, type=_Challenge).challenge.encode(errors="replace"))
    except JSON_ERRORS:
        return None


def _standard_key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"), validate=True)


_GITHUB: Final = "x-hub-signature-256"

WIRES: Final = (
    KeyedHash("onebot11", "x-signature", algorithm="sha1", prefix="sha1=", keep=("x-self-id",), answer=NO_CONTENT),
    KeyedHash("wechatpad", "x-webhook-signature", before="{timestamp}", timestamp="x-webhook-timestamp"),
    KeyedHash(
        "slack",
        "x-slack-signature",
        prefix="v0=",
        before="v0:{timestamp}:",
        timestamp="x-slack-request-timestamp",
        greet=_slack_challenge,
    ),
    KeyedHash(
        "discourse",
        "x-discourse-event-signature",
        prefix="sha256=",
        keep=("x-discourse-event", "x-discourse-event-type", "x-discourse-event-id", "x-discourse-instance"),
    ),
    KeyedHash("github", _GITHUB, prefix="sha256=", keep=("x-github-event", "x-github-delivery")),
    KeyedHash("meta", _GITHUB, prefix="sha256=", parts=(SECRET, _VERIFY_TOKEN), answers_get=True),
    KeyedHash(
        "chatwoot",
        "x-chatwoot-signature",
        prefix="sha256=",
        before="{timestamp}.",
        timestamp="x-chatwoot-timestamp",
        keep=("x-chatwoot-delivery",),
    ),
    KeyedHash(
        "shopify",
        "x-shopify-hmac-sha256",
        encoding="base64",
        keep=(
            "x-shopify-topic",
            "x-shopify-webhook-id",
            "x-shopify-event-id",
            "x-shopify-triggered-at",
            "x-shopify-shop-domain",
            "x-shopify-api-version",
        ),
    ),
    StampedSignature("stripe", "stripe-signature", prefix="v1=", before="{timestamp}.", separator=","),
    KeyedHash(
        "standard_webhooks",
        "webhook-signature",
        encoding="base64",
        prefix="v1,",
        before="{id}.{timestamp}.",
        timestamp="webhook-timestamp",
        id="webhook-id",
        separator=" ",
        key=_standard_key,
        keep=("webhook-id", "webhook-timestamp"),
    ),
    KeyedHash("segment", "x-signature", algorithm="sha1"),
    KeyedHash("line", "x-line-signature", encoding="base64"),
)
