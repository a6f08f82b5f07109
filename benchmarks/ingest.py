"""How fast Kafka becomes committed rows of `raw`, beside the client's bare poll loop.

The poll loop is the ceiling: it reads the same records with the same client and options, and drops them. The ratio of
the two is what exactly-once storage costs.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import polars as pl
from kafka.structs import TopicPartition

from emberline.embedded import EmbeddedKafka, StateFolder
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.raw import BatchLimits, ingest_raw
from pipelines.ingest.replay import produce
from pipelines.lake import Lake

TOPIC: Final = "benchmark.messages"
PARTITIONS: Final = 3
VALUE_BYTES: Final = 165
BARE: Final = "kafka-python, bare poll loop"
RAW: Final = "emberline, Kafka to committed raw"

_CHUNK: Final = 50_000
_POLL_MS: Final = 500


class Incomplete(RuntimeError):
    """A reader ended with another number of events than were sent: its time means nothing."""


@dataclass(frozen=True)
class Rates:
    """Events a second of one reader, a number a round."""

    reader: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle round."""
        return median(self.rounds)


def measure(events: int, rounds: int, on_progress: Callable[[str], None]) -> list[Rates]:
    """Send `events` synthetic events to a broker of its own, then read them with each reader in turn, `rounds` times.

    Every reading starts with a new client; that of emberline also with a lake that does not exist yet.

    Raises:
        Incomplete: a reader did not read every event.
    """
    with _broker(on_progress) as (kafka, folder):
        on_progress(f"sending {events:,} values of {VALUE_BYTES} bytes to {PARTITIONS} partitions")
        kafka.create_topics([TOPIC], PARTITIONS)
        for chunk in _chunks(events):
            produce(kafka, chunk)
        readers: dict[str, Callable[[], int]] = {BARE: lambda: _poll(kafka), RAW: lambda: _ingest(kafka, folder)}
        rates: dict[str, list[float]] = {name: [] for name in readers}
        for number in range(rounds):
            on_progress(f"round {number + 1} of {rounds}")
            for name, read in readers.items():
                rates[name].append(_rate(name, read, events))
    return [Rates(name, tuple(measured)) for name, measured in rates.items()]


@contextmanager
def _broker(on_progress: Callable[[str], None]) -> Iterator[tuple[KafkaConnection, Path]]:
    """A broker in a folder that is gone afterwards, and the folder."""
    state = StateFolder(Path(tempfile.mkdtemp(prefix="emberline-benchmark-")))
    broker = EmbeddedKafka(state)
    try:
        yield KafkaConnection(broker.start(on_progress)), state.path
    finally:
        broker.stop()
        state.destroy()


def _chunks(events: int) -> Iterator[pl.DataFrame]:
    """Records (`topic`, `key`, `value`) of synthetic chat messages, flat JSON padded to `VALUE_BYTES`."""
    for start in range(0, events, _CHUNK):
        numbers = pl.DataFrame({"n": pl.int_range(start, min(start + _CHUNK, events), eager=True)})
        n = pl.col("n")
        body = pl.struct(
            id=pl.format("synthetic/{}", n),
            type=pl.lit("message.sent"),
            ts=1_767_225_600_000 + n * 137,
            group=pl.format("bench:{}", n % 400),
            member=pl.format("bench:{}", n * 7919 % 30_000),
            chars=n % 280,
        ).struct.json_encode()
        padding = pl.lit(',"text":"' + "x" * VALUE_BYTES)
        padded = pl.concat_str(body.str.head(-1), padding).str.head(VALUE_BYTES - 2)
        yield numbers.select(
            topic=pl.lit(TOPIC),
            key=pl.format("synthetic/{}", n).cast(pl.Binary),
            value=pl.concat_str(padded, pl.lit('"}')).cast(pl.Binary),
        )


def _poll(kafka: KafkaConnection) -> int:
    consumer = kafka.consumer()
    try:
        partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        read = 0
        while any((consumer.position(tp) or 0) < end for tp, end in ends.items()):
            read += sum(map(len, consumer.poll(timeout_ms=_POLL_MS).values()))
        return read
    finally:
        consumer.close(autocommit=False)


def _ingest(kafka: KafkaConnection, folder: Path) -> int:
    lake = folder / "lake"
    try:
        return ingest_raw(kafka, Lake(str(lake)), [TOPIC], BatchLimits()).rows
    finally:
        shutil.rmtree(lake, ignore_errors=True)


def _rate(name: str, read: Callable[[], int], events: int) -> float:
    began = time.perf_counter()
    found = read()
    seconds = time.perf_counter() - began
    if found != events:
        raise Incomplete(f"{name} read {found:,} of {events:,} events.")
    return events / seconds
