"""Which way Kafka's records take into columns: fast, or plain by the client's own poll. Both give the same rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

import polars as pl

from pipelines.ingest.records import RecordBuffer
from pipelines.ingest.tested_client import untested
from schemas.errors import EmberlineError

if TYPE_CHECKING:
    from kafka import KafkaConsumer

ReaderKind = Literal["auto", "fast", "plain"]
"""`auto` is fast wherever the installed client is one that was tested."""

_log = logging.getLogger(__name__)


class FastReaderUnsupported(EmberlineError):
    """The fast reader was demanded and does not fit the installed Kafka client."""


class Buffer(Protocol):
    """Records of a commit, gathered poll by poll; `bytes` is about what they hold."""

    bytes: int

    def __len__(self) -> int:
        """How many records there are."""
        ...

    def poll(self, timeout_ms: int, rows: int, size: int) -> None:
        """Add at most `rows` records, about `size` bytes of them, that Kafka gives within the time."""
        ...

    def rows_by_topic(self) -> dict[str, int]:
        """How many records of each topic there are."""
        ...

    def frame(self, topic_ids: Mapping[str, str]) -> pl.DataFrame:
        """The records with the columns of `raw`. A record without a timestamp has a null `kafka_time`."""
        ...


def slow_because(kind: ReaderKind) -> str | None:
    """Why records are read by plain polls, where that was not asked for; None where they are not, or it was."""
    return None if kind == "plain" else untested()


def buffers(consumer: KafkaConsumer, kind: ReaderKind) -> Callable[[], Buffer]:
    """What makes a buffer for each commit, all filled from one consumer.

    Raises:
        FastReaderUnsupported: `kind` is `fast` and the installed client is none that was tested.
    """
    if kind == "plain":
        return lambda: RecordBuffer(consumer)
    # Not before it is needed: loading the compiler of the fast path takes longer than most commands.
    from pipelines.ingest.fast_reader import FastReader, unsupported

    obstacle = unsupported(consumer)
    if obstacle is None:
        return FastReader(consumer).buffer
    if kind == "fast":
        raise FastReaderUnsupported(
            f"Kafka cannot be read fast: {obstacle}.", 'Set ingest.reader = "auto", or install a tested kafka-python.'
        )
    _log.warning("Kafka is read by plain polls, which is several times slower: %s", obstacle)
    return lambda: RecordBuffer(consumer)
