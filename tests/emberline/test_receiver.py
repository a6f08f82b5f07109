"""The receiver takes what proves itself, answers once it is in Kafka, and lets nobody keep the others waiting."""

from __future__ import annotations

import hmac
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.webhooks import event
from emberline.receiver.server import PortUnusable, serve
from emberline.services import Services
from emberline.settings import KafkaSettings, Settings
from emberline.settings.receive import ReceiveSettings, RouteSettings
from pipelines.carriers import CARRIERS
from pipelines.ingest.acknowledged import key_of
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.kafka_to_events import ingest
from pipelines.lake import Lake
from schemas.lake import EVENTS
from tests.emberline.receiving import SECRET, Receiver, receiver, records, signature
from tests.pipelines.canonical import RULES

MORE = """
max_body_bytes = 2000
head_seconds = 2.5
body_seconds = 2.5
max_connections = 20
[receive.routes.chat]
path = "/chat"
carrier = "cloudevents"
wire = "slack"
[receive.routes.slow]
path = "/few"
carrier = "cloudevents"
wire = "github"
per_second = 2
[receive.routes.qq]
path = "/qq"
carrier = "onebot11"
wire = "onebot11"
"""
MESSAGE = json.dumps(
    {
        "post_type": "message",
        "message_type": "group",
        "time": 1_772_438_400,
        "self_id": 10001,
        "message_id": 7,
        "group_id": 20001,
        "user_id": 30001,
        "message": [{"type": "text", "data": {"text": "TEXT"}}],
        "raw_message": "TEXT",
        "sender": {"user_id": 30001, "role": "member"},
    }
).encode()
NEW = "the secret that comes next"


@pytest.fixture(scope="module")
def shared_topic(kafka: str) -> str:
    KafkaConnection(kafka).create_topics(["test-receiver"], 3)
    return "test-receiver"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, kafka: str, shared_topic: str) -> Iterator[Receiver]:
    secrets = {
        "EMBERLINE__RECEIVE__ROUTES__HUB__SECOND_SECRET": NEW,
        "EMBERLINE__RECEIVE__ROUTES__CHAT__SECRET": SECRET,
        "EMBERLINE__RECEIVE__ROUTES__SLOW__SECRET": SECRET,
        "EMBERLINE__RECEIVE__ROUTES__QQ__SECRET": SECRET,
    }
    with receiver(tmp_path_factory.mktemp("receiver"), kafka, shared_topic, MORE, **secrets) as found:
        yield found


@pytest.fixture
def there(kafka: str, shared_topic: str) -> Callable[[bytes], list[tuple[bytes, dict[str, bytes], int]]]:
    """Give key, headers and partition of the records of a value."""

    def find(value: bytes) -> list[tuple[bytes, dict[str, bytes], int]]:
        found = records(KafkaConnection(kafka), shared_topic)
        return [(key, headers, at) for key, one, headers, at in found.rows() if one == value]

    return find


def test_what_is_answered_is_in_kafka_with_the_headers_that_name_the_event(running, there):
    body = event("first")
    answer = running.post(body, X_GitHub_Event="push", Cookie="private")
    assert (answer.status, answer.body) == (200, b"")
    [(key, headers, _)] = there(body)
    assert (key, headers) == (key_of(body), {"x-github-event": b"push"})


def test_a_delivery_that_comes_again_shares_the_partition_of_the_first_and_counts_once(
    running, there, kafka: str, shared_topic: str, tmp_path: Path
):
    body, lake = event("twice"), Lake(str(tmp_path))
    assert [running.post(body).status for _ in range(3)] == [200, 200, 200]
    assert len({(key, partition) for key, _, partition in there(body)}) == 1
    assert len(there(body)) == 3
    ingest(KafkaConnection(kafka), lake, {shared_topic: CARRIERS["cloudevents"]}, BatchLimits(), RULES)
    counted = lake.open(EVENTS).scan().filter(pl.col("event_id") == "twice").collect()
    assert counted.height == 1


def test_a_text_is_measured_before_it_is_produced_to_a_topic_that_the_receiver_creates(
    running, kafka: str, shared_topic: str
):
    body = MESSAGE.replace(b"TEXT", b"a text of somebody")
    signed = "sha1=" + hmac.digest(SECRET.encode(), body, "sha1").hex()
    assert running.ask("/qq", body, X_Signature=signed, X_Self_ID="10001").status == 204
    [(_, value, headers, _)] = records(KafkaConnection(kafka), f"{shared_topic}-qq").rows()
    assert headers == {"x-self-id": b"10001"}
    assert b"somebody" not in value
    carrier = CARRIERS["onebot11"]
    columns = ["type", "group_id", "text_length"]
    expected = [("message.sent", "qq:20001", len("a text of somebody"))]
    assert carrier.decode([value]).events.select(columns).rows() == expected
    assert carrier.decode([body]).events.select(columns).rows() == expected


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({}, "not_signed"), ({"X_Hub_Signature_256": signature(b"another body")}, "wrong_signature")],
)
def test_what_does_not_prove_itself_is_refused_and_not_produced(running, there, headers, reason):
    body = event(reason)
    answer = running.ask("/hub", body, **headers)
    assert (answer.status, answer.body) == (401, b"refused")
    assert there(body) == []
    assert f'emberline_receive_requests_total{{outcome="{reason}",route="hub"}}' in running.metrics()


