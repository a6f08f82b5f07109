"""How long no round of a pull has succeeded."""

from __future__ import annotations

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.pulling.cursors import Outcome, read_cursors
from pipelines.operations.staleness import PullLimits, QuietPull


def quiet_pulls(kafka: KafkaConnection, pulls: PullLimits) -> tuple[QuietPull, ...]:
    """Return since when no round of each pull has succeeded."""
    stored = outcomes(kafka, pulls.topic)
    found = []
    for name, limit in pulls.limits.items():
        outcome = stored.get(name, Outcome())
        found.append(QuietPull(name, outcome.succeeded_at or outcome.started_at, outcome.error, limit))
    return tuple(found)


def outcomes(kafka: KafkaConnection, topic: str) -> dict[str, Outcome]:
    """Return the outcome of the newest round of each pull, by its name."""
    return {name: one.outcome for name, one in read_cursors(kafka, topic, is_whole=False).items()}
