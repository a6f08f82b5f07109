"""Ed25519 signatures over time stamp and raw body: QQ's official bots and Discord."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipelines.carriers.base import JSON_ERRORS
from pipelines.carriers.wires.base import (
    NO_CONTENT,
    Accepted,
    Answer,
    Check,
    Delivery,
    Outcome,
    Part,
    Refused,
    Wire,
    is_fresh,
)

_SIGNATURE: Final = "x-signature-ed25519"
_TIMESTAMP: Final = "x-signature-timestamp"
_SEED_BYTES: Final = 32
_JSON: Final = "application/json"


class QQ(Wire):
    """QQ's official bots: the secret is the seed of the key. Its test of an address (op 13) is answered signed."""

    name = "qq_official"
    parts = (Part("secret", "the bot's AppSecret"),)

    def _check(self, parts: Mapping[str, str]) -> Check:
        secret = parts["secret"].encode()
        private = Ed25519PrivateKey.from_private_bytes((secret * _SEED_BYTES)[:_SEED_BYTES])
        public = private.public_key()

        def check(delivery: Delivery) -> Outcome:
            if (plea := _test_of(delivery.body)) is not None:
                signature = private.sign((plea.event_ts + plea.plain_token).encode()).hex()
                body = {"plain_token": plea.plain_token, "signature": signature}
                return Answer(msgspec.json.encode(body), media_type=_JSON)
            refusal = _refusal(delivery, public)
            return refusal or Accepted(delivery.body, answer=Answer(b'{"op": 12}', media_type=_JSON))

        return check


class Discord(Wire):
    """Discord's interactions and webhook events, signed with the application's key; both kinds of PING are answered."""

    name = "discord"
    parts = (Part("public_key", "the application's public key, in hexadecimal", is_secret=False),)

    def _check(self, parts: Mapping[str, str]) -> Check:
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(parts["public_key"]))
        except ValueError:
            raise self.wrong("has a public_key that is not 64 hexadecimal digits") from None

        def check(delivery: Delivery) -> Outcome:
            refusal = _refusal(delivery, public)
            return refusal or _discord_outcome(delivery.body)

        return check


def _refusal(delivery: Delivery, public: Ed25519PublicKey) -> Refused | None:
    stamp = delivery.headers.get(_TIMESTAMP, "")
    try:
        signature = bytes.fromhex(delivery.headers.get(_SIGNATURE, ""))
    except ValueError:
        signature = b""
    if not signature or not stamp:
        return Refused("not_signed", f"there is no {_SIGNATURE} that can be read, or no {_TIMESTAMP}")
    try:
        public.verify(signature, stamp.encode() + delivery.body)
    except InvalidSignature:
        return Refused("wrong_signature", f"{_SIGNATURE} does not fit")
    if not is_fresh(stamp, delivery.now):
        return Refused("stale", "the time stamp is too old, or of the future")
    return None


class _Plea(msgspec.Struct):
    """The text to sign in a test of an address. Its form is restricted: a signature of any text could forge an event.

    It is digits, then letters, and an event is a JSON object after its time stamp, so no event has this form.
    """

    plain_token: str
    event_ts: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{1,16}", self.event_ts) or not re.fullmatch(r"[A-Za-z0-9]{1,128}", self.plain_token):
            raise ValueError("no token and time stamp")


class _Test(msgspec.Struct):
    op: Literal[13]
    d: _Plea


_read_test: Callable[[bytes], _Test] = msgspec.json.Decoder(_Test).decode


def _test_of(body: bytes) -> _Plea | None:
    if b"plain_token" not in body:
        return None
    try:
        return _read_test(body).d
    except JSON_ERRORS:
        return None


class _Kind(msgspec.Struct):
    """The kind of a request: 0 pings for webhook events, 1 for interactions, unless it comes with an event."""

    type: int | None = None
    event: object = None


def _discord_outcome(body: bytes) -> Outcome:
    try:
        found = msgspec.json.decode(body, type=_Kind)
    except JSON_ERRORS:
        return Refused("malformed", "the body is no JSON object")
    if found.event is None and found.type == 0:
        return NO_CONTENT
    if found.event is None and found.type == 1:
        return Answer(b'{"type": 1}', media_type=_JSON)
    return Accepted(body, answer=NO_CONTENT)


WIRES: Final = (QQ(), Discord())
