"""The examples that platforms publish verify, and those that were made by the documented schemes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.carriers.wires import wires
from pipelines.carriers.wires.base import Accepted, Answer, Delivery, Outcome
from tests.pipelines.carriers.wires.schemes import PAY_KEY, SCHEMES

HERE = Path(__file__).parent
PUBLISHED: dict[str, Any] = json.loads((HERE / "published_vectors.json").read_text())
CONSTRUCTED: dict[str, Any] = json.loads((HERE / "constructed_vectors.json").read_text())


def outcome(wire: str, parts: dict[str, str], body: str, headers: dict[str, str], now: object = 0) -> Outcome:
    return wires()[wire].open(parts)(Delivery(body.encode(), headers, float(str(now))))


def produced(found: Outcome) -> bytes:
    assert isinstance(found, Accepted)
    return found.value


def answer(found: Outcome) -> Any:
    assert isinstance(found, Answer)
    return found.body


def test_wecoms_published_test_of_an_address_is_answered():
    v = PUBLISHED["wecom_verify_url"]
    check = wires()["wecom"].open(
        {"token": v["token"], "aes_key": v["encoding_aes_key"], "receive_id": v["receive_id"]}
    )
    query = {"echostr": v["encrypt"], **{name: v[name] for name in ("msg_signature", "timestamp", "nonce")}}
    assert answer(check(Delivery(b"", {}, float(v["timestamp"]), query, "GET"))) == v["plain"].encode()


def test_qqs_published_event_verifies():
    v = PUBLISHED["qq_event"]
    headers = {"x-signature-ed25519": v["signature"], "x-signature-timestamp": v["timestamp"]}
    assert (
        produced(outcome("qq_official", {"secret": v["secret"]}, v["body"], headers, v["timestamp"]))
        == v["body"].encode()
    )


def test_qqs_published_test_of_an_address_is_signed_as_published():
    v = PUBLISHED["qq_op13"]
    body = json.dumps({"d": {"plain_token": v["plain_token"], "event_ts": v["event_ts"]}, "op": 13})
    found = answer(outcome("qq_official", {"secret": v["secret"]}, body, {}))
    assert json.loads(found) == {"plain_token": v["plain_token"], "signature": v["signature"]}


def test_the_published_signatures_of_slack_github_and_standard_webhooks_verify():
    slack, github, standard = (PUBLISHED[name] for name in ("slack", "github", "standard_webhooks"))
    headers = {"x-slack-signature": slack["signature"], "x-slack-request-timestamp": slack["timestamp"]}
    produced(outcome("slack", {"secret": slack["secret"]}, slack["body"], headers, slack["timestamp"]))
    headers = {"x-hub-signature-256": github["signature"]}
    for wire in ("github", "meta"):
        produced(outcome(wire, {"secret": github["secret"]}, github["body"], headers))
    headers = {f"webhook-{name}": standard[name] for name in ("id", "timestamp", "signature")}
    produced(
        outcome("standard_webhooks", {"secret": standard["secret"]}, standard["body"], headers, standard["timestamp"])
    )


@pytest.mark.parametrize(
    ("name", "wire", "headers"),
    [
        ("onebot11", "onebot11", {"x-signature": "signature"}),
        ("wechatpad", "wechatpad", {"x-webhook-signature": "signature", "x-webhook-timestamp": "timestamp"}),
        ("discourse", "discourse", {"x-discourse-event-signature": "signature"}),
        ("chatwoot", "chatwoot", {"x-chatwoot-signature": "signature", "x-chatwoot-timestamp": "timestamp"}),
        ("shopify", "shopify", {"x-shopify-hmac-sha256": "signature"}),
        ("stripe", "stripe", {"stripe-signature": "header"}),
        ("segment", "segment", {"x-signature": "signature"}),
        ("line", "line", {"x-line-signature": "signature"}),
    ],
)
def test_constructed_signatures_by_hmac_verify(name, wire, headers):
    v = CONSTRUCTED[name]
    given = {header: v[field] for header, field in headers.items()}
    assert produced(outcome(wire, {"secret": v["secret"]}, v["body"], given, 1767222000)) == v["body"].encode()


def test_constructed_signature_and_encrypted_test_of_feishu_verify():
    v, sealed = CONSTRUCTED["feishu"], CONSTRUCTED["feishu_encrypted"]
    headers = {
        "x-lark-signature": v["signature"],
        "x-lark-request-timestamp": v["timestamp"],
        "x-lark-request-nonce": v["nonce"],
    }
    parts = {"encrypt_key": v["encrypt_key"]}
    assert produced(outcome("feishu", parts, v["body"], headers, v["timestamp"])) == v["body"].encode()
    body = json.dumps({"encrypt": sealed["encrypt"]})
    found = outcome("feishu", {"encrypt_key": sealed["encrypt_key"], "verification_token": "v"}, body, {})
    assert json.loads(answer(found)) == {"challenge": "c1"}


def test_constructed_signatures_of_dingtalk_and_youzan_verify():
    v = CONSTRUCTED["dingtalk_robot"]
    headers = {"timestamp": v["timestamp"], "sign": v["sign"]}
    produced(outcome("dingtalk", {"secret": v["app_secret"]}, "{}", headers, int(v["timestamp"]) / 1000))
    v = CONSTRUCTED["youzan"]
    body = json.dumps({"msg": v["msg"], "sign": v["sign"], "type": "trade_TradePaid"})
    parts = {"client_id": v["client_id"], "secret": v["client_secret"]}
    assert produced(outcome("youzan", parts, body, {})) == body.encode()


def test_constructed_resource_of_wechat_pay_is_decrypted_and_its_kind_kept():
    v = CONSTRUCTED["wechat_pay_v3_resource"]
    assert v["apiv3_key"] == PAY_KEY
    scheme = SCHEMES["wechat_pay_v3"]
    delivery = scheme.sign(v["plain"].encode(), scheme.parts, 1767222000)
    assert v["ciphertext"] in delivery.body.decode()
    accepted = wires()["wechat_pay_v3"].open(scheme.parts)(delivery)
    assert produced(accepted) == v["plain"].encode()
    assert isinstance(accepted, Accepted)
    assert dict(accepted.headers)["wechatpay-event-type"] == b"TRANSACTION.SUCCESS"
