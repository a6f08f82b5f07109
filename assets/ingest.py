"""From Kafka to distinct events: `raw`, then `events`, `quarantine` and `identity`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

import dagster as dg
import polars as pl

from assets.resources import Clock, Progress, Rules
from assets.steps import lake_assets
from assets.tables import materialized, specs
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.counts import stored_counts
from pipelines.ingest.drift import Drift, find_drifts, said
from pipelines.ingest.kafka_to_events import ingest
from pipelines.ingest.missing import Lateness, by_sequence, missing_numbers, sentence
from pipelines.ingest.short import compared_totals, incomparable_sentence, short_by_owner, short_sentence
from pipelines.lake import Lake
from pipelines.printable import counted, printable_name
from pipelines.refresh import over_merged_persons, refresh_identity
from schemas.lake import (
    CONTROL_TOTAL,
    EVENTS,
    FEED,
    GAPS,
    IDENTITY,
    IDENTITY_CHANGE,
    IGNORED,
    PAYLOAD_CENSUS,
    QUARANTINE,
    QUARANTINED_EVENT,
    RAW,
    SEQUENCE_RANGE,
    TOUCHED,
    LakeTable,
)

OVER_MERGED_CHECK = "over_merged_persons"
SEQUENCE_CHECK = "sequence_gaps"
TOTALS_CHECK = "control_totals"
CENSUS_CHECK = "payload_changes"
_SHOWN = 5


INGESTED: Final = (
    RAW,
    FEED,
    GAPS,
    EVENTS,
    QUARANTINE,
    IGNORED,
    SEQUENCE_RANGE,
    CONTROL_TOTAL,
    PAYLOAD_CENSUS,
    QUARANTINED_EVENT,
    TOUCHED,
)
"""The tables that one run of `ingest` writes, and nothing else does."""


@lake_assets(
    specs(*INGESTED),
    name="ingest",
    check_specs=[
        dg.AssetCheckSpec(
            SEQUENCE_CHECK,
            asset=SEQUENCE_RANGE.name,
            description="No sequence number of a platform is missing; only warns.",
        ),
        dg.AssetCheckSpec(
            TOTALS_CHECK,
            asset=CONTROL_TOTAL.name,
            description="As many messages arrived as the platform counted in the groups of an owner; only warns.",
        ),
        dg.AssetCheckSpec(
            CENSUS_CHECK,
            asset=PAYLOAD_CENSUS.name,
            description="Payloads of each topic have the same structure as in the 28 days before; only warns.",
        ),
    ],
)
def kafka_to_events(
    kafka: dg.ResourceParam[KafkaConnection],
    lake: dg.ResourceParam[Lake],
    rules: dg.ResourceParam[Rules],
    progress: dg.ResourceParam[Progress],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
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
    yield _census_check(find_drifts(lake))
    lateness = Lateness(rules.lateness, rules.idle_timeout)
    yield _sequence_check(missing_numbers(lake, lateness))
    yield _totals_check(compared_totals(lake, lateness))


def _census_check(drifts: Mapping[str, Drift]) -> dg.AssetCheckResult:
    messages: list[str] = []
    for topic, drift in drifts.items():
        changed = "; ".join(map(said, drift.changes.head(_SHOWN).iter_rows(named=True)))
        others = drift.changes.height - _SHOWN
        more = f"; {counted(others, 'other change')}" if others > 0 else ""
        messages.append(f"Payloads of {printable_name(topic)} changed on {drift.day}: {changed}{more}.")
    return dg.AssetCheckResult(
        check_name=CENSUS_CHECK,
        asset_key=PAYLOAD_CENSUS.name,
        passed=not messages,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(messages[:_SHOWN]) or None,
        metadata={"topics": len(messages), "failed": messages},
    )


def _sequence_check(found: pl.DataFrame) -> dg.AssetCheckResult:
    lacking = by_sequence(found)
    messages = _missing(lacking, sentence, "numbers", "other sequence")
    return dg.AssetCheckResult(
        check_name=SEQUENCE_CHECK,
        asset_key=SEQUENCE_RANGE.name,
        passed=found.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(messages) or None,
        metadata={"sequences": lacking.height, "numbers": int(lacking["numbers"].sum()), "failed": messages},
    )


def _totals_check(compared: pl.DataFrame) -> dg.AssetCheckResult:
    lacking = short_by_owner(compared)
    messages = _missing(lacking, short_sentence, "messages", "other owner")
    incomparable = compared["short"].null_count()
    said = [*messages, incomparable_sentence(incomparable)] if incomparable else messages
    return dg.AssetCheckResult(
        check_name=TOTALS_CHECK,
        asset_key=CONTROL_TOTAL.name,
        passed=lacking.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(said) or None,
        metadata={
            "owners": lacking.height,
            "messages": int(lacking["messages"].sum()),
            "compared": compared.height - incomparable,
            "not_comparable": incomparable,
            "failed": messages,
        },
    )


def _missing(
    lacking: pl.DataFrame, in_words: Callable[[Mapping[str, Any]], str], what: str, of_other: str
) -> list[str]:
    """Return what did not arrive in sentences: the first rows, and how many others lack something, too."""
    messages = [f"Missing: {in_words(row)}" for row in lacking.head(_SHOWN).iter_rows(named=True)]
    if (others := lacking.height - _SHOWN) > 0:
        messages.append(f"Missing, too: {what} of {counted(others, of_other)}.")
    return messages


@lake_assets(
    specs(IDENTITY, IDENTITY_CHANGE),
    name="identity",
    check_specs=[
        dg.AssetCheckSpec(
            OVER_MERGED_CHECK,
            asset=IDENTITY.name,
            description="No person has more accounts than `identity.max_accounts`; only warns.",
        )
    ],
)
def persons(
    lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Merge the persons whom new links connect, and separate those whose link was removed or withdrawn."""
    refreshed = refresh_identity(lake)
    over_merged = over_merged_persons(lake, rules.max_accounts)
    messages = [
        f"Person {person} has {accounts:,} accounts; account {account} is linked to {others:,} others."
        for person, accounts, account, others in over_merged.head(_SHOWN).iter_rows()
    ]
    check = dg.AssetCheckResult(
        check_name=OVER_MERGED_CHECK,
        passed=over_merged.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(messages) or None,
        metadata={
            "persons": over_merged.height,
            "most_accounts_allowed": rules.max_accounts,
            "events_with_placeholder": stored_counts(lake).placeholders,
            "failed": messages,
        },
    )
    for table, metadata in ((IDENTITY, asdict(refreshed)), (IDENTITY_CHANGE, {})):
        yield materialized(lake, table, metadata)
    yield check
