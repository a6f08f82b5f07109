"""Each scheme accepts what is signed, and refuses a changed byte, a wrong secret and an old time stamp."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.carriers.parts import WrongCredentials
from pipelines.carriers.wires import wires
from pipelines.carriers.wires.base import Accepted, Answer, Outcome, Refused, verify
from tests.pipelines.carriers.wires.schemes import NOW, SCHEMES, Scheme, changed

schemes = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
SEALING = {name: scheme for name, scheme in SCHEMES.items() if scheme.seals_body}
STAMPED = {name: scheme for name, scheme in SCHEMES.items() if scheme.max_age is not None}


def outcome(scheme: Scheme, delivery, *others) -> Outcome:
    wire = wires()[scheme.wire]
    return verify([wire.open(parts) for parts in (others or (scheme.parts,))], delivery)


def refusal(found: Outcome) -> str:
    assert isinstance(found, Refused)
    return found.reason


def test_every_wire_has_a_row_in_the_table_of_schemes():
    assert {scheme.wire for scheme in SCHEMES.values()} == set(wires())


@schemes
def test_what_is_signed_is_accepted_and_the_signed_bytes_are_produced(scheme):
    accepted = outcome(scheme, scheme.delivery())
    assert isinstance(accepted, Accepted)
    assert accepted.value == scheme.value


@schemes
def test_neither_secrets_nor_signatures_are_produced_or_kept(scheme):
    delivery = scheme.delivery()
    accepted = outcome(scheme, delivery)
    assert isinstance(accepted, Accepted)
    named = [part.name for part in wires()[scheme.wire].parts if part.is_secret]
    secrets = [scheme.parts[name] for name in named if name in scheme.parts]
    signatures = [text for name, text in delivery.headers.items() if "sign" in name or "hmac" in name]
    for text in [*secrets, *signatures]:
        assert text.encode() not in accepted.value
        assert all(text.encode() not in value for _, value in accepted.headers)


@pytest.mark.parametrize("scheme", SEALING.values(), ids=SEALING.keys())
def test_a_changed_byte_is_refused(scheme):
    delivery = scheme.delivery()
    for at in range(len(delivery.body)):
        found = outcome(scheme, changed(delivery, at))
        # Of an encrypted callback only what is encrypted counts; what stands around it is not signed.
        is_around = b"Encrypt" in delivery.body and isinstance(found, Accepted) and found.value == scheme.value
        assert isinstance(found, Refused) or is_around, at


@schemes
def test_a_wrong_secret_is_refused(scheme):
    assert refusal(outcome(scheme, scheme.delivery(), scheme.other)) in {"wrong_signature", "malformed"}


@schemes
def test_nothing_to_verify_is_refused(scheme):
    delivery = replace(scheme.delivery(), headers={}, query={}, body=b"{}")
    assert refusal(outcome(scheme, delivery)) in {"not_signed", "wrong_signature"}


@schemes
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[1]", b'{"token": 1, "encrypt": [', b"[" * 100_000])
def test_what_cannot_be_read_is_refused_without_an_error(scheme, body):
    signed = scheme.delivery()
    refusal(outcome(scheme, replace(signed, headers={}, query={}, body=body)))
    strange = dict.fromkeys(signed.headers, "é" * 3 + "�")
    refusal(outcome(scheme, replace(signed, headers=strange, query=dict.fromkeys(signed.query, "é\udcff"), body=body)))


@pytest.mark.parametrize("scheme", STAMPED.values(), ids=STAMPED.keys())
@pytest.mark.parametrize("way", [-1, 1], ids=["old", "of the future"])
def test_a_time_stamp_far_from_now_is_refused(scheme, way):
    delivery = scheme.delivery(NOW + way * scheme.max_age)
    assert isinstance(outcome(scheme, replace(delivery, now=NOW)), Accepted)
    delivery = scheme.delivery(NOW + way * (scheme.max_age + 1))
    assert refusal(outcome(scheme, replace(delivery, now=NOW))) == "stale"


@schemes
def test_two_secrets_are_accepted_while_one_replaces_the_other(scheme):
    delivery = scheme.delivery()
    assert isinstance(outcome(scheme, delivery, scheme.parts, scheme.other), Accepted)
    assert isinstance(outcome(scheme, delivery, scheme.other, scheme.parts), Accepted)


@schemes
def test_a_get_is_no_event(scheme):
    found = outcome(scheme, replace(scheme.delivery(), method="GET"))
    assert isinstance(found, Refused | Answer)
    assert isinstance(found, Refused) or wires()[scheme.wire].answers_get


@schemes
def test_secrets_of_another_form_are_an_error_that_does_not_repeat_them(scheme):
    wire = wires()[scheme.wire]
    with pytest.raises(WrongCredentials, match="needs"):
        wire.open({})
    with pytest.raises(WrongCredentials, match="knows no 'sekret'"):
        wire.open({**scheme.parts, "sekret": "x"})


@pytest.mark.parametrize(
    ("wire", "parts"),
    [
        ("standard_webhooks", {"secret": "whsec_#+!"}),
        ("telegram", {"secret": "two words"}),
        ("discord", {"public_key": "zz"}),
        ("wecom", {"token": "t", "aes_key": "short", "receive_id": "r"}),
        ("wechat_pay_v3", {"apiv3_key": "short", "platform_keys": "x"}),
        ("wechat_pay_v3", {"apiv3_key": "0" * 32, "platform_keys": "no PEM"}),
        (
            "wechat_pay_v3",
            {"apiv3_key": "0" * 32, "platform_keys": "-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----"},
        ),
    ],
)
def test_secrets_that_cannot_be_used_are_refused_at_the_start(wire, parts):
    with pytest.raises(WrongCredentials) as refused:
        wires()[wire].open(parts)
    assert not [value for value in parts.values() if len(value) > 4 and value in str(refused.value)]
