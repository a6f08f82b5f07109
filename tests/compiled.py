"""Compile what numba compiles, before the workers of a test run all do it at once: `python -m tests.compiled`.

What is compiled is kept beside the sources. Where nothing is kept yet, each worker would take half a minute for it.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from pipelines.groups.risk.features import risk_features
from pipelines.ingest.record_columns import ColumnBuffer
from pipelines.lake import Lake
from tests.pipelines.groups.risk.company import company
from tests.pipelines.groups.risk.oracle import FIRST, frame
from tests.pipelines.ingest.test_fast_reader import UNBOUNDED, Batch, fetched, partition
from tests.pipelines.test_incremental import CLICKED, LONG_AGO, PAID, Company


def facts() -> None:
    """Decode events and refresh all facts."""
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Lake(folder))
        company.send(*LONG_AGO, PAID, CLICKED)
        company.refresh()


def features() -> None:
    """Measure groups."""
    risk_features(frame(company(1, groups=2, days=100)), FIRST + dt.timedelta(days=99)).collect()


def fetches() -> None:
    """Read a fetch of Kafka."""
    read = partition(fetched([Batch(0, [(1, b"key", b"value", [("name", b"value")])], [0])]))
    read.target.buffer, read.target.full_at = ColumnBuffer(), UNBOUNDED
    read.fast.take(1)
    read.target.buffer.frame({"topic": "id"})


WORK: tuple[Callable[[], None], ...] = (facts, features, fetches)


if __name__ == "__main__":
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for done in [pool.submit(work) for work in WORK]:
            done.result()
