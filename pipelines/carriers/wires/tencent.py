"""WeCom, WeChat official accounts and WeChat Shop: sorted SHA-1, and a body encrypted by AES-256-CBC."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from pipelines.carriers.base import JSON_ERRORS
from pipelines.carriers.wires.base import (
    OK,
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

_TOKEN: Final = Part("token", "the token of the callback's settings")
_AES_KEY: Final = Part("aes_key", "the EncodingAESKey of the callback's settings: 43 characters")
_RECEIVE_ID: Final = Part("receive_id", "corp id, suite id or app id; several are separated by commas", is_secret=False)

_SUCCESS: Final = Answer(b"success")
_KEY_CHARACTERS: Final = 43
_IV_BYTES: Final = 16
_HEAD_BYTES: Final = 20
_PAD_BYTES: Final = 32
_IN_XML: Final = re.compile(rb"<Encrypt>\s*(?:<!\[CDATA\[)?([A-Za-z0-9+/=]+)(?:\]\]>)?\s*</Encrypt>")


@dataclass(frozen=True)
class Encrypted(Wire):
    """Encrypted callbacks; `has_plain_test`: the address is tested as in plain mode, as for official accounts."""

    name: str
    has_plain_test: bool
    answer: Answer
    parts: tuple[Part, ...] = (_TOKEN, _AES_KEY, _RECEIVE_ID)
    answers_get: bool = True

    def _check(self, parts: Mapping[str, str]) -> Check:
        token, aes_key = parts["token"], parts["aes_key"]
        receivers = [one.strip() for one in parts["receive_id"].split(",")]
        try:
            key = base64.b64decode(aes_key + "=", validate=True)
        except (ValueError, binascii.Error):
            key = b""
        if len(aes_key) != _KEY_CHARACTERS or len(key) != _PAD_BYTES:
            raise self.wrong("has an aes_key that is not 43 characters of base64")

        def check(delivery: Delivery) -> Outcome:
            if delivery.method == "GET" and self.has_plain_test:
                return _plain_test(delivery, token)
            is_test = delivery.method == "GET"
            encrypted = delivery.query.get("echostr", "") if is_test else _encrypted(delivery.body)
            if not encrypted:
                return Refused("not_signed", "nothing is encrypted in it")
            if (refusal := _refusal(delivery, "msg_signature", token, encrypted)) is not None:
                return refusal
            value = _decrypted(encrypted, key, receivers)
            if value is None:
                return Refused("malformed", "it was not encrypted with this key for this receive_id")
            return Answer(value) if is_test else Accepted(value, answer=self.answer)

        return check


@dataclass(frozen=True)
class Plain(Wire):
    """Plain mode: the signature covers token, time stamp and nonce, not the body."""

    name: str
    parts: tuple[Part, ...] = (_TOKEN,)
    answers_get: bool = True

    def _check(self, parts: Mapping[str, str]) -> Check:
        token = parts["token"]

        def check(delivery: Delivery) -> Outcome:
            if delivery.method == "GET":
                return _plain_test(delivery, token)
            return _refusal(delivery, "signature", token) or Accepted(delivery.body, answer=_SUCCESS)

        return check


def _plain_test(delivery: Delivery, token: str) -> Outcome:
    echo = delivery.query.get("echostr", "").encode(errors="replace")
    return _refusal(delivery, "signature", token) or Answer(echo)


def _refusal(delivery: Delivery, name: str, token: str, *signed: str) -> Refused | None:
    """Return why the signature parameter of this name is refused, None if it is valid; it signs the sorted texts."""
    given, stamp, nonce = (delivery.query.get(key, "") for key in (name, "timestamp", "nonce"))
    if not given or not stamp:
        return Refused("not_signed", f"the URL has no {name}, or no timestamp")
    texts = sorted([token, stamp, nonce, *signed])
    digest = hashlib.sha1("".join(texts).encode(errors="replace"), usedforsecurity=False)  # as the platform does
    if not is_same(given, digest.hexdigest()):
        return Refused("wrong_signature", f"{name} does not fit")
    if not is_fresh(stamp, delivery.now):
        return Refused("stale", "the time stamp is too old, or of the future")
    return None


class _Envelope(msgspec.Struct):
    Encrypt: str | None = None
    encrypt: str | None = None


def _encrypted(body: bytes) -> str:
    """Return the encrypted part of an XML or JSON body; empty if there is none.

    The XML is not parsed, because it is not verified yet and only this one element is needed.
    """
    if body.lstrip()[:1] == b"{":
        try:
            found = msgspec.json.decode(body, type=_Envelope)
        except JSON_ERRORS:
            return ""
        return found.Encrypt or found.encrypt or ""
    match = _IN_XML.search(body)
    return match[1].decode() if match else ""


def _decrypted(encrypted: str, key: bytes, receivers: list[str]) -> bytes | None:
    """Return the decrypted message; the format is 16 random bytes, length (4 bytes), message, receive id, padding."""
    try:
        cipher = base64.b64decode(encrypted, validate=True)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:_IV_BYTES])).decryptor()
        padded = decryptor.update(cipher) + decryptor.finalize()
    except (ValueError, binascii.Error):
        return None
    pad = padded[-1] if padded else 0
    if not 1 <= pad <= _PAD_BYTES or padded[-pad:] != bytes([pad]) * pad:
        return None
    plain = padded[:-pad]
    end = _HEAD_BYTES + int.from_bytes(plain[_IV_BYTES:_HEAD_BYTES], "big")
    if len(plain) < _HEAD_BYTES or end > len(plain):
        return None
    return plain[_HEAD_BYTES:end] if any(is_same(plain[end:], one) for one in receivers) else None


WIRES: Final = (
    Encrypted("wecom", has_plain_test=False, answer=OK),
    Encrypted("wechat", has_plain_test=True, answer=_SUCCESS),
    Plain("wechat_plain"),
)
