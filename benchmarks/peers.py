# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["bytewax==0.21.1", "confluent-kafka==2.12.2", "orjson==3.13.0", "quixstreams==3.28.1"]
# ///
"""Readers of other projects: `peers.py READER BOOTSTRAP TOPIC EVENTS` measures one of them.

It prints the number of values read, the seconds, and the peak memory of the process, MB. It is a program with its own
environment, since these packages need older versions of what emberline uses. The time is measured from the first record
to the last, so joining a consumer group is not included.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import orjson
from confluent_kafka import Consumer, TopicPartition

_BATCH = 10_000


class Clock:
    """Counts records; times them from the first to the last."""

    def __init__(self) -> None:
        self.read = 0
        self.began = self.ended = 0.0

    def tick(self, records: int = 1) -> None:
        """Count so many records."""
        self.ended = time.perf_counter()
        if not self.read:
            self.began = self.ended
        self.read += records


def confluent(bootstrap: str, topic: str, events: int, **options: Any) -> Clock:
    """Read with the client's batch call, without parsing. The time starts at the assignment."""
    clock = Clock()
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": str(uuid.uuid4()),
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            **options,
        }
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    clock.began = time.perf_counter()
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    while clock.read < events:
        clock.read += len(consumer.consume(_BATCH, 1.0))
    clock.ended = time.perf_counter()
    consumer.close()
    return clock


def confluent_tuned(bootstrap: str, topic: str, events: int) -> Clock:
    """Read as `confluent` does, without the second that the client waits each time its queue is full."""
    return confluent(bootstrap, topic, events, **{"fetch.queue.backoff.ms": 1})


def quix(bootstrap: str, topic: str, events: int) -> Clock:
    """Read with a stream that parses JSON and stores nothing."""
    from quixstreams import Application

    clock = Clock()
    app = Application(
        broker_address=bootstrap, consumer_group=str(uuid.uuid4()), auto_offset_reset="earliest", loglevel="ERROR"
    )
    stream = app.dataframe(app.topic(topic, value_deserializer="json", key_deserializer="bytes"))
    stream.update(lambda _value: clock.tick())
    app.run(count=events)
    return clock


def bytewax(bootstrap: str, topic: str, events: int) -> Clock:
    """Read with the dataflow of its guide: Python's own parser, default batches."""
    return _bytewax(bootstrap, topic, events, json.loads)


def bytewax_tuned(bootstrap: str, topic: str, events: int) -> Clock:
    """Read with a compiled parser and ten times larger batches."""
    return _bytewax(bootstrap, topic, events, orjson.loads, batch_size=_BATCH)


def _bytewax(bootstrap: str, topic: str, _events: int, parse: Callable[[Any], Any], **options: Any) -> Clock:
    """Read with a dataflow that parses JSON and stores nothing, to the end of the topic."""
    import bytewax.operators as op
    from bytewax.connectors.kafka import KafkaSource
    from bytewax.dataflow import Dataflow
    from bytewax.outputs import DynamicSink, StatelessSinkPartition
    from bytewax.testing import run_main

    clock = Clock()

    class Nowhere(StatelessSinkPartition[Any]):
        def write_batch(self, items: list[Any]) -> None:
            clock.tick(len(items))

    class NullSink(DynamicSink[Any]):
        def build(self, step_id: str, worker_index: int, worker_count: int) -> Nowhere:  # noqa: ARG002
            return Nowhere()

    flow = Dataflow("benchmark")
    records = op.input("in", flow, KafkaSource([bootstrap], [topic], tail=False, **options))
    op.output("out", op.map("parse", records, lambda record: parse(record.value)), NullSink())
    run_main(flow)
    return clock


READERS: dict[str, Callable[[str, str, int], Clock]] = {
    "confluent": confluent,
    "confluent-tuned": confluent_tuned,
    "quix": quix,
    "bytewax": bytewax,
    "bytewax-tuned": bytewax_tuned,
}


def main() -> None:
    """Read a topic once."""
    reader, bootstrap, topic, events = sys.argv[1:]
    clock = READERS[reader](bootstrap, topic, int(events))
    print(clock.read, clock.ended - clock.began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
