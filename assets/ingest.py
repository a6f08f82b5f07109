"""From Kafka to distinct events: `raw`, then `events`, `quarantine` and `identity`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.pools import WRITER
from assets.resources import Clock, Progress, Rules
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.counts import stored_counts
from pipelines.ingest.kafka_to_events import ingest
from pipelines.lake import Lake
from pipelines.refresh import crowded_persons, refresh_identity

GROUP = "ingest"
CROWDED_CHECK = "crowded_persons"
_SHOWN = 5


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "raw",
            group_name=GROUP,
            kinds={"kafka", "deltalake"},
            description="Kafka records, bytes and coordinates, exactly once.",
        ),
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
    name="ingest",
    pool=WRITER,
)
def kafka_to_events(
    kafka: dg.ResourceParam[KafkaConnection],
    lake: dg.ResourceParam[Lake],
    rules: dg.ResourceParam[Rules],
    progress: dg.ResourceParam[Progress],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.MaterializeResult]:
    """Read what Kafka has; decode, validate and deduplicate what `raw` holds beyond what `events` includes."""
    report, counts = ingest(
        kafka,
        lake,
        rules.topics,
        rules.limits,
        rules.decoding,
        rules.tolerance,
        on_read=progress.of("reading Kafka"),
        on_caught_up=progress.of("decoding events"),
        accept_gaps_at=clock.now() if rules.accept_gaps else None,
    )
    yield dg.MaterializeResult("raw", metadata=asdict(report))
    yield dg.MaterializeResult("events", metadata=asdict(counts))
    yield dg.MaterializeResult(
        "quarantine",
        metadata={"rows": counts.quarantined, "taken_out": counts.taken_out, "put_back": counts.put_back},
    )


@dg.asset(
    group_name=GROUP,
    deps=["events"],
    kinds={"polars", "deltalake"},
    check_specs=[
        dg.AssetCheckSpec(
            CROWDED_CHECK,
            asset="identity",
            description="No person has more accounts than `identity.max_accounts`; told, not blocking.",
        )
    ],
    pool=WRITER,
)
def identity(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """The person of every linked account."""
    refreshed = refresh_identity(lake)
    crowded = crowded_persons(lake, rules.max_accounts)
    messages = [
        f"Person {person} has {accounts:,} accounts; account {account} is linked to {others:,} others."
        for person, accounts, account, others in crowded.head(_SHOWN).iter_rows()
    ]
    check = dg.AssetCheckResult(
        check_name=CROWDED_CHECK,
        passed=crowded.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(messages) or None,
        metadata={
            "persons": crowded.height,
            "most_accounts_allowed": rules.max_accounts,
            "events_of_nobody": stored_counts(lake).of_nobody,
            "failed": messages,
        },
    )
    return dg.MaterializeResult(metadata=asdict(refreshed), check_results=[check])
