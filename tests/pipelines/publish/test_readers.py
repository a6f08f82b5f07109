"""Readers of `mart` while versions are published: every answer is of one version, and none fails."""

from benchmarks.readers import measure


def test_who_reads_while_versions_are_published_gets_whole_answers_of_one_version(database: str) -> None:
    idle, during = measure(database, database, readers=4, publishes=6, groups=20, days=30, idle_seconds=0)
    for read in (idle, during):
        assert (read.mixed, read.errors) == ([], [])
    assert during.seconds
