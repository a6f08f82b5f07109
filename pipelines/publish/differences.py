"""The difference between the next and the published version of a warehouse table, from two Delta versions of the lake.

If a lake table is partitioned by month, only months whose files differ are read. Of other tables, only rows that
differ are converted to warehouse rows if that takes more than selecting columns.
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
_OF_ALL_ROWS: Final = frozenset({"dim_currency", "dim_date"})
"""Tables whose rows each come from rows of many months, of any of their lake tables."""
_BY_KEY: Final = {"dim_person": "person_id", "dim_item": "product_id", "excluded_account": "account_id"}
"""Tables whose rows each come from all rows of their lake tables with the same value in this column."""


def difference(lake: Lake, table: sa.Table, opened: Mapping[str, Handle], published: State) -> Difference | None:
    """Compare the next rows of a table with its published rows.

    Args:
        lake: The lake of its source tables.
        table: One of `schemas.warehouse.DATA_TABLES`.
        opened: Its source tables in the versions to publish.
        published: The state in which it is published.

    Returns:
        None if the published rows can no longer be read from the lake: the table must be staged as a whole.
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
    """Whether the lake no longer has the published version of a table, as after a restored backup.

    Its tables may later reach the same version numbers with other rows.
    """
    return _as_published(lake, table, opened, published) is None


def _as_published(
    lake: Lake, table: sa.Table, opened: Mapping[str, Handle], published: State
) -> dict[str, Handle] | None:
    """Open the lake tables as they were when the table was published; None if the lake no longer has them."""
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
        table: One of `schemas.warehouse.DATA_TABLES`.
        old: The published rows.
        new: The next rows.
        since: Name of the state of `old`.
    """
    gone, come = _differing([column.name for column in table.primary_key], old, new)
    return Difference(new=come, old=gone, since=since)


def _differing(key: Sequence[str], old: pl.DataFrame, new: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that only one of two frames has, and the new rows whose key occurs twice."""
    gone, come = differing(old, new)
    # Duplicate keys are kept, so that the audit finds them.
    is_twice = new.select(key).is_duplicated()
    if not is_twice.any():
        return gone, come
    twice = new.filter(is_twice)
    once = old.join(twice, on=key, how="semi")
    return pl.concat([_without(gone, once), once]), pl.concat([_without(come, twice), twice])


def _near_what_changed(
    table: sa.Table, before: Mapping[str, Handle], now: Mapping[str, Handle]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of both versions that can differ; of `_OF_ALL_ROWS`, all rows.

    If one lake table gives them by month: those of months whose files differ. If their look-up tables do not differ:
    those from rows that differ. If each comes from one key's rows in several lake tables: those of keys with rows
    that differ.
    """
    first, *looked_up = sources_of(table)
    was, given = _scans(table, before), _scans(table, now)
    if (key := _BY_KEY.get(table.name)) is not None:
        is_changed = pl.col(key).is_in(_changed_keys(table, key, before, now).implode())
        was, given = ({name: rows.filter(is_changed) for name, rows in scans.items()} for scans in (was, given))
    elif table.name in _OF_ALL_ROWS:
        pass
    elif looked_up:
        if all(rows.is_empty() for source in looked_up for rows in _differing_in(table, source, was, given)):
            was[first.name], given[first.name] = (rows.lazy() for rows in _differing_in(table, first, was, given))
    elif _MONTH in first.partition_by:
        where = in_months(changed_months(before[first.name], now[first.name]))
        was[first.name], given[first.name] = was[first.name].filter(where), given[first.name].filter(where)
    old, new = (
        cast_to(table, rows_of(table, lambda source, rows=rows: rows[source.name])).collect(engine="streaming")
        for rows in (was, given)
    )
    return old, new


def _changed_keys(table: sa.Table, key: str, before: Mapping[str, Handle], now: Mapping[str, Handle]) -> pl.Series:
    """Return the values of a column whose rows differ in any source table of a warehouse table."""
    changed = [pl.Series(key, [], pl.String)]
    for source in sources_of(table):
        if before[source.name].files_id == now[source.name].files_id:
            continue
        was, given = _scans(table, before), _scans(table, now)
        if _MONTH in source.partition_by:
            where = in_months(changed_months(before[source.name], now[source.name]))
            was[source.name], given[source.name] = was[source.name].filter(where), given[source.name].filter(where)
        changed += [rows[key].unique() for rows in _differing_in(table, source, was, given)]
    return pl.concat(changed).drop_nulls().unique()


def _scans(table: sa.Table, handles: Mapping[str, Handle]) -> dict[str, pl.LazyFrame]:
    return {source.name: handles[source.name].scan() for source in sources_of(table)}


def _differing_in(
    table: sa.Table, source: LakeTable, was: Mapping[str, pl.LazyFrame], given: Mapping[str, pl.LazyFrame]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of a lake table that differ in its key or in columns that a warehouse table uses."""
    columns = {one.column for sources in made_of(table).values() for one in sources if one.table is source}
    names = sorted({*source.key, *columns})
    old, new = (rows[source.name].select(names).collect(engine="streaming") for rows in (was, given))
    return _differing(source.key, old, new)


def _without(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return rows.join(others, on=rows.columns, how="anti", nulls_equal=True)
