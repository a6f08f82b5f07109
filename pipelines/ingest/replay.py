"""Files into Kafka: a chat export or an event file is replayed as if its carrier had just sent it.

Records are keyed by event id, so that all copies of an event share a partition and the first of the file is the first
there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import polars as pl
from kafka.errors import KafkaError

from pipelines.carriers import Carrier
from pipelines.carriers.zulip import archive_values
from pipelines.ingest.connection import KafkaConnection
from schemas.errors import EmberlineError

_CHUNK_ROWS: Final = 50_000
_EXPORTS: Final = {"zulip": archive_values}
"""Carrier -> how a row of its Parquet export becomes a payload of that carrier."""


class ReplayFileError(EmberlineError):
    """A file cannot be replayed."""


class ProduceFailed(EmberlineError):
    """Kafka did not take all records."""


def replay(
    connection: KafkaConnection,
    topic: str,
    file: Path,
    carrier: Carrier,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> int:
    """Send every row (`.parquet`) or line (`.jsonl`, `.ndjson`) of a file to a topic, in order.

    Returns:
        How many records were sent and acknowledged.

    Raises:
        ReplayFileError: the file is missing, unreadable or of a form that this carrier has no export for.
        ProduceFailed: a record was not acknowledged.
    """
    done = 0
    for values in _chunks(file, carrier):
        keys = _event_ids(values, carrier)
        done += produce(connection, pl.DataFrame({"key": keys, "value": values}).with_columns(topic=pl.lit(topic)))
        on_progress(done)
    return done


def produce(connection: KafkaConnection, records: pl.DataFrame) -> int:
    """Send records (`topic`, `key`, `value`; the last two binary, null allowed) in order and wait until all are safe.

    Raises:
        ProduceFailed: a record was not acknowledged.
    """
    producer = connection.producer()
    try:
        sent = [
            producer.send(topic, key=key, value=value)
            for topic, key, value in records.select("topic", "key", "value").iter_rows()
        ]
        producer.flush()
        for future in sent:
            future.get(timeout=60)
    except KafkaError as error:
        raise ProduceFailed(
            f"Kafka did not take all records ({error}).", "Send the file again: events that arrived twice count once."
        ) from error
    finally:
        producer.close()
    return len(sent)


def _chunks(file: Path, carrier: Carrier) -> Iterator[pl.Series]:
    if not file.is_file():
        raise ReplayFileError(f"There is no file {file}.", "Give the path of a .parquet or .jsonl file.")
    if file.suffix == ".parquet":
        if carrier.name not in _EXPORTS:
            raise ReplayFileError(
                f"{file}: there is no Parquet export of carrier {carrier.name!r}.",
                f"Parquet works for {', '.join(_EXPORTS)}; give the payloads as .jsonl, one a line.",
            )
        try:
            values = _EXPORTS[carrier.name](pl.read_parquet(file))
        except pl.exceptions.PolarsError as error:
            raise ReplayFileError(
                f"{file}: no readable export of {carrier.name!r} ({error}).", "Check --carrier and the file."
            ) from error
        yield from (values.slice(start, _CHUNK_ROWS) for start in range(0, len(values), _CHUNK_ROWS))
    elif file.suffix in {".jsonl", ".ndjson"}:
        with file.open("rb") as lines:
            while chunk := [line.rstrip(b"\r\n") for _, line in zip(range(_CHUNK_ROWS), lines, strict=False)]:
                yield pl.Series(chunk, dtype=pl.Binary)
    else:
        raise ReplayFileError(f"{file}: unknown form {file.suffix!r}.", "Give a .parquet, .jsonl or .ndjson file.")


def _event_ids(values: pl.Series, carrier: Carrier) -> pl.Series:
    """The key of each value: its event id, null where it is no event."""
    events = carrier.decode(values.to_list()).events.select("row", "event_id")
    return (
        pl.DataFrame({"row": range(len(values))}, schema={"row": pl.UInt32})
        .join(events, on="row", how="left", maintain_order="left")["event_id"]
        .cast(pl.Binary)
    )
