"""WeChat Pay v3: an RSA signature over the raw body, and a resource encrypted by AES-256-GCM."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from pipelines.carriers.base import JSON_ERRORS
from pipelines.carriers.wires.base import Accepted, Check, Delivery, Outcome, Part, Refused, Wire, is_fresh

_HEAD: Final = "wechatpay-"
_KEY_BYTES: Final = 32
_BLOCK: Final = re.compile(
    r"(?:^[ \t]*(PUB_KEY_ID_\w+)\s+)?(-----BEGIN ([A-Z ]+)-----.+?-----END \3-----)", re.M | re.S
)


class _Resource(msgspec.Struct):
    ciphertext: str
    nonce: str
    associated_data: str = ""


class _Notice(msgspec.Struct):
    id: str
    event_type: str
    resource: _Resource
    create_time: str = ""


class WeChatPay(Wire):
    """Notices of payments and refunds; the decrypted resource is produced, with kind and id as headers."""

    name = "wechat_pay_v3"
    parts = (
        Part("apiv3_key", "the APIv3 key of the merchant: 32 characters"),
        Part(
            "platform_keys",
            "PEM of the platform's certificates, or of its public key after a line with its PUB_KEY_ID_…",
            is_secret=False,
        ),
    )

    def _check(self, parts: Mapping[str, str]) -> Check:
        key = parts["apiv3_key"].encode()
        if len(key) != _KEY_BYTES:
            raise self.wrong("has an apiv3_key that is not 32 characters")
        cipher, keys = AESGCM(key), self._platform_keys(parts["platform_keys"])

        def check(delivery: Delivery) -> Outcome:
            return _refusal(delivery, keys) or _decrypted(delivery.body, cipher)

        return check

    def _platform_keys(self, text: str) -> dict[str, RSAPublicKey]:
        """Return the keys by serial number, as in the header."""
        found = {}
        try:
            for key_id, block, kind in _BLOCK.findall(text):
                if kind == "CERTIFICATE":
                    certificate = x509.load_pem_x509_certificate(block.encode())
                    found[f"{certificate.serial_number:X}"] = certificate.public_key()
                else:
                    found[key_id] = load_pem_public_key(block.encode())
        except ValueError:
            raise self.wrong("has platform_keys that are not PEM") from None
        if not found or "" in found or not all(isinstance(one, RSAPublicKey) for one in found.values()):
            raise self.wrong("has platform_keys without a certificate and without a PUB_KEY_ID_ before a public key")
        return found


def _refusal(delivery: Delivery, keys: Mapping[str, RSAPublicKey]) -> Refused | None:
    stamp, nonce, serial, signature = (
        delivery.headers.get(_HEAD + name, "") for name in ("timestamp", "nonce", "serial", "signature")
    )
    if not stamp or not signature:
        return Refused("not_signed", "there is no wechatpay-signature, or no wechatpay-timestamp")
    key = keys.get(serial) or keys.get(serial.lstrip("0").upper())
    if key is None:
        return Refused("wrong_signature", "wechatpay-serial names a key that is not among platform_keys")
    signed = f"{stamp}\n{nonce}\n".encode() + delivery.body + b"\n"
    try:
        # A signature that begins with WECHATPAY/SIGNTEST/ is a probe of the platform and must be refused: no base64.
        key.verify(base64.b64decode(signature, validate=True), signed, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError, binascii.Error):
        return Refused("wrong_signature", "wechatpay-signature does not fit")
    if not is_fresh(stamp, delivery.now):
        return Refused("stale", "the time stamp is too old, or of the future")
    return None


def _decrypted(body: bytes, cipher: AESGCM) -> Outcome:
    try:
        notice = msgspec.json.decode(body, type=_Notice)
        secret = notice.resource
        value = cipher.decrypt(
            secret.nonce.encode(), base64.b64decode(secret.ciphertext, validate=True), secret.associated_data.encode()
        )
    except (*JSON_ERRORS, InvalidTag, ValueError, binascii.Error):
        return Refused("malformed", "it is no notice that was encrypted with this key")
    named = {"event-type": notice.event_type, "id": notice.id, "create-time": notice.create_time}
    return Accepted(value, tuple((_HEAD + name, text.encode()) for name, text in named.items() if text))


WIRES: Final = (WeChatPay(),)
