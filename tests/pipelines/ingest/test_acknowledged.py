"""A record is told as acknowledged once it is in Kafka, and what cannot be taken is told so to its sender alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

from pipelines.ingest.acknowledged import (
    AcknowledgedSender,
    Bounds,
    Lane,
    NotPrepared,
    NotTaken,
    TooLarge,
    key_of,
)
from pipelines.ingest.connection import KafkaConnection
from tests.emberline.receiving import records

MakeTopic = Callable[..., str]
Work = Callable[[AcknowledgedSender], Awaitable[object]]


def sending(connection: KafkaConnection, work: Work, bounds: Bounds | None = None) -> object:
    """Do something with a sender that is started and stopped around it."""

    async def whole() -> object:
        sender = AcknowledgedSender(connection, bounds or Bounds(seconds=60))
        sender.connect()
        sender.start()
        try:
            return await work(sender)
        finally:
            await sender.stop()

    return asyncio.run(whole())


async def all_of(*sends: Awaitable[None]) -> list[str]:
    return [type(one).__name__ for one in await asyncio.gather(*sends, return_exceptions=True)]


def test_records_of_many_at_once_are_there_with_their_headers_when_they_are_told(
    connection: KafkaConnection, topic: MakeTopic
):
    lane = Lane(topic(partitions=3))
    values = [f"value {number % 90}".encode() for number in range(100)]

    async def work(sender: AcknowledgedSender) -> None:
        await asyncio.gather(*(sender.send(lane, value, (("n", b"1"),)) for value in values))
        there = records(connection, lane.topic)
        assert sorted(there["value"]) == sorted(values)
        assert there.select("key", "partition").n_unique() == 90
        assert all(key == key_of(value) and headers == {"n": b"1"} for key, value, headers, _ in there.rows())
        assert (sender.waiting, sender.is_ready) == (0, True)

    sending(connection, work)


def test_one_that_is_too_large_or_cannot_be_prepared_does_not_harm_those_beside_it(
    connection: KafkaConnection, topic: MakeTopic
):
    def prepared(values: list[bytes]) -> list[bytes]:
        if b"bad" in values:
            raise ValueError("as it was told")
        return [value + b"!" for value in values]

    lane = Lane(topic(), prepared)
    values = [b"first", b"bad", b"x" * 2_000_000, b"last"]
    found = sending(connection, lambda sender: all_of(*(sender.send(lane, value) for value in values)))
    assert found == ["NoneType", NotPrepared.__name__, TooLarge.__name__, "NoneType"]
    assert sorted(records(connection, lane.topic)["value"]) == [b"first!", b"last!"]


@pytest.mark.parametrize("bounds", [Bounds(records=3, seconds=60), Bounds(bytes=12, seconds=60)])
def test_what_would_wait_beyond_the_bounds_is_refused_at_once(
    connection: KafkaConnection, topic: MakeTopic, bounds: Bounds
):
    lane = Lane(topic())
    found = sending(connection, lambda sender: all_of(*(sender.send(lane, b"4444") for _ in range(5))), bounds)
    assert found == ["NoneType"] * 3 + [NotTaken.__name__] * 2
    assert len(records(connection, lane.topic)) == 3


def test_what_the_broker_refuses_is_not_told_as_taken(connection: KafkaConnection, topic: MakeTopic):
    lane = Lane(topic(configs={"max.message.bytes": "100"}))
    found = sending(connection, lambda sender: all_of(sender.send(lane, os.urandom(200))))
    assert found == [TooLarge.__name__]
    assert records(connection, lane.topic).is_empty()


def test_a_producer_waits_for_all_replicas_and_doubles_nothing(connection: KafkaConnection):
    producer = connection.producer()
    try:
        # Of a single broker nothing else shows it.
        assert (producer.config["acks"], producer.config["enable_idempotence"]) == (-1, True)
    finally:
        producer.close()


def test_what_is_under_way_at_the_end_is_still_sent(connection: KafkaConnection, topic: MakeTopic):
    lane = Lane(topic())

    async def whole() -> list[str]:
        sender = AcknowledgedSender(connection, Bounds(seconds=60))
        sender.connect()
        sender.start()
        sends = [asyncio.create_task(sender.send(lane, f"{number}".encode())) for number in range(20)]
        await asyncio.sleep(0)
        await sender.stop()
        return await all_of(*sends)

    assert asyncio.run(whole()) == ["NoneType"] * 20
    assert len(records(connection, lane.topic)) == 20


def test_who_no_longer_waits_is_told_that_it_is_not_known(connection: KafkaConnection, topic: MakeTopic):
    lane = Lane(topic())

    async def work(sender: AcknowledgedSender) -> None:
        with pytest.raises(NotTaken, match="in time"):
            await sender.send(lane, b"late")

    sending(connection, work, Bounds(seconds=0.001, linger_s=0.5))
