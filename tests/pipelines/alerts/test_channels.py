"""Channels against a real HTTP server and a real Kafka."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition

from pipelines.alerts.channels import AppriseChannel, ChannelFailed, KafkaChannel, UnknownService
from pipelines.ingest.connection import KafkaConnection
from tests.pipelines.alerts.receiver import Receiver
from tests.pipelines.alerts.test_messages import DYING, many

SERVICES = (
    "wecombot://botkey-abcdefghij/", "dingtalk://abcdefghijkl/", "feishu://abcdefgh/",
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "tgram://123456789:abcdefg_hijklmnop/12315544",
    "mailto://user:word@example.com",
)  # fmt: skip


def committed(kafka: str, topic: str) -> list[tuple[str, dict[str, object]]]:
    consumer = KafkaConnection(kafka).consumer()
    partitions = [TopicPartition(topic, 0)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    end = consumer.end_offsets(partitions)[partitions[0]]
    found: list[tuple[str, dict[str, object]]] = []
    while (consumer.position(partitions[0]) or 0) < end:
        for records in consumer.poll(timeout_ms=1000).values():
            found += [(record.key.decode(), json.loads(record.value)) for record in records]
    consumer.close(autocommit=False)
    return found


def test_a_service_gets_one_message_about_many(receiver: Receiver):
    channel = AppriseChannel("ops", receiver.url)
    assert channel.send(many(50)) == 50
    assert [message["title"] for message in receiver.messages] == ["50 alerts: 50 dying"]


def test_a_message_is_no_longer_than_its_service_takes(receiver: Receiver):
    channel = AppriseChannel("ops", receiver.url)
    assert 1 < channel.send(many(2000)) < 2000


def test_a_service_that_refuses_is_a_failure_that_names_the_channel_and_not_its_url(receiver: Receiver):
    receiver.accepts = False
    with pytest.raises(ChannelFailed, match="ops") as failed:
        AppriseChannel("ops", f"{receiver.url}secret").send([DYING])
    assert "secret" not in str(failed.value)


def test_a_service_that_is_gone_is_a_failure():
    gone = Receiver()
    with gone.running():
        channel = AppriseChannel("ops", gone.url)
    with pytest.raises(ChannelFailed, match="The alert channel ops did not accept a message: A Connection error"):
        channel.send([DYING])


@pytest.mark.parametrize("url", SERVICES)
def test_the_services_of_operators_are_known(url: str):
    assert AppriseChannel("ops", url).name == "ops"


@pytest.mark.parametrize("url", ["", "nonsense", "nosuchservice://abc"])
def test_a_url_of_no_service_is_refused_with_the_variable_to_correct(url: str):
    with pytest.raises(UnknownService, match="EMBERLINE__ALERTS__CHANNELS__OPS"):
        AppriseChannel("ops", url)


def test_the_topic_gets_a_record_a_notice_keyed_by_its_number(kafka: str, topic: Callable[..., str]):
    name = topic()
    assert KafkaChannel(KafkaConnection(kafka), name, "https://emberline.example").send(many(3)) == 3
    found = committed(kafka, name)
    assert [key for key, _ in found] == ["0", "1", "2"]
    assert found[1][1]["name"] == "Group 1"
    assert found[1][1]["details"]["core_silent"] == ["p1", "p2"]  # type: ignore[index]
    assert found[1][1]["link"] == "https://emberline.example/groups/wecom%3A1%20a"


def test_a_topic_that_is_missing_is_made(kafka: str, kafka_admin: KafkaAdminClient):
    name = f"alerts-{uuid.uuid4().hex}"
    assert KafkaChannel(KafkaConnection(kafka), name).send([DYING]) == 1
    assert [key for key, _ in committed(kafka, name)] == ["17"]
    kafka_admin.delete_topics([name])


def test_a_kafka_that_does_not_answer_is_a_failure():
    gone = KafkaConnection("127.0.0.1:1", {"bootstrap_timeout_ms": 500})
    with pytest.raises(ChannelFailed, match=r"group\.alerts"):
        KafkaChannel(gone, "group.alerts").send([DYING])
