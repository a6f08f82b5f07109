"""Replay files into Kafka: a chat export or an event file is sent as if by its carrier.

Records are keyed by event id, so that all copies of an event share a partition and keep the order of the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.carriers import Carrier
from pipelines.events.unknown_kinds import unknown_kinds
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.replay_file import Chunk, ReplayFileError, chunks
from pipelines.ingest.sending import RecordTooLarge, Sending, sender

_NAMED: Final = 5


@dataclass(frozen=True)
class Replayed:
    """Result of a replay.

    Attributes:
        records: Sent and acknowledged records.
        blank_lines: Skipped blank lines.
        no_events: Sent records that will go to quarantine.
        examples: The first of these, with line and reason.
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
    *,
    whole: bool | None = None,
) -> Replayed:
    """Send every row (`.parquet`) or line (`.jsonl`, `.ndjson`) of a file to a topic, in order.

    A chunk is read while the previous one is sent; only these two are in memory.

    Args:
        connection: The brokers.
        topic: An existing topic.
        file: See `replay_file.chunks`.
        carrier: Decodes the payloads.
        on_progress: Called after each chunk with what is done and to do, in bytes of lines or in rows.
        whole: See `sender`.

    Raises:
        ReplayFileError: See `replay_file.chunks`; everything before the place it names was sent.
        ProduceFailed: A record was not acknowledged.
    """
    done = Replayed()
    under_way: deque[tuple[Chunk, pl.DataFrame, Sending]] = deque()

    def finish() -> Replayed:
        chunk, rejected, sending = under_way.popleft()
        try:
            acknowledged = sending.acknowledged()
        except RecordTooLarge as error:
            line = chunk.numbers[error.row]
            raise ReplayFileError(f"Line {line}: {error.cause}", error.next_step, f"{file}:{line}") from error
        on_progress(chunk.done, chunk.todo)
        return Replayed(acknowledged, chunk.blank, rejected.height, _examples(chunk, rejected))

    reading = chunks(file, carrier)
    first = next(reading)  # errors of the file are reported before connecting to brokers
    with sender(connection, whole=whole) as send:
        for chunk in chain([first], reading):
            keys, rejected = _event_ids(chunk.values, carrier)
            under_way.append((chunk, rejected, send(topic, keys, chunk.values)))
            if len(under_way) > 1:
                done += finish()
        while under_way:
            done += finish()
    return done


def produce(connection: KafkaConnection, records: pl.DataFrame) -> int:
    """Send records (`topic`, `key`, `value`; the last two binary, null allowed) in order, and wait for acknowledgement.

    Raises:
        RecordTooLarge: A record is larger than Kafka accepts.
        ProduceFailed: A record was not acknowledged.
    """
    with sender(connection) as send:
        under_way = [
            (rows, send(topic, rows["key"], rows["value"]))
            for (topic,), rows in records.with_row_index("row").partition_by("topic", as_dict=True).items()
        ]
        acknowledged = 0
        for rows, sending in under_way:
            try:
                acknowledged += sending.acknowledged()
            except RecordTooLarge as error:
                raise error.at(rows["row"][error.row]) from error
        return acknowledged


def _event_ids(values: pl.Series, carrier: Carrier) -> tuple[pl.Series, pl.DataFrame]:
    """Return the id of each value's first event (null: none), and `row`, `reason`, `detail` of invalid ones."""
    decoded = carrier.decode_column(values)
    first = decoded.events.sort("row", "position").unique("row", keep="first", maintain_order=True)
    keys = (
        pl.DataFrame({"row": range(len(values))}, schema={"row": pl.UInt32})
        .join(first.select("row", "event_id"), on="row", how="left", maintain_order="left")["event_id"]
        .cast(pl.Binary)
    )
    rejected = pl.concat([decoded.rejected, unknown_kinds(decoded.events)])
    return keys, rejected.unique("row", keep="first", maintain_order=True).sort("row")


def _examples(chunk: Chunk, rejected: pl.DataFrame) -> tuple[str, ...]:
    first = rejected.head(_NAMED).with_columns(number=chunk.numbers.gather(rejected["row"].head(_NAMED)))
    return tuple(
        f"line {number}: {reason} ({detail})"
        for number, reason, detail in first.select("number", "reason", "detail").rows()
    )
