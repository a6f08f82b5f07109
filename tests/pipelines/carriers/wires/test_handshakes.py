"""Tests of an address are answered as the platform wants it, and give nobody a signature or a page of his own."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from pipelines.carriers import wires as package
from pipelines.carriers.wires import UnfitWire, wires
from pipelines.carriers.wires.base import Accepted, Answer, Delivery, Outcome, Refused
from pipelines.carriers.wires.shared_token import HeaderToken
from tests.pipelines.carriers.wires.schemes import (
    NOW,
    PLAIN_TENCENT,
    SCHEMES,
    SECRET,
    TENCENT,
    feishu_sealed,
    tencent_query,
    tencent_sealed,
)


def signed(name: str, body: bytes) -> Outcome:
    scheme = SCHEMES[name]
    return wires()[scheme.wire].open(scheme.parts)(scheme.sign(body, scheme.parts, NOW))


def test_slacks_challenge_is_answered_once_it_is_verified():
    body = b'{"type": "url_verification", "challenge": "c1"}'
    assert signed("slack", body) == Answer(b"c1")
    assert isinstance(wires()["slack"].open(SECRET)(Delivery(body, {}, NOW)), Refused)


def test_a_message_that_speaks_of_url_verification_is_an_event():
    assert isinstance(signed("slack", b'{"type": "event_callback", "text": "url_verification"}'), Accepted)


def test_a_message_too_deep_to_be_read_is_no_challenge():
    body = b'{"type": "url_verification", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert isinstance(signed("slack", body), Accepted)


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [(b'{"type": 1, "token": "x"}', 200, b'{"type": 1}'), (b'{"version": 1, "type": 0}', 204, b"")],
)
def test_discords_two_pings_are_answered(body, status, answer):
    found = signed("discord", body)
    assert isinstance(found, Answer)
    assert (found.status, found.body) == (status, answer)


def test_an_event_of_discord_is_no_ping():
    assert isinstance(signed("discord", b'{"version": 1, "type": 1, "event": {"type": "X"}}'), Accepted)


@pytest.mark.parametrize(
    "forged",
    [
        {"plain_token": '{"op": 0, "t": "GROUP_AT_MESSAGE_CREATE"}', "event_ts": str(NOW)},
        {"plain_token": "abc", "event_ts": str(NOW) + '{"op": 0}'},
        {"plain_token": "", "event_ts": str(NOW)},
    ],
)
def test_the_test_of_an_address_signs_no_text_that_could_be_an_event(forged):
    body = json.dumps({"op": 13, "d": forged}).encode()
    assert isinstance(wires()["qq_official"].open(SECRET)(Delivery(body, {}, NOW)), Refused)


def test_meta_gets_its_challenge_for_the_token_alone():
    query = {"hub.mode": "subscribe", "hub.verify_token": "vt", "hub.challenge": "c1"}
    request = Delivery(b"", {}, NOW, query, "GET")
    assert wires()["meta"].open({**SECRET, "verify_token": "vt"})(request) == Answer(b"c1")
    assert isinstance(wires()["meta"].open({**SECRET, "verify_token": "other"})(request), Refused)
    assert isinstance(wires()["meta"].open(SECRET)(request), Refused)


@pytest.mark.parametrize(("wire", "parts"), [("wechat", TENCENT), ("wechat_plain", PLAIN_TENCENT)])
def test_wechat_tests_an_address_in_the_open(wire, parts):
    query = {**tencent_query("signature", parts, NOW), "echostr": "echo"}
    request = Delivery(b"", {}, NOW, query, "GET")
    assert wires()[wire].open(parts)(request) == Answer(b"echo")
    assert isinstance(wires()[wire].open({**parts, "token": "other"})(request), Refused)


def test_wecom_tests_an_address_encrypted_and_not_in_the_open():
    sealed = tencent_sealed(b"echo", TENCENT)
    query = {**tencent_query("msg_signature", TENCENT, NOW, sealed), "echostr": sealed}
    check = wires()["wecom"].open(TENCENT)
    assert check(Delivery(b"", {}, NOW, query, "GET")) == Answer(b"echo")
    in_the_open = {**tencent_query("signature", TENCENT, NOW), "echostr": "echo"}
    assert isinstance(check(Delivery(b"", {}, NOW, in_the_open, "GET")), Refused)


def test_one_of_several_receivers_is_enough():
    delivery = SCHEMES["wecom"].delivery()
    check = wires()["wecom"].open({**TENCENT, "receive_id": f"suite1, {TENCENT['receive_id']}"})
    assert isinstance(check(delivery), Accepted)


def test_feishus_test_in_the_open_is_known_by_its_token():
    body = b'{"challenge": "c1", "token": "vt", "type": "url_verification"}'
    found = wires()["feishu"].open({"verification_token": "vt"})(Delivery(body, {}, NOW))
    assert isinstance(found, Answer)
    assert json.loads(found.body) == {"challenge": "c1"}
    for parts in ({"verification_token": "other"}, {"verification_token": "vt", "encrypt_key": "ek"}):
        assert isinstance(wires()["feishu"].open(parts)(Delivery(body, {}, NOW)), Refused)


def test_an_encrypted_event_of_feishu_without_a_signature_is_refused():
    sealed = feishu_sealed(b'{"type": "event"}', "ek")
    found = wires()["feishu"].open({"encrypt_key": "ek"})(Delivery(sealed, {}, NOW))
    assert isinstance(found, Refused)
    assert found.reason == "not_signed"


def test_a_probe_of_wechat_pay_that_must_fail_fails():
    delivery = SCHEMES["wechat_pay_v3"].delivery()
    probe = {**delivery.headers, "wechatpay-signature": "WECHATPAY/SIGNTEST/" + delivery.headers["wechatpay-signature"]}
    check = wires()["wechat_pay_v3"].open(SCHEMES["wechat_pay_v3"].parts)
    assert isinstance(check(replace(delivery, headers=probe)), Refused)


def test_a_form_of_mattermost_is_produced_as_json_without_its_token():
    body = b"token=s3cret&channel_id=c1&text=hello+%22you%22&empty="
    headers = {"content-type": "application/x-www-form-urlencoded"}
    found = wires()["mattermost"].open(SECRET)(Delivery(body, headers, NOW))
    assert isinstance(found, Accepted)
    assert json.loads(found.value) == {"channel_id": "c1", "text": 'hello "you"', "empty": ""}


def test_headers_that_name_the_event_are_kept():
    delivery = SCHEMES["discourse"].delivery()
    named = {"x-discourse-event": "post_created", "x-discourse-event-id": "7", "cookie": "private"}
    found = wires()["discourse"].open(SECRET)(replace(delivery, headers={**delivery.headers, **named}))
    assert isinstance(found, Accepted)
    assert found.headers == (("x-discourse-event", b"post_created"), ("x-discourse-event-id", b"7"))


def test_onebot_takes_the_token_from_the_address_as_well():
    delivery = Delivery(b"{}", {}, NOW, {"access_token": "s3cret"})
    assert isinstance(wires()["onebot12"].open(SECRET)(delivery), Accepted)
    assert isinstance(wires()["bearer"].open(SECRET)(delivery), Refused)


MINE = HeaderToken("mine", "x-mine")
TAKEN = (HeaderToken("bearer"),)


@pytest.fixture
def brought(monkeypatch):
    """Bring what stands in this module as the entry point of a package."""

    def bring(name: str) -> None:
        entry = EntryPoint("theirs", f"{__name__}:{name}", package.ENTRY_POINTS)
        monkeypatch.setattr(package, "entry_points", lambda **_: [entry])
        wires.cache_clear()

    yield bring
    wires.cache_clear()


def test_a_wire_of_another_package_is_found(brought):
    brought("MINE")
    assert wires()["mine"] is MINE


def test_an_entry_point_that_cannot_be_loaded_is_named(brought):
    brought("NOWHERE")
    with pytest.raises(UnfitWire, match=r"Wire theirs of package .* cannot be loaded: AttributeError"):
        wires()


@pytest.mark.parametrize("name", ["TAKEN", "NOW"])
def test_an_entry_point_that_is_no_wire_or_takes_a_name_is_refused(brought, name):
    brought(name)
    with pytest.raises(UnfitWire, match="entry point theirs"):
        wires()
