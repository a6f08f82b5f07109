"""Two special schemes: Youzan's MD5 over body or message, and DingTalk's HMAC over its time stamp only."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import msgspec

from pipelines.carriers.base import JSON_ERRORS
from pipelines.carriers.wires.base import (
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
)

_EVENT_SIGN: Final = "event-sign"
_HOUR_S: Final = 3600
_MILLISECONDS: Final = 1000


class _Push(msgspec.Struct):
    msg: str
    sign: str


class Youzan(Wire):
    """Youzan's pushes: a signature in the header over the body, or an older form in the body over its message."""

    name = "youzan"
    parts = (
        Part("client_id", "the client_id of the app", is_secret=False),
        Part("secret", "the client_secret of the app"),
    )

    def _check(self, parts: Mapping[str, str]) -> Check:
        before, after = parts["client_id"].encode(), parts["secret"].encode()

        def check(delivery: Delivery) -> Outcome:
            given, signed = delivery.headers.get(_EVENT_SIGN, ""), delivery.body
            if not given:
                try:
                    push = msgspec.json.decode(delivery.body, type=_Push)
                except JSON_ERRORS:
                    return Refused("not_signed", f"there is no {_EVENT_SIGN}, and no msg and sign in the body")
                given, signed = push.sign, push.msg.encode(errors="replace")
            digest = hashlib.md5(before + signed + after, usedforsecurity=False)  # as the platform does
            if not is_same(given, digest.hexdigest()):
                return Refused("wrong_signature", "the signature does not fit")
            return Accepted(
                delivery.body, answer=Answer(b'{"code": 0, "msg": "success"}', media_type="application/json")
            )

        return check


class DingTalk(Wire):
    """DingTalk's robots: the signature covers time stamp and secret, not the body, and can be replayed for an hour."""

    name = "dingtalk"
    parts = (SECRET,)

    def _check(self, parts: Mapping[str, str]) -> Check:
        secret = parts["secret"].encode()

        def check(delivery: Delivery) -> Outcome:
            given, stamp = delivery.headers.get("sign", ""), delivery.headers.get("timestamp", "")
            if not given or not stamp:
                return Refused("not_signed", "there is no header sign, or no header timestamp")
            digest = hmac.digest(secret, stamp.encode() + b"\n" + secret, "sha256")
            if not is_same(given, base64.b64encode(digest)):
                return Refused("wrong_signature", "sign does not fit")
            if not is_fresh(stamp, delivery.now, _HOUR_S, _MILLISECONDS):
                return Refused("stale", "the time stamp is older than an hour, or of the future")
            return Accepted(delivery.body)

        return check


WIRES: Final = (Youzan(), DingTalk())
