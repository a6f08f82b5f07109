"""Whole batches: written as the client writes them, and delivered as it delivers records one by one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import DefaultPartitioner, murmur2
from kafka.producer.producer_batch import ProducerBatch
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.record.memory_records import MemoryRecordsBuilder

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.record_writer import HEADER_BYTES, Bytes, batches, partitions
from pipelines.ingest.sending import RecordTooLarge, sender
from pipelines.ingest.tested_client import TESTED, installed
from tests.examples import examples
from tests.pipelines.ingest.test_replay import arrived

MakeTopic = Callable[..., str]
BYTES = st.none() | st.binary(max_size=40) | st.integers(60, 70).map(bytes) | st.integers(8180, 8200).map(bytes)
RECORDS = st.lists(st.tuples(BYTES, BYTES), max_size=40)
UNCOMPRESSED = 0
CHANGED = f"kafka-python {installed} has changed this: see pipelines/ingest/batch_sender.py"


def taken_apart(fields: list[bytes | None]) -> Bytes:
    return Bytes.of(pl.Series(fields, dtype=pl.Binary))


@examples(200)
@given(records=RECORDS, n_partitions=st.integers(1, 4), most=st.integers(HEADER_BYTES, 20_000))
def test_batches_are_byte_for_byte_those_of_the_client(records: list[tuple], n_partitions: int, most: int):
    keys, values = ([record[place] for record in records] for place in (0, 1))
    places = partitions(taken_apart(keys), n_partitions, np.random.default_rng(1))
    for key, place in zip(keys, places, strict=True):
        assert place in range(n_partitions) if key is None else place == (murmur2(key) & 0x7FFFFFFF) % n_partitions
    expected = {}
    for row, place in enumerate(places):
        opened = expected.setdefault(int(place), [MemoryRecordsBuilder(2, UNCOMPRESSED, most)])
        if opened[-1].append(0, keys[row], values[row]) is None:
            opened.append(MemoryRecordsBuilder(2, UNCOMPRESSED, most))
            opened[-1].append(0, keys[row], values[row])
    found = batches(taken_apart(keys), taken_apart(values), places, n_partitions, most)
    for builder in (builder for opened in expected.values() for builder in opened):
        builder.close()
    assert [(batch.partition, bytes(batch.records)) for batch in found] == [
        (place, bytes(builder.buffer()[HEADER_BYTES:])) for place in sorted(expected) for builder in expected[place]
    ]
    in_order = [row for batch in found for row in batch.rows.tolist()]
    assert in_order == sorted(range(len(records)), key=lambda row: (places[row], row))


@pytest.mark.parametrize("whole", [True, False])
def test_keys_nulls_and_order_arrive_as_they_were_given(connection: KafkaConnection, topic: MakeTopic, whole: bool):
    name = topic(partitions=3)
    keys = [f"k{number % 7}".encode() if number % 3 else None for number in range(2000)]
    values = [
        f"v{number}".encode() if number % 5 else (b"" if keys[number] is None else None) for number in range(2000)
    ]
    with sender(connection, whole=whole) as send:
        given = pl.DataFrame({"key": keys, "value": values}, schema={"key": pl.Binary, "value": pl.Binary})
        sent = [send(name, part["key"], part["value"]) for part in given.iter_slices(300)]
        assert sum(one.acknowledged() for one in sent) == 2000
    found = arrived(connection, name, partitions=3)
    assert len(found) == 2000
    for key in set(keys) - {None}:
        assert [value for _, k, value in found if k == key] == [
            value for k, value in zip(keys, values, strict=True) if k == key
        ]
        assert {p for p, k, _ in found if k == key} == {(murmur2(key) & 0x7FFFFFFF) % 3}
    assert sum(k is None for _, k, _ in found) == keys.count(None)


def noise(size: int, number: int) -> bytes:
    """Bytes that stay as many when they are compressed, and say which record they are of."""
    return number.to_bytes(4, "big") + np.random.default_rng(number).bytes(size - 4)


def test_a_topic_that_takes_no_such_batches_gets_smaller_ones_and_all_records_in_order(
    connection: KafkaConnection, topic: MakeTopic
):
    name = topic(configs={"max.message.bytes": "3000"})
    values = [noise(500, number) for number in range(40)]
    with sender(connection, whole=True) as send:
        sending = send(name, pl.Series([b"same"] * 40), pl.Series(values))
        assert sending.acknowledged() == 40
    assert [value for _, _, value in arrived(connection, name)] == values


@pytest.mark.parametrize("whole", [True, False])
def test_the_record_that_a_topic_does_not_take_is_named_among_others(
    connection: KafkaConnection, topic: MakeTopic, whole: bool
):
    name = topic(configs={"max.message.bytes": "3000"})
    values = [noise(5000 if number == 3 else 200, number) for number in range(6)]
    with sender(connection, whole=whole) as send, pytest.raises(RecordTooLarge, match="A record of 5,000") as found:
        send(name, pl.Series([b"same"] * 6), pl.Series(values)).acknowledged()
    assert found.value.row == 3


@pytest.mark.parametrize("whole", [True, False])
def test_of_a_record_that_no_request_holds_those_before_it_are_sent(
    connection: KafkaConnection, topic: MakeTopic, whole: bool
):
    name = topic()
    values = [b"a", b"b", bytes(1024 * 1024), b"c"]
    with sender(connection, whole=whole) as send, pytest.raises(RecordTooLarge) as found:
        send(name, pl.Series([None] * 4, dtype=pl.Binary), pl.Series(values)).acknowledged()
    assert found.value.row == 2
    assert [value for _, _, value in arrived(connection, name)] == [b"a", b"b"]


def test_the_insides_of_the_producer_are_those_that_were_tested(connection: KafkaConnection):
    assert installed in TESTED, CHANGED
    producer: Any = connection.producer()
    inside = vars(producer)
    producer.close()
    assert isinstance(inside["_accumulator"], RecordAccumulator), CHANGED
    assert {"_batches", "_incomplete", "config"} <= set(vars(inside["_accumulator"])), CHANGED
    assert {"batch_size", "compression_attrs"} <= set(inside["_accumulator"].config), CHANGED
    assert isinstance(inside["config"]["partitioner"], DefaultPartitioner), CHANGED
    assert callable(inside["_sender"].wakeup), CHANGED
    builder: Any = MemoryRecordsBuilder(2, UNCOMPRESSED, 1)
    slots = {"_buffer", "_first_timestamp", "_max_timestamp", "_num_records", "_last_offset"}
    assert slots <= set(type(builder._builder).__slots__), CHANGED
    assert tuple(inspect.signature(ProducerBatch).parameters) == ("tp", "records", "now"), CHANGED
    assert "_record_futures" in vars(ProducerBatch(None, builder)), CHANGED