def test_both_secrets_are_taken_while_one_replaces_the_other(running):
    assert running.post(event("old"), secret=SECRET).status == 200
    assert running.post(event("new"), secret=NEW).status == 200


def test_a_handshake_is_answered_and_not_produced(running, there):
    body = b'{"type": "url_verification", "challenge": "c1"}'
    stamp = str(int(time.time()))
    signed = signature(f"v0:{stamp}:".encode() + body).replace("sha256", "v0")
    headers = {"X_Slack_Signature": signed, "X_Slack_Request_Timestamp": stamp}
    answer = running.ask("/chat", body, **headers)
    assert (answer.status, answer.body, answer.headers["x-content-type-options"]) == (200, b"c1", "nosniff")
    assert there(body) == []


def chunked(running: Receiver, body: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", running.port), timeout=60) as stream:
        head = f"POST /hub HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: {signature(body)}\r\n"
        stream.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
        return stream.recv(1000).partition(b"\r\n")[0]


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(running, there):
    body = event("large").ljust(2001)
    assert running.post(body).status == 413
    assert chunked(running, body).startswith(b"HTTP/1.1 413")
    assert chunked(running, event("chunked")).startswith(b"HTTP/1.1 200")
    assert (there(body), len(there(event("chunked")))) == ([], 1)


def test_what_is_no_webhook_is_told_so(running):
    body = event("strange")
    assert running.post(body, path="/nowhere").status == 404
    assert running.post(body, Content_Encoding="gzip").status == 415
    assert running.ask("/hub", body, method="PUT").status == 405
    assert running.ask("/hub", method="GET").status == 401
    assert running.ask("/hub?" + "a=1&" * 200, body).status == 400


def test_more_than_a_route_may_take_is_sent_away_for_a_second(running):
    answers = [running.post(event(f"many{number}"), path="/few") for number in range(8)]
    later = [answer for answer in answers if answer.status == 429]
    assert [answer.status for answer in answers[:2]] == [200, 200]
    assert later
    assert {answer.headers["retry-after"] for answer in later} == {"1"}


def opened(running: Receiver, stack: ExitStack, text: str) -> socket.socket:
    stream = stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=60))
    stream.sendall(text.encode())
    return stream


@pytest.mark.parametrize("text", ["", "POST /hub HTTP/1.1\r\nHost: x\r\nX-Sl"], ids=["nothing", "half a head"])
def test_a_head_that_does_not_come_ends_the_connection(running, text):
    with ExitStack() as stack, suppress(ConnectionResetError):
        assert opened(running, stack, text).recv(100) == b""


def test_a_body_that_does_not_come_is_answered_and_ends_the_connection(running):
    with ExitStack() as stack:
        stream = opened(running, stack, "POST /hub HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answer = b""
        while chunk := stream.recv(1000):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 408")


def test_any_number_of_slow_senders_leaves_room_for_the_others(running):
    with ExitStack() as stack:
        for number in range(60):
            text = "POST /hub HTTP/1.1\r\n" + ("Content-Length: 9\r\n\r\n{" if number % 2 else "")
            opened(running, stack, text)
            if number % 10 == 0:
                assert running.post(event(f"beside{number}")).status == 200
            open_now = float(running.metrics().partition("\nemberline_receive_connections ")[2].split()[0])
            assert open_now <= 20


def test_a_connection_may_be_kept_for_longer_than_a_head_may_take(running):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    for number in range(2):
        body = event(f"kept{number}")
        connection.request("POST", "/hub", body, {"X-Hub-Signature-256": signature(body)})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        local = connection.sock.getsockname()
        time.sleep(3.5 if number == 0 else 0)
        assert connection.sock.getsockname() == local
    connection.close()


def test_the_log_is_json_and_holds_nothing_of_requests_or_secrets(running):
    body = event("a body of somebody")
    running.ask("/hub?token=from-the-url", body, X_Hub_Signature_256="sha256=from-the-head")
    lines = [line for line in running.log.read_text().splitlines() if line.startswith("{")]
    assert {json.loads(line)["event"] for line in lines} >= {"started"}
    for text in ("a body of somebody", "from-the-url", "from-the-head", SECRET, NEW):
        assert text not in running.log.read_text() + running.metrics()


def test_a_second_receiver_on_the_port_says_who_has_it(running, tmp_path: Path, kafka: str, shared_topic: str):
    route: dict[str, Any] = {"path": "/hub", "carrier": "cloudevents", "wire": "github", "secret": SECRET}
    settings = Settings(
        state=tmp_path,
        kafka=KafkaSettings(bootstrap_servers=kafka, topics={shared_topic: "cloudevents"}),
        receive=ReceiveSettings(port=running.port, routes={"hub": RouteSettings(**route)}),
    )
    with pytest.raises(PortUnusable, match=f"port {running.port}: Address already in use"):
        serve(Services(settings))
