"""A table of the wires: secrets, and a request that each accepts, signed here as the platform would."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from pipelines.carriers.wires.base import Delivery

NOW = 1_767_222_000
BODY = b'{"hello": "world",  "n": 9007199254740993}'

Parts = dict[str, str]
Sign = Callable[[bytes, Parts, float], Delivery]


@dataclass(frozen=True)
class Scheme:
    """A wire with secrets, others that do not fit, and how the platform signs.

    `seals_body`: a changed byte of the body is noticed. `max_age`: seconds, None without a time stamp.
    """

    wire: str
    parts: Parts
    other: Parts
    sign: Sign
    max_age: int | None = None
    seals_body: bool = True
    value: bytes = BODY
    body: bytes = BODY

    def delivery(self, now: float = NOW, parts: Parts | None = None) -> Delivery:
        """A request that was signed now."""
        return self.sign(self.body, parts or self.parts, now)


SECRET, OTHER = {"secret": "s3cret"}, {"secret": "S3cret"}


def mac(secret: str, text: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), text, algorithm).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def keyed(header: str, form: str = "{}", algorithm: str = "sha256", encode: Callable[[bytes], str] = bytes.hex) -> Sign:
    def sign(body: bytes, parts: Parts, now: float) -> Delivery:
        return Delivery(body, {header: form.format(encode(mac(parts["secret"], body, algorithm)))}, now)

    return sign


def stamped(header: str, stamp_header: str, before: str, form: str = "{}") -> Sign:
    def sign(body: bytes, parts: Parts, now: float) -> Delivery:
        signed = before.format(int(now)).encode() + body
        headers = {header: form.format(mac(parts["secret"], signed).hex()), stamp_header: str(int(now))}
        return Delivery(body, headers, now)

    return sign


def stripe(body: bytes, parts: Parts, now: float) -> Delivery:
    digest = mac(parts["secret"], f"{int(now)}.".encode() + body).hex()
    return Delivery(body, {"stripe-signature": f"t={int(now)},v1={'0' * 64},v1={digest},v0=abc"}, now)


def standard(body: bytes, parts: Parts, now: float) -> Delivery:
    key = base64.b64decode(parts["secret"].removeprefix("whsec_"))
    signed = f"msg_1.{int(now)}.".encode() + body
    signature = f"v1a,xyz v1,{b64(hmac.new(key, signed, 'sha256').digest())}"
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now)), "webhook-signature": signature}
    return Delivery(body, headers, now)


def header_token(header: str = "authorization", form: str = "Bearer {}") -> Sign:
    return lambda body, parts, now: Delivery(body, {header: form.format(parts["secret"])}, now)


def body_token(body: bytes, parts: Parts, now: float) -> Delivery:
    return Delivery(json.dumps({"token": parts["secret"]}).encode()[:-1] + b"," + body[1:], {}, now)


def qq(body: bytes, parts: Parts, now: float) -> Delivery:
    seed = (parts["secret"] * 32).encode()[:32]
    signature = ed25519.Ed25519PrivateKey.from_private_bytes(seed).sign(str(int(now)).encode() + body)
    return Delivery(body, {"x-signature-ed25519": signature.hex(), "x-signature-timestamp": str(int(now))}, now)


def ed25519_key(seed: str) -> str:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
    return private.public_key().public_bytes_raw().hex()


def discord(body: bytes, parts: Parts, now: float) -> Delivery:
    seed = next(name for name in ("one", "two") if ed25519_key(name) == parts["public_key"])
    private = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
    signature = private.sign(str(int(now)).encode() + body).hex()
    return Delivery(body, {"x-signature-ed25519": signature, "x-signature-timestamp": str(int(now))}, now)


def padded(text: bytes, block: int) -> bytes:
    n = block - len(text) % block
    return text + bytes([n]) * n


def aes_cbc(key: bytes, iv: bytes, text: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(text) + encryptor.finalize()


def tencent_sealed(message: bytes, parts: Parts) -> str:
    key = base64.b64decode(parts["aes_key"] + "=")
    plain = b"0123456789abcdef" + len(message).to_bytes(4, "big") + message + parts["receive_id"].encode()
    return b64(aes_cbc(key, key[:16], padded(plain, 32)))


def tencent_query(name: str, parts: Parts, now: float, *texts: str) -> dict[str, str]:
    stamp, nonce = str(int(now)), "n0nce"
    digest = hashlib.sha1("".join(sorted([parts["token"], stamp, nonce, *texts])).encode()).hexdigest()
    return {name: digest, "timestamp": stamp, "nonce": nonce}


def tencent(body: bytes, parts: Parts, now: float) -> Delivery:
    sealed = tencent_sealed(body, parts)
    xml = f"<xml><ToUserName><![CDATA[ww1]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    return Delivery(xml.encode(), {}, now, tencent_query("msg_signature", parts, now, sealed))


def tencent_json(body: bytes, parts: Parts, now: float) -> Delivery:
    sealed = tencent_sealed(body, parts)
    whole = json.dumps({"ToUserName": "gh_1", "Encrypt": sealed}).encode()
    return Delivery(whole, {}, now, tencent_query("msg_signature", parts, now, sealed))


def tencent_plain(body: bytes, parts: Parts, now: float) -> Delivery:
    return Delivery(body, {}, now, tencent_query("signature", parts, now))


def feishu_sealed(plain: bytes, encrypt_key: str) -> bytes:
    iv = bytes(range(16))
    sealed = iv + aes_cbc(hashlib.sha256(encrypt_key.encode()).digest(), iv, padded(plain, 16))
    return json.dumps({"encrypt": b64(sealed)}).encode()


def feishu(body: bytes, parts: Parts, now: float) -> Delivery:
    sealed = feishu_sealed(body, parts["encrypt_key"])
    head = f"{int(now)}n1{parts['encrypt_key']}".encode()
    headers = {
        "x-lark-signature": hashlib.sha256(head + sealed).hexdigest(),
        "x-lark-request-timestamp": str(int(now)),
        "x-lark-request-nonce": "n1",
    }
    return Delivery(sealed, headers, now)


def feishu_token(body: bytes, parts: Parts, now: float) -> Delivery:
    header = json.dumps({"event_id": "e1", "token": parts["verification_token"]})
    return Delivery(b'{"schema":"2.0","header":' + header.encode() + b',"event":' + body + b"}", {}, now)


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def public_pem(name: str) -> str:
    pem = rsa_key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"PUB_KEY_ID_01\n{pem.decode()}"


@cache
def certificate_pem(name: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "platform")])
    built = x509.CertificateBuilder(subject, subject, rsa_key(name).public_key(), 0x1DDE)
    start = dt.datetime(2026, 1, 1)
    built = built.not_valid_before(start).not_valid_after(start + dt.timedelta(days=1000))
    return built.sign(rsa_key(name), SHA256()).public_bytes(Encoding.PEM).decode()


PAY_KEY = "0123456789abcdef0123456789abcdef"


def pay_notice(value: bytes, key: str) -> bytes:
    sealed = AESGCM(key.encode()).encrypt(b"abcdefghijkl", value, b"transaction")
    resource = {"ciphertext": b64(sealed), "nonce": "abcdefghijkl", "associated_data": "transaction"}
    notice = {"id": "EV-1", "event_type": "TRANSACTION.SUCCESS", "create_time": "2026-01-01T07:00:00+08:00"}
    return json.dumps({**notice, "resource": resource}).encode()


def wechat_pay(serial: str) -> Sign:
    def sign(body: bytes, parts: Parts, now: float) -> Delivery:
        name = "one" if parts["platform_keys"] in (public_pem("one"), certificate_pem("one")) else "two"
        notice = pay_notice(body, parts["apiv3_key"])
        text = f"{int(now)}\nn1\n".encode() + notice + b"\n"
        signature = rsa_key(name).sign(text, padding.PKCS1v15(), SHA256())
        headers = {"timestamp": str(int(now)), "nonce": "n1", "serial": serial, "signature": b64(signature)}
        return Delivery(notice, {f"wechatpay-{key}": value for key, value in headers.items()}, now)

    return sign


def youzan(body: bytes, parts: Parts, now: float) -> Delivery:
    sign = hashlib.md5(parts["client_id"].encode() + body + parts["secret"].encode()).hexdigest()
    return Delivery(body, {"event-sign": sign}, now)


def dingtalk(body: bytes, parts: Parts, now: float) -> Delivery:
    stamp = str(int(now * 1000))
    sign = b64(mac(parts["secret"], f"{stamp}\n{parts['secret']}".encode()))
    return Delivery(body, {"timestamp": stamp, "sign": sign}, now)


TENCENT = {
    "token": "QDG6eK",
    "aes_key": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
    "receive_id": "wx5823bf96d3bd56c7",
}
PLAIN_TENCENT = {"token": "QDG6eK"}
YOUZAN = {"client_id": "cid", **SECRET}
PAY = {"apiv3_key": PAY_KEY, "platform_keys": public_pem("one")}
CERTIFIED = {"apiv3_key": PAY_KEY, "platform_keys": certificate_pem("one")}

SCHEMES: Mapping[str, Scheme] = {
    "onebot11": Scheme("onebot11", SECRET, OTHER, keyed("x-signature", "sha1={}", "sha1")),
    "wechatpad": Scheme(
        "wechatpad", SECRET, OTHER, stamped("x-webhook-signature", "x-webhook-timestamp", "{}"), max_age=300
    ),
    "slack": Scheme(
        "slack",
        SECRET,
        OTHER,
        stamped("x-slack-signature", "x-slack-request-timestamp", "v0:{}:", "v0={}"),
        max_age=300,
    ),
    "discourse": Scheme("discourse", SECRET, OTHER, keyed("x-discourse-event-signature", "sha256={}")),
    "github": Scheme("github", SECRET, OTHER, keyed("x-hub-signature-256", "sha256={}")),
    "meta": Scheme("meta", SECRET, OTHER, keyed("x-hub-signature-256", "sha256={}")),
    "chatwoot": Scheme(
        "chatwoot",
        SECRET,
        OTHER,
        stamped("x-chatwoot-signature", "x-chatwoot-timestamp", "{}.", "sha256={}"),
        max_age=300,
    ),
    "shopify": Scheme("shopify", SECRET, OTHER, keyed("x-shopify-hmac-sha256", encode=b64)),
    "stripe": Scheme("stripe", SECRET, OTHER, stripe, max_age=300),
    "standard_webhooks": Scheme(
        "standard_webhooks",
        {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"},
        standard,
        max_age=300,
    ),
    "segment": Scheme("segment", SECRET, OTHER, keyed("x-signature", algorithm="sha1")),
    "line": Scheme("line", SECRET, OTHER, keyed("x-line-signature", encode=b64)),
    "bearer": Scheme("bearer", SECRET, OTHER, header_token(), seals_body=False),
    "onebot12": Scheme("onebot12", SECRET, OTHER, header_token(), seals_body=False),
    "satori": Scheme("satori", SECRET, OTHER, header_token(), seals_body=False),
    "milky": Scheme("milky", SECRET, OTHER, header_token(), seals_body=False),
    "telegram": Scheme(
        "telegram", SECRET, OTHER, header_token("x-telegram-bot-api-secret-token", "{}"), seals_body=False
    ),
    "mattermost": Scheme(
        "mattermost", SECRET, OTHER, body_token, seals_body=False, value=b'{"hello":"world","n":9007199254740993}'
    ),
    "rocketchat": Scheme(
        "rocketchat", SECRET, OTHER, body_token, seals_body=False, value=b'{"hello":"world","n":9007199254740993}'
    ),
    "zulip": Scheme(
        "zulip", SECRET, OTHER, body_token, seals_body=False, value=b'{"hello":"world","n":9007199254740993}'
    ),
    "qq_official": Scheme("qq_official", SECRET, OTHER, qq, max_age=300),
    "discord": Scheme(
        "discord", {"public_key": ed25519_key("one")}, {"public_key": ed25519_key("two")}, discord, max_age=300
    ),
    "wecom": Scheme("wecom", TENCENT, TENCENT | {"token": "other"}, tencent, max_age=300),
    "wecom, of another receiver": Scheme("wecom", TENCENT, TENCENT | {"receive_id": "wx1"}, tencent, max_age=300),
    "wecom, in JSON": Scheme("wecom", TENCENT, TENCENT | {"token": "other"}, tencent_json, max_age=300),
    "wechat": Scheme("wechat", TENCENT, TENCENT | {"aes_key": "a" * 42 + "A"}, tencent, max_age=300),
    "wechat_plain": Scheme(
        "wechat_plain", PLAIN_TENCENT, {"token": "other"}, tencent_plain, max_age=300, seals_body=False
    ),
    "feishu": Scheme("feishu", {"encrypt_key": "ek"}, {"encrypt_key": "other"}, feishu, max_age=300),
    "feishu, by its token": Scheme(
        "feishu",
        {"verification_token": "vt"},
        {"verification_token": "other"},
        feishu_token,
        seals_body=False,
        value=b'{"schema":"2.0","header":{"event_id":"e1"},"event":' + BODY + b"}",
    ),
    "wechat_pay_v3": Scheme(
        "wechat_pay_v3", PAY, PAY | {"platform_keys": public_pem("two")}, wechat_pay("PUB_KEY_ID_01"), max_age=300
    ),
    "wechat_pay_v3, of a certificate": Scheme(
        "wechat_pay_v3", CERTIFIED, CERTIFIED | {"apiv3_key": PAY_KEY[::-1]}, wechat_pay("1DDE"), max_age=300
    ),
    "youzan": Scheme("youzan", YOUZAN, YOUZAN | OTHER, youzan),
    "dingtalk": Scheme("dingtalk", SECRET, OTHER, dingtalk, max_age=3600, seals_body=False),
}


def changed(delivery: Delivery, at: int) -> Delivery:
    """The same request with one bit of its body turned."""
    body = bytearray(delivery.body)
    body[at % len(body)] ^= 1
    return replace(delivery, body=bytes(body))
