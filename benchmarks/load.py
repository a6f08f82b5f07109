"""Synthetic values, and the topics that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import polars as pl
from kafka import KafkaProducer

from pipelines.ingest.connection import KafkaConnection

FLAT: Final = "benchmark.flat"
EVENTS: Final = "benchmark.events"
PARTITIONS: Final = 3
FLAT_BYTES: Final = 165

_CHUNK: Final = 50_000
_START_MS: Final = 1_767_225_600_000
_STEP_MS: Final = 137
_GROUPS: Final = 400
_MEMBERS: Final = 30_000


def send(kafka: KafkaConnection, values: int, on_progress: Callable[[str], None]) -> None:
    """Send so many values to each of the two topics, keyed and uncompressed."""
    kafka.create_topics([FLAT, EVENTS], PARTITIONS)
    for topic, make in _MAKERS.items():
        on_progress(f"sending {values:,} values to {PARTITIONS} partitions of {topic}")
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, linger_ms=50, batch_size=256 * 1024)
        for numbers in _numbers(values):
            for key, value in numbers.select(pl.format("synthetic/{}", "n").cast(pl.Binary), make).iter_rows():
                producer.send(topic, key=key, value=value)
        producer.close()


def _numbers(values: int) -> Iterator[pl.DataFrame]:
    for start in range(0, values, _CHUNK):
        yield pl.DataFrame({"n": pl.int_range(start, min(start + _CHUNK, values), eager=True)})


def _flat() -> pl.Expr:
    """Flat JSON padded to `FLAT_BYTES`."""
    n = pl.col("n")
    body = pl.struct(
        id=pl.format("synthetic/{}", n),
        type=pl.lit("message.sent"),
        ts=_START_MS + n * _STEP_MS,
        group=pl.format("bench:{}", n % _GROUPS),
        member=pl.format("bench:{}", n * 7919 % _MEMBERS),
        chars=n % 280,
    ).struct.json_encode()
    padding = pl.lit(',"text":"' + "x" * FLAT_BYTES)
    padded = pl.concat_str(body.str.head(-1), padding).str.head(FLAT_BYTES - 2)
    return pl.concat_str(padded, pl.lit('"}')).cast(pl.Binary).alias("value")


def _canonical() -> pl.Expr:
    """Return messages as minimal canonical CloudEvents of about `FLAT_BYTES`, with times in whole seconds."""
    n = pl.col("n")
    data = pl.struct(
        # Message ids count within a group, as on Telegram.
        member_id=pl.format("tg:{}", n * 7919 % _MEMBERS),
        message_id=pl.format("{}", n // _GROUPS),
    )
    event = pl.struct(
        specversion=pl.lit("1.0"),
        id=pl.format("{}", n),
        source=pl.lit("tg"),
        type=pl.lit("message.sent"),
        time=pl.from_epoch(_START_MS + n * _STEP_MS, time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        subject=pl.format("tg:{}", n % _GROUPS),
        data=data,
    )
    return event.struct.json_encode().cast(pl.Binary).alias("value")


_MAKERS: Final[Mapping[str, pl.Expr]] = {FLAT: _flat(), EVENTS: _canonical()}
