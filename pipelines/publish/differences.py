"""What sets the next version of a warehouse table apart from the published one, from two Delta versions of the lake.

Only months whose files differ are read, where a lake table is partitioned by month; of others only rows that differ
are made into rows of the warehouse, where that takes more than to select columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl
import sqlalchemy as sa

from pipelines.frames import differing
from pipelines.lake import Handle, Lake
from pipelines.lake_damage import LakeDamaged
from pipelines.lake_months import changed_months, in_months
from pipelines.publish.columns import cast_to
from pipelines.publish.rows import rows_of
from pipelines.publish.staging import Difference, State
from schemas.lake import LakeTable
from schemas.mart import made_of, sources_of

_MONTH: Final = "month"
_OF_ALL_MONTHS: Final = frozenset({"dim_currency"})
"""Tables of which one row comes from rows of many months."""
_BY_KEY: Final = {"dim_person": "person_id", "dim_item": "product_id"}
"""Tables of which a row comes from all rows of several lake tables that have the same value in this column."""


def difference(lake: Lake, table: sa.Table, opened: Mapping[str, Handle], published: State) -> Difference | None:
    """Compare the rows that a table is to have with those it is published with.

    Args:
        lake: Holds what the table is made of.
        table: Of `schemas.warehouse.DATA_TABLES`.
        opened: The lake tables it is made of, as they are to be published.
        published: The state in which it is published.

    Returns:
        None where the published rows cannot be read from the lake any more: the table is to be staged as a whole.
    """
    before = _as_published(lake, table, opened, published)
    if before is None:
        return None
    try:
        old, new = _near_what_changed(table, before, opened)
    except (LakeDamaged, FileNotFoundError):
        return None
    return between(table, old, new, published.name)


def is_restored(lake: Lake, table: sa.Table, opened: Mapping[str, Handle], published: State) -> bool:
    """Whether the lake has not got the published version of a table any more, as after a restored backup.

    Its tables may then count on to the same state, with other rows.
    """
    return _as_published(lake, table, opened, published) is None


def _as_published(
    lake: Lake, table: sa.Table, opened: Mapping[str, Handle], published: State
) -> dict[str, Handle] | None:
    """The lake tables as they were when the table was published; None where the lake has not got them any more."""
    found = {}
    for source in sources_of(table):
        now, version = opened[source.name], published.versions.get(source.name)
        if version is None:
            return None
        handle = now if version.files_id == now.files_id else lake.at(now, version.number)
        if handle is None or (handle.id, handle.files_id) != (now.id, version.files_id):
            return None
        found[source.name] = handle
    return found


def between(table: sa.Table, old: pl.DataFrame, new: pl.DataFrame, since: str) -> Difference:
    """Compare rows of a table, all of them or those that can differ, in its columns and types.

    Args:
        table: Of `schemas.warehouse.DATA_TABLES`.
        old: As they are published.
        new: As they are to be.
        since: Name of the state of `old`.
    """
    gone, come = _differing([column.name for column in table.primary_key], old, new)
    return Difference(new=come, old=gone, since=since)


def _differing(key: Sequence[str], old: pl.DataFrame, new: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of each of two frames that the other has not, and those that the new one has twice by their key."""
    gone, come = differing(old, new)
    # What is there twice was not published twice, and is to be found by the audit.
    is_twice = new.select(key).is_duplicated()
    if not is_twice.any():
        return gone, come
    twice = new.filter(is_twice)
    once = old.join(twice, on=key, how="semi")
    return pl.concat([_without(gone, once), once]), pl.concat([_without(come, twice), twice])


def _near_what_changed(
    table: sa.Table, before: Mapping[str, Handle], now: Mapping[str, Handle]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of both that can differ.

    Where one lake table gives them by month they are those of months whose files differ; where they are looked up in
    others of which no row differs, those made of rows that differ; where each comes from what a key has in several
    lake tables, those of keys with rows that differ.
    """
    first, *looked_up = sources_of(table)
    was, given = _scans(before), _scans(now)
    if (key := _BY_KEY.get(table.name)) is not None:
        is_changed = pl.col(key).is_in(_changed_keys(table, key, before, now).implode())
        was, given = ({name: rows.filter(is_changed) for name, rows in scans.items()} for scans in (was, given))
    elif looked_up:
        if all(rows.is_empty() for source in looked_up for rows in _differing_in(table, source, was, given)):
            was[first.name], given[first.name] = (rows.lazy() for rows in _differing_in(table, first, was, given))
    elif _MONTH in first.partition_by and table.name not in _OF_ALL_MONTHS:
        where = in_months(changed_months(before[first.name], now[first.name]))
        was[first.name], given[first.name] = was[first.name].filter(where), given[first.name].filter(where)
    old, new = (
        cast_to(table, rows_of(table, lambda source, rows=rows: rows[source.name])).collect(engine="streaming")
        for rows in (was, given)
    )
    return old, new


def _changed_keys(table: sa.Table, key: str, before: Mapping[str, Handle], now: Mapping[str, Handle]) -> pl.Series:
    """The values of a column whose rows differ in any of the lake tables that a warehouse table is made of."""
    changed = [pl.Series(key, [], pl.String)]
    for source in sources_of(table):
        if before[source.name].files_id == now[source.name].files_id:
            continue
        was, given = _scans(before), _scans(now)
        if _MONTH in source.partition_by:
            where = in_months(changed_months(before[source.name], now[source.name]))
            was[source.name], given[source.name] = was[source.name].filter(where), given[source.name].filter(where)
        changed += [rows[key].unique() for rows in _differing_in(table, source, was, given)]
    return pl.concat(changed).drop_nulls().unique()


def _scans(handles: Mapping[str, Handle]) -> dict[str, pl.LazyFrame]:
    return {name: handle.scan() for name, handle in handles.items()}


def _differing_in(
    table: sa.Table, source: LakeTable, was: Mapping[str, pl.LazyFrame], given: Mapping[str, pl.LazyFrame]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of a lake table that differ, in its key and the columns that a warehouse table is made of."""
    columns = {one.column for sources in made_of(table).values() for one in sources if one.table is source}
    names = sorted({*source.key, *columns})
    old, new = (rows[source.name].select(names).collect(engine="streaming") for rows in (was, given))
    return _differing(source.key, old, new)


def _without(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return rows.join(others, on=rows.columns, how="anti", nulls_equal=True)
