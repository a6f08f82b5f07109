"""How Kafka records become columns: fast, or plain by the client's own poll. Both give the same rows."""

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
"""`auto` is fast if the installed client is a tested one."""

_log = logging.getLogger(__name__)


class FastReaderUnsupported(EmberlineError):
    """The fast reader is set but does not support the installed Kafka client."""


class Buffer(Protocol):
    """Records of a commit, collected by polls; `bytes` is their approximate size."""

    bytes: int

    def __len__(self) -> int:
        """Number of records."""
        ...

    def poll(self, timeout_ms: int, rows: int, size: int) -> None:
        """Add records from Kafka within the time, at most `rows` and about `size` bytes."""
        ...

    def rows_by_topic(self) -> dict[str, int]:
        """Return the number of records by topic."""
        ...

    def frame(self, topic_ids: Mapping[str, str]) -> pl.DataFrame:
        """Return the records with the columns of `raw`; `kafka_time` is null for records without a timestamp."""
        ...


def slow_because(kind: ReaderKind) -> str | None:
    """Return why records are read by plain polls although `auto` is set; None if they are not, or by setting."""
    return None if kind == "plain" else untested()


def buffers(consumer: KafkaConsumer, kind: ReaderKind) -> Callable[[], Buffer]:
    """Return a factory of buffers, one per commit, all filled from one consumer.

    Raises:
        FastReaderUnsupported: `kind` is `fast` and the installed client is not a tested one.
    """
    if kind == "plain":
        return lambda: RecordBuffer(consumer)
    # Imported here: loading the compiler of the fast path takes longer than most commands.
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
