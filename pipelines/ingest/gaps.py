"""Lost offsets that a person accepted, in lake table `gaps`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pipelines.lake import Lake, LakeConflict
from schemas.lake import GAPS


@dataclass(frozen=True)
class Gap:
    """Offsets `[start, stop)` of a partition that Kafka deleted before they were read."""

    topic: str
    topic_id: str
    partition: int
    start: int
    stop: int

    @property
    def offsets(self) -> int:
        """Number of lost offsets, including transaction markers."""
        return self.stop - self.start


def record_gaps(lake: Lake, gaps: Iterable[Gap], now: dt.datetime) -> None:
    """Record gaps, each offset once: after a crash, a run finds the same gap again, or a longer one.

    Args:
        lake: The lake of `gaps`.
        gaps: At most one per partition.
        now: When they were accepted, UTC.
    """
    wanted = list(gaps)
    while True:
        handle = lake.open(GAPS)
        rows, positions = [], {}
        for gap in wanted:
            name = _app_id(gap)
            start = max(gap.start, handle.position(name) or 0)
            if start < gap.stop:
                rows.append((gap.topic, gap.topic_id, gap.partition, start, gap.stop, now))
                positions[name] = gap.stop
        if not rows:
            return
        try:
            lake.append(handle, pl.DataFrame(rows, schema=GAPS.schema, orient="row"), positions)
        except LakeConflict:
            continue
        return


def _app_id(gap: Gap) -> str:
    return f"gap/{gap.topic_id}/{gap.partition}"
