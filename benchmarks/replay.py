"""`python -m benchmarks.replay`: send a file of events to Kafka, and measure each part of the work.

The same file is sent in whole batches and record by record through the client, in turn, to topics of the embedded
Kafka, with `acks=all` and an idempotent producer; the records of each topic are counted afterwards. Kafka runs on the
same machine, so the ratio within a round says more than the rates.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import uuid
from pathlib import Path

from kafka.structs import TopicPartition
from rich.console import Console
from rich.table import Table

from emberline.embedded import EmbeddedKafka, StateFolder
from pipelines.carriers import CARRIERS
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.replay import replay

_PARTITIONS = 3
_WAYS = {"whole batches": True, "record by record": False}


def main() -> None:
    """Send the file both ways, round after round, and print a table."""
    options = _options()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="emberline-replay-") as folder:
        file = Path(folder) / "events.jsonl"
        _write(file, options.records)
        kafka = EmbeddedKafka(StateFolder(Path(folder) / "state"))
        try:
            connection = KafkaConnection(kafka.start(), kafka.client_options)
            rates: dict[str, list[float]] = {way: [] for way in _WAYS}
            _sent(connection, file, options.records, whole=True)  # compiles
            for _ in range(options.rounds):
                for way, whole in _WAYS.items():
                    rates[way].append(options.records / _sent(connection, file, options.records, whole=whole))
        finally:
            kafka.stop()
    console.print(_table(rates, file_records=options.records))


def _write(file: Path, records: int) -> None:
    """Write canonical messages of about 300 bytes."""
    with file.open("w") as lines:
        for number in range(records):
            data = {
                "group_id": f"wecom:g{number % 97}",
                "member_id": f"wecom:m{number % 9973}",
                "message_id": f"m{number:09}",
                "message_kind": "text",
                "text_length": number % 280,
                "role": "member",
            }
            event = {
                "specversion": "1.0",
                "id": f"event-{number:09}",
                "source": "//connector/wecom",
                "type": "message.sent",
                "time": f"2026-03-{1 + number % 28:02}T08:{number % 60:02}:00Z",
                "data": data,
            }
            lines.write(json.dumps(event, separators=(",", ":")) + "\n")


def _sent(connection: KafkaConnection, file: Path, records: int, *, whole: bool) -> float:
    """Send the file to a new topic, check that it is complete there, and return the seconds of sending."""
    topic = f"replay-{uuid.uuid4().hex[:8]}"
    connection.create_topics([topic], _PARTITIONS)
    began = time.perf_counter()
    replay(connection, topic, file, CARRIERS["cloudevents"], whole=whole)
    seconds = time.perf_counter() - began
    consumer = connection.consumer()
    ends = consumer.end_offsets([TopicPartition(topic, number) for number in range(_PARTITIONS)])
    consumer.close()
    if sum(ends.values()) != records:
        raise SystemExit(f"{sum(ends.values()):,} records arrived of {records:,}")
    return seconds


def _table(rates: dict[str, list[float]], *, file_records: int) -> Table:
    table = Table(title=f"{file_records:,} records, {_PARTITIONS} partitions, acks=all", title_justify="left", box=None)
    for heading in ("Way", "Records/s min", "Median", "Max", "To record by record"):
        table.add_column(heading, justify="left" if heading == "Way" else "right")
    pairs = list(zip(*rates.values(), strict=True))
    ratio = statistics.median(whole / single for whole, single in pairs)
    for way, found in rates.items():
        figures = (f"{number:,.0f}" for number in (min(found), statistics.median(found), max(found)))
        table.add_row(way, *figures, f"{ratio:.1f} x" if way == "whole batches" else "1.0 x")
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    parser.add_argument("--records", type=int, default=500_000, help="in the file (default: 500000)")
    parser.add_argument("--rounds", type=int, default=3, help="times each way is taken (default: 3)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
