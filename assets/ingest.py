"""From Kafka to distinct events: `raw`, then `events`, `quarantine` and `identity`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import dagster as dg

from assets.resources import Clock, Progress, Rules
from assets.steps import lake_assets
from assets.tables import materialized, specs
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.counts import stored_counts
from pipelines.ingest.kafka_to_events import ingest
from pipelines.lake import Lake
from pipelines.refresh import crowded_persons, refresh_identity
from schemas.lake import (
    EVENTS,
    FEED,
    GAPS,
    IDENTITY,
    IDENTITY_CHANGE,
    IGNORED,
    QUARANTINE,
    QUARANTINED_EVENT,
    RAW,
    TOUCHED,
    LakeTable,
)

CROWDED_CHECK = "crowded_persons"
_SHOWN = 5


INGESTED: Final = (RAW, FEED, GAPS, EVENTS, QUARANTINE, IGNORED, QUARANTINED_EVENT, TOUCHED)
"""The tables that one run of `ingest` writes, and nothing else does."""


@lake_assets(specs(*INGESTED), name="ingest")
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
    done: dict[LakeTable, dict[str, Any]] = {
        RAW: asdict(report),
        EVENTS: asdict(counts),
        QUARANTINE: {"rows": counts.quarantined, "taken_out": counts.taken_out, "put_back": counts.put_back},
        IGNORED: {"rows": counts.ignored},
    }
    for table in INGESTED:
        yield materialized(lake, table, done.get(table, {}))


@lake_assets(
    specs(IDENTITY, IDENTITY_CHANGE),
    name="identity",
    check_specs=[
        dg.AssetCheckSpec(
            CROWDED_CHECK,
            asset=IDENTITY.name,
            description="No person has more accounts than `identity.max_accounts`; told, not blocking.",
        )
    ],
)
def persons(
    lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Join the persons whom new links connect, and part those whose link went or was ruled out."""
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
    for table, metadata in ((IDENTITY, asdict(refreshed)), (IDENTITY_CHANGE, {})):
        yield materialized(lake, table, metadata)
    yield check
