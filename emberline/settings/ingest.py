"""Settings of ingestion: batches, clocks, what stops a run, and when runs start."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from emberline.settings.bounds import BYTES, COUNT, MINUTES, SECONDS
from emberline.settings.section import Section
from pipelines.carriers import DecoderKind
from pipelines.ingest.reader import ReaderKind


class IngestSettings(Section):
    """When a batch is committed, which events are from the future, and what stops the run."""

    batch_rows: int = Field(default=200_000, ge=1, le=COUNT)
    batch_bytes: int = Field(default=64 * 1024 * 1024, ge=1, le=BYTES)
    batch_seconds: float = Field(default=10.0, gt=0, le=SECONDS)
    stall_seconds: float = Field(default=60.0, gt=0, le=SECONDS)
    run_rows: int = Field(default=5_000_000, ge=1, le=COUNT)
    reader: ReaderKind = "auto"
    decoder: DecoderKind = "fast"
    group: str = Field(default="emberline", min_length=1)
    session_seconds: float = Field(default=30.0, ge=6, le=SECONDS)
    max_skew_minutes: int = Field(default=10, ge=0, le=MINUTES)
    max_bad_share: float = Field(default=0.5, ge=0, le=1)
    bad_share_rows: int = Field(default=1000, ge=1, le=COUNT)
    accept_gaps: bool = False


def _known_cron(expression: str | None) -> str | None:
    if expression is None:
        return None
    # Slow to import, and needed by few.
    import dagster as dg

    try:
        dg.ScheduleDefinition(name="checked", job_name="checked", cron_schedule=expression)
    except dg.DagsterInvalidDefinitionError:
        raise ValueError("is not a cron expression of five fields such as '0 6 * * *'") from None
    return expression


class ScheduleSettings(Section):
    """When runs start. Without `cron`: within seconds after records are in Kafka."""

    cron: Annotated[str | None, AfterValidator(_known_cron)] = None
    """Five fields, in the zone of `rules.zone`: `0 6 * * *` is daily at 06:00. Read by `emberline up`."""
