"""From Kafka to distinct events: `raw`, then `events`, `quarantine` and `identity`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.pools import WRITER
from assets.resources import Clock, Progress, Rules
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.events import ingest_events
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Lake
from pipelines.refresh import refresh_identity

GROUP = "ingest"


@dg.asset(group_name=GROUP, kinds={"kafka", "deltalake"}, pool=WRITER)
def raw(
    kafka: dg.ResourceParam[KafkaConnection],
    lake: dg.ResourceParam[Lake],
    rules: dg.ResourceParam[Rules],
    progress: dg.ResourceParam[Progress],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Kafka records, bytes and coordinates, exactly once."""
    report = ingest_raw(
        kafka,
        lake,
        rules.topics,
        rules.limits,
        progress.of("reading Kafka"),
        accept_gaps_at=clock.now() if rules.accept_gaps else None,
    )
    return dg.MaterializeResult(metadata=asdict(report))


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "events",
            deps=["raw"],
            group_name=GROUP,
            kinds={"polars", "deltalake"},
            description="Distinct, valid events with pseudonyms.",
        ),
        dg.AssetSpec(
            "quarantine",
            deps=["raw"],
            group_name=GROUP,
            kinds={"polars", "deltalake"},
            description="Records that are no valid event, with the reason and the bytes.",
        ),
    ],
    name="decode_raw",
    pool=WRITER,
)
def decode_raw(
    lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules], progress: dg.ResourceParam[Progress]
) -> Iterator[dg.MaterializeResult]:
    """Decode, validate and deduplicate what `raw` holds beyond what `events` includes."""
    counts = ingest_events(
        lake,
        rules.topics,
        rules.decoding,
        rules.limits.rows,
        on_progress=progress.of("decoding events"),
        tolerance=rules.tolerance,
    )
    yield dg.MaterializeResult("events", metadata=asdict(counts))
    yield dg.MaterializeResult("quarantine", metadata={"rows": counts.quarantined})


@dg.asset(group_name=GROUP, deps=["events"], kinds={"polars", "deltalake"}, pool=WRITER)
def identity(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """The person of every linked account."""
    return dg.MaterializeResult(metadata=asdict(refresh_identity(lake)))
