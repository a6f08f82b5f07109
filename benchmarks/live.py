"""`python -m benchmarks.live`: how long events take from Kafka to mart while the pipeline runs by itself.

Synthetic events, some of them duplicated, late or broken. The latency of an event is the time from Kafka's timestamp of
the record to the publication of the first version that includes its batch. At the end the warehouse is compared with a
recomputation of everything.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl

from benchmarks.recompute import differences
from emberline.embedded.dagster import EmbeddedDagster
from emberline.instance import dagster_environment, dagster_instance
from emberline.services import Services
from emberline.settings import Settings
from pipelines.ingest.lag import backlog
from schemas import warehouse as mart
from schemas.lake import EVENTS

_TOPIC = "group.messages"
_GROUPS, _MEMBERS = 50, 1000
_DUPLICATES = _LATE = _BROKEN = 0.01
_DRAIN_SECONDS = 180


@dataclass(frozen=True)
class Live:
    """Records sent, events published, seconds from Kafka to mart, versions published, runs and how many failed.

    `differences` name what differs from a recomputation of everything.
    """

    sent: int
    published: int
    p50: float
    p95: float
    longest: float
    versions: int
    runs: int
    failed_runs: int
    differences: tuple[str, ...]


def measure(services: Services, rate: int, seconds: int, say: Callable[[str], None] = print) -> Live:
    """Start the pipeline, send `rate` events a second for `seconds`, wait until all are published."""
    kafka = services.kafka()
    kafka.create_topics(services.settings.kafka.topics, services.settings.kafka.partitions)
    services.warehouse().prepare()
    environment = dagster_environment(services)
    dagster = EmbeddedDagster(services.state)
    say(f"Dagster runs at {dagster.start(environment)}")
    try:
        sent = _send(services, rate, seconds, say)
        _wait_until_published(services, say)
    finally:
        dagster.stop()
    return _measured(services, sent)


def _send(services: Services, rate: int, seconds: int, say: Callable[[str], None]) -> int:
    producer = services.kafka().producer()
    began, sent = time.monotonic(), 0
    for second in range(seconds):
        for key, value in _records(random.Random(second), rate, second):
            producer.send(_TOPIC, key=key, value=value)
            sent += 1
        producer.flush()
        if second % 60 == 0:
            say(f"{second} s, {sent} records sent")
        time.sleep(max(0.0, began + second + 1 - time.monotonic()))
    producer.close()
    return sent


def _records(chance: random.Random, rate: int, second: int) -> Iterator[tuple[bytes, bytes]]:
    for number in range(rate):
        late = dt.timedelta(days=chance.uniform(1, 40)) if chance.random() < _LATE else dt.timedelta()
        member = chance.randrange(_MEMBERS)
        event = {
            "specversion": "1.0",
            "id": f"live-{second}-{number}",
            "source": "simulator/live",
            "type": "message.sent",
            "time": (dt.datetime.now(dt.UTC) - late).isoformat(),
            "subject": f"wecom:simulated-{member % _GROUPS}",
            "data": {
                "member_id": f"wecom:simulated-{member}",
                "message_id": f"{second}-{number}",
                "message_kind": "text",
                "text_length": chance.randrange(200),
            },
        }
        key, value = str(event["id"]).encode(), json.dumps(event).encode()
        if chance.random() < _BROKEN:
            yield key, value[: len(value) // 2]
            continue
        yield key, value
        if chance.random() < _DUPLICATES:
            yield key, value


def latencies(services: Services, versions: pl.DataFrame) -> pl.Series:
    """Return seconds from Kafka to mart for each event of the lake; null if no version includes its batch.

    `versions` are rows of `mart.publication`, sorted by `events_batch`.
    """
    events = services.lake().open(EVENTS).scan().select("batch", "kafka_time").collect().sort("batch")
    joined = events.join_asof(versions, left_on="batch", right_on="events_batch", strategy="forward")
    return joined.select((pl.col("published_at") - pl.col("kafka_time")).dt.total_microseconds() / 1e6).to_series()


def _wait_until_published(services: Services, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + _DRAIN_SECONDS
    lake, warehouse, kafka = services.lake(), services.warehouse(), services.kafka()
    while time.monotonic() < deadline:
        unread = backlog(kafka, lake, services.settings.kafka.topics).records
        newest = lake.open(EVENTS).scan().select(pl.col("batch").max()).collect().item() or 0
        published = warehouse.read(mart.publication)["events_batch"].max() or 0
        if not unread and published == newest:
            return
        time.sleep(1)
    say(f"Not all was published after {_DRAIN_SECONDS} s.")


def _measured(services: Services, sent: int) -> Live:
    versions = services.warehouse().read(mart.publication).select("events_batch", "published_at").sort("events_batch")
    latency = latencies(services, versions)
    return Live(
        sent=sent,
        published=latency.drop_nulls().len(),
        p50=float(latency.quantile(0.5) or 0),
        p95=float(latency.quantile(0.95) or 0),
        longest=float(latency.max() or 0),  # type: ignore[arg-type]
        versions=versions.height,
        runs=_runs(services),
        failed_runs=_runs(services, dg.DagsterRunStatus.FAILURE),
        differences=tuple(differences(services)),
    )


def _runs(services: Services, *statuses: dg.DagsterRunStatus) -> int:
    with dagster_instance(services) as instance:
        return instance.get_runs_count(dg.RunsFilter(statuses=list(statuses) or None))


def main() -> None:
    """Measure in a temporary state folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description="Event to mart, while it all runs.")
    parser.add_argument("--rate", type=int, default=200, help="records a second (default: 200)")
    parser.add_argument("--seconds", type=int, default=600, help="how long they are sent (default: 600)")
    options = parser.parse_args()
    services = Services(Settings(state=Path(tempfile.mkdtemp(prefix="emberline-live-"))))
    try:
        print(measure(services, options.rate, options.seconds))
    finally:
        services.stop()
        services.state.destroy()


if __name__ == "__main__":
    main()
