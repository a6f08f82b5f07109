"""Real input: eight years of a public Zulip community, against an independent computation on the file."""

import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import psutil
import pytest
import sqlalchemy as sa
from deltalake import DeltaTable

from pipelines.carriers import CARRIERS
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.replay import replay
from pipelines.publish.warehouse import Warehouse
from schemas import warehouse as mart
from schemas.attribution import UNATTRIBUTED

MESSAGES = Path(__file__).parents[3] / "shared" / "data" / "zulip" / "messages.parquet"
ZONE = "Asia/Shanghai"
KILLS = 10
MEMORY_BYTES = 2.5e9

pytestmark = [
    pytest.mark.skipif(not MESSAGES.is_file(), reason="the real messages are not on this machine"),
    pytest.mark.soak,
]


class Project:
    """A state of a test's own that only the command line touches, on the session's engines."""

    def __init__(self, root: Path, kafka: str, topic: str, database: str, batch_rows: int = 200_000) -> None:
        root.mkdir()
        (root / "emberline.toml").write_text(
            f'state = "state"\n[kafka]\nbootstrap_servers = "{kafka}"\n[kafka.topics]\n"{topic}" = "zulip"\n'
            f"[ingest]\nbatch_rows = {batch_rows}\n"
        )
        self.root = root
        self.lake = root / "state" / "lake"
        others = {name: value for name, value in os.environ.items() if not name.startswith("EMBERLINE__")}
        self.environment = {**others, "EMBERLINE__WAREHOUSE__URL": database}
        self.warehouse = Warehouse(database)

    def start_run(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "emberline", "run", "--json"],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self) -> dict:
        process = self.start_run()
        peak = watch_memory(process)
        stdout, stderr = process.communicate()
        assert process.returncode == 0, stderr.decode()
        return {**json.loads(stdout), "peak": peak}

    def rows(self, table: str) -> int:
        if not DeltaTable.is_deltatable(str(self.lake / table)):
            return 0
        return pl.scan_delta(str(self.lake / table)).select(pl.len()).collect().item()

    def commits(self) -> int:
        return sum(len(list((self.lake / table / "_delta_log").glob("*.json"))) for table in ("raw", "events"))


def watch_memory(process: subprocess.Popen[bytes]) -> int:
    """The largest resident size of the process while it lived, bytes."""
    peak = 0
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    return peak


def wait_for_commits(project: Project, wanted: int) -> None:
    """Wait until the running ingest has made so many commits more."""
    target = project.commits() + wanted
    deadline = time.monotonic() + 600
    while project.commits() < target:
        assert time.monotonic() < deadline, "the ingest makes no commits"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def messages() -> pl.DataFrame:
    """Distinct messages, the first delivered copy of each, with their Shanghai day."""
    time = pl.from_epoch("ts").dt.replace_time_zone("UTC")
    return (
        pl.read_parquet(MESSAGES)
        .unique("msg_id", keep="first", maintain_order=True)
        .with_columns(
            group_id=pl.format("zulip:{}", "stream_id"), time=time, day=time.dt.convert_time_zone(ZONE).dt.date()
        )
    )


@pytest.fixture(scope="module")
def replayed(kafka, state_folder) -> str:
    """The topic that holds the archive, once for all workers."""
    connection, topic, done = KafkaConnection(kafka), "test-zulip-archive", state_folder.path / "archive.replayed"
    with state_folder.lock("archive"):
        if not done.exists():
            connection.create_topics([topic], 3)
            assert replay(connection, topic, MESSAGES, CARRIERS["zulip"]) == 789_170
            done.touch()
    return topic


def assert_whole(project: Project) -> None:
    assert project.rows("raw") == 789_170
    assert project.rows("events") == 786_137
    assert project.rows("quarantine") == 0
    distinct = pl.scan_delta(str(project.lake / "events")).select(pl.struct("source", "event_id").n_unique())
    assert distinct.collect().item() == 786_137


def test_the_archive_is_ingested_once_and_its_groups_are_as_an_independent_computation_says(
    kafka, replayed, database, tmp_path, messages
):
    project = Project(tmp_path / "project", kafka, replayed, database)
    first = project.run()
    assert (first["raw"], first["events"], first["quarantined"]) == (789_170, 786_137, 0)
    assert first["duplicates"] == 3_033
    assert first["peak"] < MEMORY_BYTES
    assert_whole(project)

    again = project.run()
    assert not again["changed"]
    assert (again["raw"], again["partitions_changed"], again["version"]) == (0, 0, None)

    days = project.warehouse.read(mart.group_day)
    assert days["day"].n_unique() == messages["day"].n_unique()
    people = messages.filter(~pl.col("is_bot"))
    expected = people.group_by("group_id", "day").agg(
        speakers=pl.col("sender").n_unique().cast(pl.Int64), messages=pl.len().cast(pl.Int64)
    )
    found = days.filter(pl.col("messages") > 0).select(expected.columns)
    assert found.sort("group_id", "day").equals(expected.sort("group_id", "day"))
    assert set(project.warehouse.read(mart.dim_group)["group_id"]) == {*messages["group_id"], UNATTRIBUTED}

    deaths = project.warehouse.read(sa.select(mart.group_state).where(mart.group_state.c.state == "dead"))
    found_deaths = set(deaths.select("group_id", "since").rows())
    assert found_deaths == independent_deaths(messages)


def independent_deaths(messages: pl.DataFrame) -> set[tuple[str, dt.date]]:
    """Each silence of 28 complete days of a group once born: the group, and the first day it is dead."""
    newest = messages["time"].max()
    assert isinstance(newest, dt.datetime)
    local = (newest - dt.timedelta(hours=1)).astimezone(dt.timezone(dt.timedelta(hours=8)))
    last_complete = local.date() - dt.timedelta(days=1)
    deaths: set[tuple[str, dt.date]] = set()
    people = messages.filter(~pl.col("is_bot")).sort("time", "msg_id")
    for (group,), of_group in people.group_by("group_id"):
        times, senders = of_group["time"].to_list(), of_group["sender"].to_list()
        born = next(
            (
                times[last]
                for last in range(3, len(times))
                if any(
                    times[last] - times[first] < dt.timedelta(minutes=20)
                    and last - first >= 3
                    and len(set(senders[first : last + 1])) >= 3
                    for first in range(max(0, last - 200), last - 2)
                )
            ),
            None,
        )
        if born is None:
            continue
        born_day = born.astimezone(dt.timezone(dt.timedelta(hours=8))).date()
        active = sorted({day for day in of_group["day"] if born_day <= day <= last_complete})
        for day, following in zip(active, [*active[1:], None], strict=True):
            dead_since = day + dt.timedelta(days=28)
            if dead_since <= last_complete and (following is None or following > dead_since):
                deaths.add((str(group), dead_since))
    return deaths


def test_killed_ten_times_at_random_the_ingest_loses_and_doubles_nothing(kafka, replayed, database, tmp_path):
    project = Project(tmp_path / "project", kafka, replayed, database, batch_rows=3_000)
    chance = random.Random(20261123)
    reached = []
    for _ in range(KILLS):
        process = project.start_run()
        wait_for_commits(project, chance.randrange(1, 5))
        time.sleep(chance.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        reached.append((project.rows("raw"), project.rows("events")))
    assert reached[-1] != (789_170, 786_137), "every kill must fall into the ingest"
    final = project.run()
    assert final["success"]
    assert_whole(project)
    totals = final["totals"]
    assert (totals["raw"], totals["events"], totals["duplicates"]) == (789_170, 786_137, 3_033)
