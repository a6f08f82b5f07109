"""What is committed stays, and a writer that did not see the newest commit of its app id writes nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from pipelines.lake import Lake, LakeConflict, LakeSchemaMismatch
from schemas.lake import EVENTS, GROUP_DAY, IDENTITY, ITEMS, TABLES, LakeTable

MARCH, APRIL, MAY = (dt.date(2025, month, 1) for month in (3, 4, 5))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "new" / "lake"))


def people(*names: str, batch: int = 1) -> pl.DataFrame:
    return pl.DataFrame([(name, name, batch) for name in names], schema=IDENTITY.schema, orient="row")


def days(*rows: tuple[str, dt.date]) -> pl.DataFrame:
    cells = [{"group_id": name, "day": day, "month": day.replace(day=1)} for name, day in rows]
    return pl.DataFrame(cells, schema=GROUP_DAY.schema)


def opened_at_once(lake: Lake, table: LakeTable) -> None:
    """Open a table in four threads; none fails."""
    together = threading.Barrier(4)
    failures: list[BaseException] = []

    def open_it() -> None:
        try:
            together.wait()
            Lake(lake.uri).open(table)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def names(lake: Lake) -> list[str]:
    return lake.open(IDENTITY).scan().collect()["account_id"].sort().to_list()


def group_days(lake: Lake) -> list[tuple[str, dt.date]]:
    return sorted(lake.open(GROUP_DAY).scan().select("group_id", "day").collect().rows())


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_empty_table_has_the_columns_of_its_contract(lake: Lake, table: LakeTable):
    assert lake.open(table).scan().collect().schema == table.schema


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_rows_come_back_with_the_types_they_had(lake: Lake, table: LakeTable):
    row = pl.DataFrame({name: [table.before.get(name)] for name in table.columns}, schema=table.schema)
    lake.append(lake.open(table), row, {})
    assert lake.open(table).scan().collect().equals(row, null_equal=True)


def test_a_table_emptied_again_has_its_columns(lake: Lake):
    lake.append(lake.open(IDENTITY), people("ann"), {})
    lake.replace(lake.open(IDENTITY), people(), {})
    assert lake.open(IDENTITY).scan().collect().equals(people())


def test_a_position_never_written_is_none(lake: Lake):
    assert lake.open(IDENTITY).position("reader") is None


def test_rows_and_positions_are_one_commit(lake: Lake):
    handle = lake.open(IDENTITY)
    lake.append(handle, people("ann"), {"reader": 5, "other": 2**40})
    for seen in (handle, lake.open(IDENTITY)):
        assert (seen.version, seen.position("reader"), seen.position("other")) == (1, 5, 2**40)


def test_a_handle_goes_on_from_its_own_commit(lake: Lake):
    handle = lake.open(IDENTITY)
    lake.append(handle, people("ann"), {"reader": 1})
    lake.append(handle, people("bob"), {"reader": 2})
    assert names(lake) == ["ann", "bob"]


def test_positions_move_without_rows(lake: Lake):
    lake.append(lake.open(IDENTITY), people(), {"reader": 7})
    assert lake.open(IDENTITY).position("reader") == 7


def test_a_stale_handle_of_the_same_app_id_is_refused_and_writes_nothing(lake: Lake):
    stale, fresh = lake.open(IDENTITY), lake.open(IDENTITY)
    lake.append(fresh, people("ann"), {"reader": 1})
    with pytest.raises(LakeConflict, match="identity"):
        lake.append(stale, people("ann"), {"reader": 1})
    assert names(lake) == ["ann"]


def test_a_stale_handle_is_refused_also_where_it_shares_one_of_many_app_ids(lake: Lake):
    stale, fresh = lake.open(IDENTITY), lake.open(IDENTITY)
    lake.append(fresh, people("ann"), {"one": 1, "two": 1})
    with pytest.raises(LakeConflict):
        lake.append(stale, people("bob"), {"two": 9, "three": 1})
    assert lake.open(IDENTITY).position("three") is None


def test_a_stale_handle_is_refused_also_where_its_app_ids_are_its_own(lake: Lake):
    one, other = lake.open(IDENTITY), lake.open(IDENTITY)
    lake.append(one, people("ann"), {"one": 1})
    with pytest.raises(LakeConflict):
        lake.append(other, people("bob"), {"other": 1})
    assert names(lake) == ["ann"]


def test_every_write_moves_the_content_by_one(lake: Lake):
    handle = lake.open(IDENTITY)
    lake.append(handle, people("ann"), {})
    lake.replace(handle, people("bob"), {})
    lake.append(handle, people(), {"reader": 1})
    assert (handle.content, lake.open(IDENTITY).content) == (3, 3)


def test_a_compaction_moves_neither_content_nor_positions(lake: Lake):
    handle = lake.open(IDENTITY)
    lake.append(handle, people("ann"), {"reader": 1})
    lake.append(handle, people("bob"), {"reader": 2})
    lake.open(IDENTITY).to_write().optimize.compact()
    opened = lake.open(IDENTITY)
    assert (opened.version, opened.content, opened.position("reader")) == (3, 2, 2)


def test_a_replacement_that_did_not_see_a_compaction_is_refused(lake: Lake):
    handle = lake.open(IDENTITY)
    lake.append(handle, people("ann"), {})
    lake.append(handle, people("bob"), {})
    lake.open(IDENTITY).to_write().optimize.compact()
    with pytest.raises(LakeConflict):
        lake.replace(handle, people("cem"), {})
    assert names(lake) == ["ann", "bob"]


def test_an_append_that_did_not_see_a_compaction_lands(lake: Lake):
    handle = lake.open(IDENTITY)
    lake.append(handle, people("ann"), {})
    lake.append(handle, people("bob"), {})
    lake.open(IDENTITY).to_write().optimize.compact()
    lake.append(handle, people("cem"), {"reader": 1})
    assert (names(lake), lake.open(IDENTITY).position("reader")) == (["ann", "bob", "cem"], 1)


def test_a_stale_handle_replaces_nothing(lake: Lake):
    stale = lake.open(IDENTITY)
    lake.append(lake.open(IDENTITY), people("ann"), {"reader": 1})
    with pytest.raises(LakeConflict):
        lake.replace(stale, people("bob"), {"reader": 1})
    assert names(lake) == ["ann"]


def test_a_reader_keeps_the_version_it_opened(lake: Lake):
    lake.append(lake.open(IDENTITY), people("ann"), {})
    reader = lake.open(IDENTITY)
    lake.replace(lake.open(IDENTITY), people("bob"), {})
    assert reader.scan().collect()["account_id"].to_list() == ["ann"]


def test_positions_outlive_checkpoints_and_opening_again(lake: Lake):
    handle = lake.open(IDENTITY)
    lake.append(handle, people(), {"once": 42})
    for commit in range(45):
        lake.append(handle, people(), {"reader": commit})
    log = Path(lake.table_uri(IDENTITY)) / "_delta_log"
    assert len(list(log.glob("*.checkpoint.parquet"))) == 2
    for entry in log.glob("*.json"):
        if int(entry.stem) < 40:
            entry.unlink()
    opened = Lake(lake.uri).open(IDENTITY)
    assert (opened.position("once"), opened.position("reader")) == (42, 44)


def test_replacing_leaves_only_the_new_rows(lake: Lake):
    lake.append(lake.open(IDENTITY), people("ann", "bob"), {})
    lake.replace(lake.open(IDENTITY), people("cem"), {"reader": 1})
    assert (names(lake), lake.open(IDENTITY).position("reader")) == (["cem"], 1)


def test_replacing_months_touches_those_months_only(lake: Lake):
    lake.append(lake.open(GROUP_DAY), days(("a", MARCH), ("b", APRIL), ("c", MAY)), {})
    before = set(lake.open(GROUP_DAY).delta.file_uris())
    fresh = days(("d", APRIL), ("e", MAY))
    lake.replace_months(lake.open(GROUP_DAY), fresh, pl.Series([APRIL, MAY, MAY]), {"reader": 1})
    assert group_days(lake) == [("a", MARCH), ("d", APRIL), ("e", MAY)]
    [kept] = before & set(lake.open(GROUP_DAY).delta.file_uris())
    assert "month=2025-03-01" in kept


def test_months_replaced_part_by_part_are_one_commit(lake: Lake):
    handle = lake.open(GROUP_DAY)
    lake.append(handle, days(("a", MARCH), ("b", APRIL), ("c", MAY)), {})
    parts = (days((name, month)) for name, month in (("d", MARCH), ("e", APRIL)))
    lake.replace_months_by_parts(handle, parts, [MARCH, APRIL], {"done": 7})
    assert group_days(lake) == [("c", MAY), ("d", MARCH), ("e", APRIL)]
    assert (handle.version, handle.position("done")) == (lake.open(GROUP_DAY).version, 7)
    assert handle.content == 2


def test_what_making_a_part_raises_is_raised_and_nothing_is_written(lake: Lake):
    class Unmade(BaseException):
        """As what Polars panics with, no `Exception`."""

    def parts() -> Iterator[pl.DataFrame]:
        yield days(("d", MARCH))
        raise Unmade

    handle = lake.open(GROUP_DAY)
    lake.append(handle, days(("a", MARCH)), {})
    with pytest.raises(Unmade):
        lake.replace_months_by_parts(handle, parts(), [MARCH], {"done": 7})
    assert group_days(lake) == [("a", MARCH)]
    assert lake.open(GROUP_DAY).position("done") is None


def test_a_month_replaced_by_nothing_is_empty(lake: Lake):
    lake.append(lake.open(GROUP_DAY), days(("a", MARCH), ("b", APRIL)), {})
    lake.replace_months(lake.open(GROUP_DAY), days(), pl.Series([APRIL]), {})
    assert group_days(lake) == [("a", MARCH)]


def test_replacing_no_month_moves_positions_and_no_row(lake: Lake):
    lake.append(lake.open(GROUP_DAY), days(("a", MARCH)), {})
    lake.replace_months(lake.open(GROUP_DAY), days(), pl.Series([], dtype=pl.Date), {"reader": 3})
    assert (group_days(lake), lake.open(GROUP_DAY).position("reader")) == ([("a", MARCH)], 3)


@pytest.mark.parametrize("months", [[APRIL], []], ids=["other months", "no months"])
def test_a_row_outside_the_months_is_refused_and_nothing_written(lake: Lake, months: list[dt.date]):
    lake.append(lake.open(GROUP_DAY), days(("a", MARCH)), {})
    with pytest.raises(ValueError, match=r"group_day .* 2025-05-01"):
        lake.replace_months(lake.open(GROUP_DAY), days(("x", MAY)), pl.Series(months, dtype=pl.Date), {})
    assert group_days(lake) == [("a", MARCH)]


def test_columns_in_another_order_are_put_right(lake: Lake):
    lake.append(lake.open(IDENTITY), people("ann").select("batch", "person_id", "account_id"), {})
    assert lake.open(IDENTITY).scan().collect().equals(people("ann"))


def test_rows_of_a_wrong_type_are_refused_by_column(lake: Lake):
    wrong = people("ann").with_columns(pl.col("batch").cast(pl.Int32))
    with pytest.raises(LakeSchemaMismatch, match="batch: Int32, not Int64"):
        lake.append(lake.open(IDENTITY), wrong, {})


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"batch": pl.Int64(), "person_id": pl.String()}, "account_id"),
        ({**IDENTITY.columns, "since": pl.Date()}, "since"),
        ({**IDENTITY.columns, "batch": pl.String()}, "batch"),
    ],
    ids=["a column of the key too few", "a column too many", "a column of another type"],
)
def test_a_table_of_another_version_is_refused_by_column(lake: Lake, columns: dict[str, pl.DataType], named: str):
    lake.open(dataclasses.replace(IDENTITY, columns=columns, key=()))
    with pytest.raises(LakeSchemaMismatch, match=rf"identity .* in: {named}"):
        lake.open(IDENTITY)


OLD_EVENTS = dataclasses.replace(
    EVENTS,
    columns={name: dtype for name, dtype in EVENTS.columns.items() if name not in {"position", "items"}},
    sort_by=(),
)


def old_event(event_id: str) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in OLD_EVENTS.columns.items() if name != "event_id"]
    return pl.DataFrame({"event_id": [event_id]}).with_columns(missing).with_columns(month=pl.date(2025, 3, 1))


def test_a_table_from_before_a_column_was_there_gets_it_and_keeps_its_rows_and_positions(lake: Lake):
    lake.append(lake.open(OLD_EVENTS), old_event("old").select(OLD_EVENTS.schema.names()), {"reader": 3})
    before = lake.open(OLD_EVENTS)
    found = lake.open(EVENTS)
    assert found.scan().select("event_id", "position", "items").collect().rows() == [("old", 0, None)]
    assert (found.content, found.position("reader")) == (before.content, 3)
    new = old_event("new").with_columns(position=pl.lit(1, pl.Int32), items=pl.lit(None, ITEMS))
    lake.append(found, new.select(EVENTS.schema.names()), {"reader": 4})
    rows = lake.open(EVENTS).scan().select("event_id", "position").sort("event_id").collect().rows()
    assert rows == [("new", 1), ("old", 0)]


def test_a_version_from_before_a_column_was_there_can_be_read(lake: Lake):
    lake.append(lake.open(OLD_EVENTS), old_event("old").select(OLD_EVENTS.schema.names()), {})
    then = lake.open(OLD_EVENTS).version
    before = lake.at(lake.open(EVENTS), then)
    assert before is not None
    assert before.scan().select("event_id", "position").collect().rows() == [("old", 0)]


def test_a_writer_from_before_a_column_was_there_writes_no_more(lake: Lake):
    stale = lake.open(OLD_EVENTS)
    lake.open(EVENTS)
    with pytest.raises(LakeConflict):
        lake.append(stale, old_event("late").select(OLD_EVENTS.schema.names()), {})
    with pytest.raises(LakeSchemaMismatch, match="position"):
        lake.open(OLD_EVENTS)


def test_columns_that_several_add_at_once_are_added_once(lake: Lake):
    lake.open(OLD_EVENTS)
    opened_at_once(lake, EVENTS)
    assert lake.open(EVENTS).version == 1


def test_two_that_open_a_new_table_at_once_both_get_it(lake: Lake):
    opened_at_once(lake, IDENTITY)


def test_any_reader_of_delta_opens_a_table(lake: Lake):
    lake.append(lake.open(IDENTITY), people("ann"), {})
    assert pl.read_delta(lake.table_uri(IDENTITY)).height == 1
    assert DeltaTable(lake.table_uri(IDENTITY)).version() == 1


def test_credentials_of_the_store_are_not_shown():
    assert "secret" not in repr(Lake("s3://bucket", {"aws_secret_access_key": "secret"}))
