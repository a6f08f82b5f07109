"""Canonical events as producers send them, and the rows of `raw` that hold them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipelines.carriers import CARRIERS, Carrier
from pipelines.events.decode import DecodeRules
from pipelines.events.pseudonym import Pseudonyms
from pipelines.ingest.counts import Counts
from pipelines.ingest.event_writer import EventWriter
from pipelines.ingest.events import catch_up
from pipelines.ingest.feeds import Feed, app_id, record_feeds
from pipelines.ingest.rebuild import Rebuilt, rebuild_events
from pipelines.ingest.tolerance import USUAL, Tolerance
from pipelines.lake import Lake
from schemas.lake import RAW

TOPIC: Final = "chat"
TOPIC_ID: Final = "00000000-0000-0000-0000-000000000001"
NOON: Final = dt.datetime(2025, 3, 3, 4, tzinfo=dt.UTC)
"""Twelve o'clock in Shanghai, a Monday."""

PSEUDONYMS: Final = Pseudonyms(b"a key of these tests")
RULES: Final = DecodeRules("Asia/Shanghai", dt.timedelta(minutes=10), PSEUDONYMS)
BY_TOPIC: Final = {TOPIC: CARRIERS["cloudevents"]}

Event = dict[str, Any]


def message(data: Event | None = None, **envelope: Any) -> Event:
    """A member's message in a group; `data` and `envelope` replace fields, `...` removes one."""
    whole = {
        "specversion": "1.0",
        "id": "e1",
        "source": "bridge",
        "type": "message.sent",
        "time": "2025-03-03T04:00:00Z",
        "subject": "app:g",
        "data": _without_removed({"member_id": "app:ann", "message_id": "m1"} | (data or {})),
    }
    return _without_removed(whole | envelope)


def link(account: str, other: str, **envelope: Any) -> Event:
    """A link between two accounts of one human."""
    return message({"member_id": account, "linked_id": other, "message_id": ...}, type="identity.linked", **envelope)


def encoded(event: Event) -> bytes:
    """An event as the value of a record."""
    return json.dumps(event, ensure_ascii=False).encode()


def records(
    values: Iterable[bytes | None],
    *,
    partition: int = 0,
    offsets: Iterable[int] | None = None,
    kafka_time: dt.datetime | None = NOON,
) -> pl.DataFrame:
    """Rows of `raw` with these values, at offsets from 0 where none are given."""
    held = list(values)
    rows = [
        {
            "topic": TOPIC,
            "topic_id": TOPIC_ID,
            "partition": partition,
            "offset": offset,
            "kafka_time": kafka_time,
            "key": None,
            "headers": [],
            "value": value,
            "value_sha256": None,
            "removed_at": None,
        }
        for offset, value in zip(offsets or range(len(held)), held, strict=True)
    ]
    return pl.DataFrame(rows, schema=RAW.schema)


def land(lake: Lake, *batches: pl.DataFrame) -> None:
    """Append records to `raw` as the reader of Kafka does, positions included."""
    for batch in batches:
        of_partition = batch.group_by("topic", "topic_id", "partition")
        bounds = of_partition.agg(pl.col("offset").min(), end=pl.col("offset").max() + 1).rows()
        record_feeds(lake, [Feed(topic, topic_id, number, first) for topic, topic_id, number, first, _ in bounds])
        lake.append(lake.open(RAW), batch, {app_id(topic_id, number): end for _, topic_id, number, _, end in bounds})


def ingest(
    lake: Lake,
    batch_rows: int = 250_000,
    carriers: Mapping[str, Carrier] = BY_TOPIC,
    rules: DecodeRules = RULES,
    tolerance: Tolerance = USUAL,
    on_progress: Callable[[int, int], None] = lambda _done, _todo: None,
) -> Counts:
    """Decode what has landed."""
    writer = EventWriter(lake, carriers, rules, tolerance)
    catch_up(lake.open(RAW), writer, batch_rows, on_progress)
    return writer.counts


def rebuild(
    lake: Lake, batch_rows: int = 2, carriers: Mapping[str, Carrier] = BY_TOPIC, rules: DecodeRules = RULES
) -> Rebuilt:
    """Decode `raw` again."""
    return rebuild_events(lake, carriers, rules, batch_rows, actor="ann", reason="mended", now=NOON)


def _without_removed(fields: Event) -> Event:
    return {name: value for name, value in fields.items() if value is not ...}


def make_unreadable(file: Path) -> None:
    """Leave a Parquet file its length and its marks, so that only who reads its rows fails."""
    written = file.read_bytes()
    file.write_bytes(written[:4] + bytes(len(written) - 8) + written[-4:])
