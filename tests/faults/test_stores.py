"""The store is the fault: full, gone in mid publish, or tidied up while it is written."""

from __future__ import annotations

import random
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy as sa
from deltalake import DeltaTable

from emberline.embedded import EmbeddedPostgres, StateFolder
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Lake, LakeUnavailable
from pipelines.publish.errors import PublishError, PublishFailed
from pipelines.publish.switch import Published
from pipelines.publish.warehouse import Warehouse
from schemas.lake import RAW
from schemas.warehouse import DATA_TABLES
from tests.faults.invariant import QUICK, assert_each_record_once, in_raw
from tests.faults.small_disk import SmallDisk, small_disk_in
from tests.pipelines.publish.company import COMPANY, NOON, NOTHING_LATE, UNGUARDED, frames, known, load

THREE_ROWS = BatchLimits(rows=3, seconds=300, stall_seconds=300)

MakeTopic = Callable[..., str]
Send = Callable[..., None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk_in(tmp_path, kilobytes=256) as disk:
        yield disk


def test_fault_23_the_disk_is_full(connection: KafkaConnection, topic: MakeTopic, send: Send, small_disk: SmallDisk):
    lake, name = Lake(str(small_disk.folder / "lake")), topic()
    send(name, *[f"value {number}".encode() for number in range(3)])
    ingest_raw(connection, lake, [name], QUICK)
    before = in_raw(lake)
    chance = random.Random(7)  # random bytes do not compress away
    send(name, *[chance.randbytes(20_000) for _ in range(30)])
    with pytest.raises(LakeUnavailable, match=r"raw[\s\S]*No space left"):
        ingest_raw(connection, lake, [name], QUICK)
    assert in_raw(lake) == before
    small_disk.resize(kilobytes=16_384)
    ingest_raw(connection, lake, [name], QUICK)
    assert_each_record_once(connection, lake, name)


def test_fault_23_an_object_store_does_not_answer():
    options = {"endpoint_url": "http://127.0.0.1:1", "allow_http": "true", "region": "x", "max_retries": "0"}
    credentials = {"access_key_id": "a", "secret_access_key": "hush-hush"}
    lake = Lake("s3://bucket/lake", options | credentials)
    with pytest.raises(LakeUnavailable, match="s3://bucket/lake/raw") as caught:
        lake.open(RAW)
    assert "hush-hush" not in str(caught.value)


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own, which it may stop."""
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    state = StateFolder(Path(tempfile.mkdtemp(prefix="emberline-tests-")))
    server = EmbeddedPostgres(state)
    try:
        yield server
    finally:
        server.stop()
        state.destroy()


RENAMED = {"dim_group": [{**COMPANY["dim_group"][0], "name": "new"}, *COMPANY["dim_group"][1:]]}


def stage(warehouse: Warehouse, **replaced: list[dict[str, object]]) -> None:
    load(warehouse, frames(**replaced))


def publish(warehouse: Warehouse, batch: int) -> Published:
    return warehouse.publish(DATA_TABLES, known=known(batch), late=NOTHING_LATE, guard=UNGUARDED, now=NOON)


def seen(url: str) -> tuple[object, ...]:
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        found = "SELECT (SELECT max(version) FROM mart.publication), (SELECT max(name) FROM mart.dim_group)"
        return tuple(connection.execute(sa.text(found)).one())


def waiting_for_a_lock(connection: psycopg.Connection, thread: threading.Thread) -> int:
    """The process of the publish, once it waits."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'emberline' AND wait_event_type = 'Lock'"
    while (found := connection.execute(query).fetchone()) is None:
        assert thread.is_alive()
        # A transaction sees the activity as of its first look.
        connection.execute("SELECT pg_stat_clear_snapshot()")
    return found[0]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_fault_23_postgresql_goes_down_in_mid_publish(server: EmbeddedPostgres, stop: signal.Signals):
    url = server.start()
    warehouse = Warehouse(url)
    warehouse.prepare()
    stage(warehouse)
    publish(warehouse, 1)
    stage(warehouse, **RENAMED)
    outcome: list[Published | PublishError] = []

    def attempt() -> None:
        try:
            outcome.append(publish(warehouse, 2))
        except PublishError as error:
            outcome.append(error)

    thread = threading.Thread(target=attempt)
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    holder = psycopg.connect(plain)
    # The version's row is written last: all tables have changed by then.
    holder.execute("LOCK TABLE mart.publication IN EXCLUSIVE MODE")
    thread.start()
    backend = waiting_for_a_lock(holder, thread)
    postmaster = psutil.Process(backend).parent()
    assert postmaster is not None
    postmaster.send_signal(stop)
    thread.join(timeout=300)
    psutil.wait_procs([postmaster], timeout=300)
    assert isinstance(outcome[0], PublishFailed)
    url = server.start()
    assert seen(url) == (1, None)
    assert publish(Warehouse(url), 2).version == 2
    assert seen(url) == (2, "new")


def test_fault_25_compaction_and_vacuum_during_ingest_lose_nothing(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic(partitions=2)
    for partition in (0, 1):
        send(name, *[f"value {number}".encode() for number in range(60)], partition=partition)
    done, compacted = threading.Event(), threading.Event()

    def tidy() -> None:
        while not done.is_set():
            table = DeltaTable(lake.table_uri(RAW))
            if table.optimize.compact()["numFilesRemoved"]:
                compacted.set()
            table.vacuum(dry_run=False)
            table.create_checkpoint()

    def wait_for_compaction(passed: int, _todo: int) -> None:
        """Hold the ingest up in mid way until the first files are compacted away."""
        if passed >= 30:
            compacted.wait(300)

    lake.open(RAW)
    tidying = threading.Thread(target=tidy)
    tidying.start()
    try:
        ingest_raw(connection, lake, [name], THREE_ROWS, wait_for_compaction)
    finally:
        done.set()
        tidying.join()
    assert compacted.is_set()
    assert_each_record_once(connection, lake, name)


def test_fault_25_positions_survive_the_removal_of_the_log_they_were_written_to(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *[f"value {number}".encode() for number in range(12)])
    ingest_raw(connection, lake, [name], THREE_ROWS)
    table = DeltaTable(lake.table_uri(RAW))
    table.optimize.compact()
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 days"})
    table.create_checkpoint()
    table.cleanup_metadata()
    log = Path(lake.table_uri(RAW)) / "_delta_log"
    assert not (log / f"{1:020}.json").exists()
    assert len(list(Path(lake.table_uri(RAW)).glob("*.parquet"))) == 1
    assert ingest_raw(connection, lake, [name], THREE_ROWS).rows == 0
    send(name, b"behind them")
    assert ingest_raw(connection, lake, [name], THREE_ROWS).rows == 1
    assert_each_record_once(connection, lake, name)
