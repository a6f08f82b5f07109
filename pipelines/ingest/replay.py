"""Files into Kafka: a chat export or an event file is replayed as if its carrier had just sent it.

Records are keyed by event id, so that all copies of an event share a partition and the first of the file is the first
there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
from kafka.errors import KafkaError, MessageSizeTooLargeError

from pipelines.carriers import Carrier
from pipelines.events.unknown_kinds import unknown_kinds
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.replay_file import Chunk, ReplayFileError, chunks
from schemas.errors import EmberlineError

_NAMED: Final = 5


class ProduceFailed(EmberlineError):
    """Kafka did not take all records."""


class RecordTooLarge(ProduceFailed):
    """Kafka takes no record of this size; `row` is its place among those that were sent."""

    def __init__(self, row: int, size: int, topic: str) -> None:
        self.row = row
        self.size = size
        super().__init__(
            f"Kafka takes no record of {size:,} bytes in topic {topic}.",
            "Shorten the record or take it out, then send the file again: events that arrived twice count once.",
            f"record {row + 1}",
        )


@dataclass(frozen=True)
class Replayed:
    """What was sent of a file.

    Attributes:
        records: Sent and acknowledged.
        blank_lines: Passed over.
        no_events: Records, among those sent, that will go to quarantine.
        examples: The first of these, each with its line and the reason.
    """

    records: int = 0
    blank_lines: int = 0
    no_events: int = 0
    examples: tuple[str, ...] = ()

    def __add__(self, other: Replayed) -> Replayed:
        return Replayed(
            self.records + other.records,
            self.blank_lines + other.blank_lines,
            self.no_events + other.no_events,
            (self.examples + other.examples)[:_NAMED],
        )


def replay(
    connection: KafkaConnection,
    topic: str,
    file: Path,
    carrier: Carrier,
    on_progress: Callable[[int, int], None] = lambda _done, _todo: None,
) -> Replayed:
    """Send every row (`.parquet`) or line (`.jsonl`, `.ndjson`) of a file to a topic, in order.

    Args:
        connection: the brokers.
        topic: exists.
        file: see `replay_file.chunks`.
        carrier: the shape of the payloads.
        on_progress: called after each chunk with what is done and to do, in bytes of lines or in rows.

    Raises:
        ReplayFileError: see `replay_file.chunks`; what stands before the place it names was sent.
        ProduceFailed: a record was not acknowledged.
    """
    sent = Replayed()
    for chunk in chunks(file, carrier):
        keys, rejected = _event_ids(chunk.values, carrier)
        records = pl.DataFrame({"key": keys, "value": chunk.values}).with_columns(topic=pl.lit(topic))
        try:
            acknowledged = produce(connection, records)
        except RecordTooLarge as error:
            line = chunk.numbers[error.row]
            raise ReplayFileError(f"Line {line}: {error.cause}", error.next_step, f"{file}:{line}") from error
        sent += Replayed(acknowledged, chunk.blank, rejected.height, _examples(chunk, rejected))
        on_progress(chunk.done, chunk.todo)
    return sent


def produce(connection: KafkaConnection, records: pl.DataFrame) -> int:
    """Send records (`topic`, `key`, `value`; the last two binary, null allowed) in order and wait until all are safe.

    Raises:
        RecordTooLarge: a record is larger than Kafka takes.
        ProduceFailed: a record was not acknowledged.
    """
    producer = connection.producer()
    rows, sent, acknowledged = records.select("topic", "key", "value").rows(), [], 0
    try:
        for topic, key, value in rows:
            sent.append(producer.send(topic, key=key, value=value))
        producer.flush()
        for future in sent:
            future.get(timeout=60)
            acknowledged += 1
    except MessageSizeTooLargeError as error:
        # The client refuses a record as it is handed over, a broker when it has come.
        row = acknowledged if len(sent) == len(rows) else len(sent)
        topic, _, value = rows[row]
        raise RecordTooLarge(row, len(value or b""), topic) from error
    except KafkaError as error:
        raise ProduceFailed(
            f"Kafka did not take all records ({error}).",
            "Send the file again: events that arrived twice count once. If it fails again, see that no record is "
            "larger than the topic's max.message.bytes.",
        ) from error
    finally:
        producer.close()
    return len(sent)


def _event_ids(values: pl.Series, carrier: Carrier) -> tuple[pl.Series, pl.DataFrame]:
    """The key of each value, its event id (null: it is no event); and `row`, `reason`, `detail` of what is none."""
    decoded = carrier.decode(values.to_list())
    keys = (
        pl.DataFrame({"row": range(len(values))}, schema={"row": pl.UInt32})
        .join(decoded.events.select("row", "event_id"), on="row", how="left", maintain_order="left")["event_id"]
        .cast(pl.Binary)
    )
    return keys, pl.concat([decoded.rejected, unknown_kinds(decoded.events)]).sort("row")


def _examples(chunk: Chunk, rejected: pl.DataFrame) -> tuple[str, ...]:
    first = rejected.head(_NAMED).with_columns(number=chunk.numbers.gather(rejected["row"].head(_NAMED)))
    return tuple(
        f"line {number}: {reason} ({detail})"
        for number, reason, detail in first.select("number", "reason", "detail").rows()
    )
