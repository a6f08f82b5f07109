"""Which partitions maintenance compacts, and which runs it prunes."""

import datetime as dt

import pytest

from pipelines.operations.maintenance import (
    Compaction,
    DataFile,
    EndedRun,
    MaintenancePolicy,
    compactions,
    runs_to_prune,
)

NOW = dt.datetime(2025, 3, 3, 12, tzinfo=dt.UTC)
KEPT = MaintenancePolicy(small_files=2, small_bytes=100, keep_runs=3, keep_runs_for=dt.timedelta(days=7))
MARCH, APRIL = (("month", "2025-03-01"),), (("month", "2025-04-01"),)


def test_a_partition_with_too_many_small_files_is_put_together_the_most_crowded_first():
    files = [DataFile(MARCH, 99)] * 3 + [DataFile(APRIL, 1)] * 4
    assert compactions(files, KEPT) == [Compaction(APRIL, 4), Compaction(MARCH, 3)]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([], id="none"),
        pytest.param([DataFile((), 1)] * 2, id="as many small ones as may be"),
        pytest.param([DataFile((), 100)] * 50, id="many large ones"),
        pytest.param([DataFile(MARCH, 1)] * 2 + [DataFile(APRIL, 1)] * 2, id="many, but not in one partition"),
    ],
)
def test_other_files_are_left_alone(files):
    assert compactions(files, KEPT) == []


def runs(*days_ago: float) -> list[EndedRun]:
    return [EndedRun(f"{days} days ago", NOW - dt.timedelta(days=days)) for days in days_ago]


@pytest.mark.parametrize(
    ("oldest", "ended", "needed", "pruned"),
    [
        pytest.param(runs(2, 1), 2, set(), [], id="few and young"),
        pytest.param(runs(5, 4, 3, 2, 1), 5, set(), ["5 days ago", "4 days ago"], id="more than are kept"),
        pytest.param(runs(8, 1), 2, set(), ["8 days ago"], id="older than any is kept"),
        pytest.param(runs(7, 1), 2, set(), [], id="just young enough"),
        pytest.param(runs(9, 8), 10, {"9 days ago"}, ["8 days ago"], id="one that an asset still needs"),
        pytest.param(runs(5, 4), 100, set(), ["5 days ago", "4 days ago"], id="no more than one pass looks at"),
    ],
)
def test_a_run_is_pruned(oldest, ended, needed, pruned):
    assert runs_to_prune(oldest, ended, needed, KEPT, NOW) == pruned
