"""Feishu and Lark: SHA-256 over the raw body, a body encrypted by AES-256-CBC, a token within it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from pipelines.carriers.base import JSON_ERRORS
from pipelines.carriers.wires.base import (
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

_SIGNATURE: Final = "x-lark-signature"
_TIMESTAMP: Final = "x-lark-request-timestamp"
_NONCE: Final = "x-lark-request-nonce"
_BLOCK_BYTES: Final = 16

_Fields = dict[str, msgspec.Raw]


class _Body(msgspec.Struct):
    encrypt: str | None = None
    type: str | None = None
    challenge: str | None = None


class Feishu(Wire):
    """Events of Feishu: signed if there is an encrypt key, else authenticated by the token in them.

    The test of an address is not signed: its token and encryption authenticate it. The token is not produced.
    """

    name = "feishu"
    parts = (
        Part("encrypt_key", "the Encrypt Key of the app's event settings", is_required=False),
        Part("verification_token", "the Verification Token of the app's event settings", is_required=False),
    )

    def _check(self, parts: Mapping[str, str]) -> Check:
        encrypt_key, token = parts.get("encrypt_key"), parts.get("verification_token")
        if encrypt_key is None and token is None:
            raise self.wrong("needs one of its secrets")

        def check(delivery: Delivery) -> Outcome:
            is_signed = _SIGNATURE in delivery.headers
            if is_signed and encrypt_key and (refusal := _refusal(delivery, encrypt_key)) is not None:
                return refusal
            plain, was_encrypted = _plain(delivery.body, encrypt_key)
            try:
                body = msgspec.json.decode(plain, type=_Body)
                given, value = _without_token(plain)
            except JSON_ERRORS:
                return Refused("malformed", "it is no JSON object, or not encrypted with this key")
            if token is not None and not is_same(given, token):
                return Refused("wrong_signature", "the token in the body does not fit")
            if body.type == "url_verification" and (was_encrypted or encrypt_key is None):
                answer = msgspec.json.encode({"challenge": body.challenge or ""})
                return Answer(answer, media_type="application/json")
            if encrypt_key and not is_signed:
                return Refused("not_signed", f"there is no {_SIGNATURE}")
            return Accepted(value)

        return check


def _refusal(delivery: Delivery, encrypt_key: str) -> Refused | None:
    stamp = delivery.headers.get(_TIMESTAMP, "")
    head = stamp + delivery.headers.get(_NONCE, "") + encrypt_key
    expected = hashlib.sha256(head.encode() + delivery.body).hexdigest()
    if not is_same(delivery.headers[_SIGNATURE], expected):
        return Refused("wrong_signature", f"{_SIGNATURE} does not fit")
    if not is_fresh(stamp, delivery.now):
        return Refused("stale", "the time stamp is too old, or of the future")
    return None


def _plain(body: bytes, encrypt_key: str | None) -> tuple[bytes, bool]:
    """Return the decrypted content, or the body, and whether it was encrypted; empty if it is invalid."""
    try:
        encrypted = msgspec.json.decode(body, type=_Body).encrypt
        if encrypted is None or encrypt_key is None:
            return body, False
        cipher = base64.b64decode(encrypted, validate=True)
        key = hashlib.sha256(encrypt_key.encode()).digest()
        decryptor = Cipher(algorithms.AES(key), modes.CBC(cipher[:_BLOCK_BYTES])).decryptor()
        padded = decryptor.update(cipher[_BLOCK_BYTES:]) + decryptor.finalize()
    except (*JSON_ERRORS, ValueError, binascii.Error):
        return b"", False
    pad = padded[-1] if padded else 0
    if not 1 <= pad <= _BLOCK_BYTES or padded[-pad:] != bytes([pad]) * pad:
        return b"", False
    return padded[:-pad], True


def _without_token(plain: bytes) -> tuple[str, bytes]:
    """Return the token of an event, and the event without it and otherwise unchanged."""
    fields = msgspec.json.decode(plain, type=_Fields)
    inner = msgspec.json.decode(fields["header"], type=_Fields) if "header" in fields else {}
    found = [one.pop("token") for one in (inner, fields) if "token" in one]
    if not found:
        return "", plain
    if inner or "header" in fields:
        fields["header"] = msgspec.Raw(msgspec.json.encode(inner))
    return msgspec.json.decode(found[0], type=str), msgspec.json.encode(fields)


WIRES: Final = (Feishu(),)
