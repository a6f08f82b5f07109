from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from pipelines.ingest.connection import KafkaConnection
from pipelines.lake import Lake


@pytest.fixture
def connection(kafka: str) -> KafkaConnection:
    return KafkaConnection(kafka)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def send(kafka: str) -> Iterator[Callable[..., None]]:
    """Send values to a partition and wait for them: `send(topic, *values, partition=0)`."""
    producer = KafkaProducer(bootstrap_servers=kafka)

    def send_all(topic: str, *values: bytes | None, partition: int = 0) -> None:
        for value in values:
            producer.send(topic, value, partition=partition)
        producer.flush()

    yield send_all
    producer.close()


@pytest.fixture
def transactional(kafka: str) -> Iterator[Callable[[str], KafkaProducer]]:
    """Give a producer that has begun a transaction, one a transactional id."""
    producers: list[KafkaProducer] = []

    def begin(transactional_id: str) -> KafkaProducer:
        wanted: Any = {"bootstrap_servers": kafka, "transactional_id": transactional_id}
        producer: Any = KafkaProducer(**wanted)
        producers.append(producer)
        producer.init_transactions()
        producer.begin_transaction()
        return producer

    yield begin
    for producer in producers:
        producer.close(timeout=1)
