"""Publishing: one transaction for all tables, touching what differs, never in a reader's way (rows 23 and 24)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import polars as pl
import psycopg
import pytest
import sqlalchemy as sa

from pipelines.publish.errors import NotStaged, PublishError, PublishFailed
from pipelines.publish.staging import Staged
from pipelines.publish.switch import Published
from pipelines.publish.warehouse import Warehouse
from schemas.warehouse import DATA_TABLES, publication
from tests.pipelines.publish.company import (
    COMPANY,
    MONDAY,
    NOON,
    NOTHING_LATE,
    UNGUARDED,
    ZONE,
    day,
    days_later,
    frame,
    frames,
    known,
    load,
    sales,
    table,
)

# Changes a table early in the order of publishing, and one late in it.
CHANGED = {
    "dim_group": [{**COMPANY["dim_group"][0], "name": "new"}, *COMPANY["dim_group"][1:]],
    "retention": [*COMPANY["retention"][:2], {**COMPANY["retention"][2], "cohort_size": 4}],
}
SEEN = (
    "SELECT (SELECT max(version) FROM mart.publication), (SELECT name FROM mart.dim_group WHERE group_id = 'qq:1'),"
    " (SELECT cohort_size FROM mart.retention WHERE period = 2)"
)
BEFORE, AFTER = (1, None, 3), (2, "new", 4)

Publish = Callable[[int], Published]
Stage = Callable[..., dict[str, Staged]]


def connect(database: str, *, autocommit: bool = False) -> psycopg.Connection:
    url = sa.make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    # Whoever is blocked for a second fails instead of waiting.
    return psycopg.connect(url, options="-c lock_timeout=1s -c statement_timeout=300s", autocommit=autocommit)


def seen(connection: psycopg.Connection) -> tuple | None:
    return connection.execute(SEEN).fetchone()


def waiting(database: str, thread: threading.Thread, number: int) -> list[int]:
    """The processes of emberline that wait for a lock, as soon as there are this many or the thread is done."""
    query = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'emberline' AND wait_event_type = 'Lock'"
    )
    with connect(database, autocommit=True) as watcher:
        while len(found := watcher.execute(query).fetchall()) < number and thread.is_alive():
            pass
    return [pid for (pid,) in found]


@contextmanager
def publishing_held_at(
    locked: str, database: str, publish: Publish
) -> Iterator[tuple[psycopg.Connection, list[Published | PublishError], int]]:
    """A publish of batch 2 that waits in the middle, because someone locked a row of `mart` that it changes.

    Yields the connection that holds the row, the list the outcome goes to, and its process in PostgreSQL.
    """
    outcome: list[Published | PublishError] = []
    with connect(database) as holder:
        holder.execute(f"SELECT FROM mart.{locked} FOR UPDATE".encode())
        thread = threading.Thread(target=attempt, args=(publish, 2, outcome))
        thread.start()
        held = waiting(database, thread, 1)
        assert held, outcome
        try:
            yield holder, outcome, held[0]
        finally:
            holder.rollback()
            thread.join(timeout=300)


def attempt(publish: Publish, events_batch: int, outcome: list[Published | PublishError]) -> None:
    try:
        outcome.append(publish(events_batch))
    except PublishError as error:
        outcome.append(error)


def publishing_stopped_half_way(
    database: str, publish: Publish
) -> AbstractContextManager[tuple[psycopg.Connection, list[Published | PublishError], int]]:
    """Held after dim_group was changed, before retention is."""
    return publishing_held_at("retention WHERE period = 2", database, publish)


def test_a_first_publish_is_version_1_and_holds_what_was_staged(
    warehouse: Warehouse, stage: Stage, publish: Publish
) -> None:
    staged = {name: one.rows for name, one in stage().items()}
    assert publish(7) == Published(1, staged, is_new=True)
    for name, expected in frames().items():
        assert warehouse.read(table(name)).sort(pl.all()).equals(expected.sort(pl.all()))


def test_publication_says_what_the_version_is_made_of(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    staged = {name: one.rows for name, one in stage().items()}
    publish(7)
    assert warehouse.read(publication).rows(named=True) == [
        {
            "version": 1, "published_at": NOON, "events_batch": 7, "lake_state": 7, "complete_through": MONDAY,
            "zone": ZONE, "is_synthetic": True, "rules": 0, "rebuilds": 0, "rows_changed": sum(staged.values()),
        }
    ]  # fmt: skip


def test_unchanged_data_publishes_nothing(warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    stage()
    publish(7)
    stage()
    assert publish(7) == Published(1, dict.fromkeys(frames(), 0), is_new=False)
    assert warehouse.read(publication).height == 1


def test_a_newer_batch_is_a_new_version_even_if_no_row_differs(stage: Stage, publish: Publish) -> None:
    stage()
    publish(7)
    assert publish(8) == Published(2, dict.fromkeys(frames(), 0), is_new=True)


def test_only_rows_that_differ_are_touched(database: str, warehouse: Warehouse, stage: Stage, publish: Publish) -> None:
    kept, changed, _gone = COMPANY["group_day"]
    written = "SELECT group_id, day, xmin::text FROM mart.group_day WHERE group_id = 'qq:1' AND day = %s"
    stage()
    publish(1)
    with connect(database, autocommit=True) as reader:
        before = reader.execute(written, [MONDAY]).fetchone()
        stage(group_day=[kept, changed | {"messages": 9}, day("qq:2", days_later(5), 1)])
        assert publish(2).rows_changed["group_day"] == 3
        assert reader.execute(written, [MONDAY]).fetchone() == before
    assert warehouse.read(table("group_day")).sort("group_id", "day")["messages"].to_list() == [5, 9, 1]


@pytest.mark.parametrize(("before", "after"), [(None, "name"), ("name", None), ("name", "other")])
def test_a_value_that_becomes_null_or_ceases_to_be_is_a_difference(
    warehouse: Warehouse, stage: Stage, publish: Publish, before: str | None, after: str | None
) -> None:
    stage(dim_group=[{"group_id": "qq:1", "carrier": "qq", "name": before}])
    publish(1)
    stage(dim_group=[{"group_id": "qq:1", "carrier": "qq", "name": after}])
    assert publish(2).rows_changed["dim_group"] == 1
    assert warehouse.read(table("dim_group"))["name"].to_list() == [after]


def test_a_reader_in_mid_publish_sees_the_version_before_and_does_not_wait(
    database: str, stage: Stage, publish: Publish
) -> None:
    stage()
    publish(1)
    stage(**CHANGED)
    with publishing_stopped_half_way(database, publish), connect(database) as reader:
        assert seen(reader) == BEFORE


def test_a_reader_keeps_its_version_while_a_new_one_sees_the_new(database: str, stage: Stage, publish: Publish) -> None:
    stage()
    publish(1)
    stage(**CHANGED)
    with connect(database) as early:
        early.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        assert seen(early) == BEFORE
        assert publish(2).is_new
        with connect(database) as late:
            assert (seen(early), seen(late)) == (BEFORE, AFTER)


def test_tables_read_together_are_of_one_version(
    database: str, warehouse: Warehouse, stage: Stage, publish: Publish
) -> None:
    stage()
    publish(1)
    stage(**CHANGED)
    held = sa.select(sa.cast(sa.func.pg_advisory_xact_lock_shared(1, 2), sa.Text).label("nothing"))
    read: list[tuple] = []
    reader = threading.Thread(
        target=lambda: read.append(warehouse.read_together(table("dim_group"), held, table("retention")))
    )
    with connect(database, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(1, 2)")
        reader.start()
        waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND (classid, objid) = (1, 2) AND NOT granted"
        while holder.execute(waiting).fetchone() is None:
            assert reader.is_alive()
        publish(2)
    reader.join()
    groups, _, retention = read[0]
    assert (set(groups["name"]), set(retention["cohort_size"])) == ({None}, {3})


def test_a_publish_whose_connection_is_killed_leaves_the_version_before(
    database: str, stage: Stage, publish: Publish
) -> None:
    stage()
    publish(1)
    stage(**CHANGED)
    with publishing_stopped_half_way(database, publish) as (holder, outcome, process):
        holder.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    assert isinstance(outcome[0], PublishFailed)
    with connect(database) as reader:
        assert seen(reader) == BEFORE


def test_a_killed_publish_can_be_repeated(database: str, stage: Stage, publish: Publish) -> None:
    stage()
    publish(1)
    stage(**CHANGED)
    with publishing_stopped_half_way(database, publish) as (holder, _, process):
        holder.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    assert publish(2).version == 2
    with connect(database) as reader:
        assert seen(reader) == AFTER


def test_a_refused_row_rolls_all_tables_back(database: str, stage: Stage, publish: Publish) -> None:
    stage()
    publish(1)
    stage(**CHANGED | {"group_sales": [*COMPANY["group_sales"], sales("qq:2", 1, 0, 1), sales("qq:2", 1, 0, 1)]})
    with pytest.raises(PublishFailed, match="pk_group_sales"):
        publish(2)
    with connect(database) as reader:
        assert seen(reader) == BEFORE


def test_two_publishes_at_once_make_two_versions(database: str, stage: Stage, publish: Publish) -> None:
    stage()
    publish(1)
    # A row that both would insert.
    stage(**CHANGED | {"dim_group": [*COMPANY["dim_group"], {"group_id": "qq:3", "carrier": "qq"}]})
    with publishing_stopped_half_way(database, publish) as (holder, outcome, _):
        other = threading.Thread(target=attempt, args=(publish, 3, outcome))
        other.start()
        waiting(database, other, 2)
        holder.rollback()
        other.join(timeout=300)
    assert [published.version for published in outcome if isinstance(published, Published)] == [2, 3]


def test_rows_staged_in_mid_publish_are_not_published(
    database: str, warehouse: Warehouse, stage: Stage, publish: Publish
) -> None:
    stage()
    publish(1)
    stage(**CHANGED)
    with publishing_held_at("dim_group WHERE group_id = 'qq:1'", database, publish) as (holder, outcome, _):
        again = threading.Thread(target=lambda: warehouse.stage(table("retention"), frame("retention", [])))
        again.start()
        waiting(database, again, 2)
        holder.rollback()
        again.join(timeout=300)
    assert isinstance(outcome[0], Published)
    assert outcome[0].rows_changed["retention"] == 1


def test_nothing_is_published_of_a_table_that_was_not_staged(empty_warehouse: Warehouse) -> None:
    empty_warehouse.stage(table("dim_group"), frame("dim_group", COMPANY["dim_group"]))
    with pytest.raises(NotStaged, match="group_day"):
        empty_warehouse.publish(DATA_TABLES, known=known(1), late=NOTHING_LATE, guard=UNGUARDED, now=NOON)
    assert empty_warehouse.read(table("dim_group")).is_empty()


def test_a_publish_needs_an_aware_clock(warehouse: Warehouse, stage: Stage) -> None:
    stage()
    with pytest.raises(ValueError, match="time zone"):
        warehouse.publish(
            DATA_TABLES, known=known(1), late=NOTHING_LATE, guard=UNGUARDED, now=NOON.replace(tzinfo=None)
        )


def test_a_first_publication_into_vacuumed_tables_reads_no_row_that_it_adds(
    warehouse: Warehouse, publish: Publish, database: str
) -> None:
    n_rows = 3_000
    load(warehouse, {"group_day": frame("group_day", [day(f"qq:{n}", MONDAY, 1) for n in range(n_rows)])})
    with connect(database, autocommit=True) as other:
        # As autovacuum does after a publication that was killed.
        other.execute("VACUUM mart.group_day")
        assert publish(1).rows_changed["group_day"] == n_rows
        pages = "SELECT heap_blks_hit + heap_blks_read FROM pg_statio_user_tables WHERE relname = 'group_day'"
        while (found := other.execute(pages).fetchone()) in {None, (0,)}:
            other.execute("SELECT pg_stat_clear_snapshot()")
    assert found is not None
    assert found[0] < 3 * n_rows
