"""The difference between the next and the published version of a warehouse table, from two versions of the lake.

Only rows of the lake that differ, or that share a key with one, are turned into rows of the warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl
import sqlalchemy as sa

from pipelines.frames import Changed, with_values
from pipelines.lake import Handle, Lake
from pipelines.lake_damage import LakeDamaged
from pipelines.publish.columns import cast_to
from pipelines.publish.rows import rows_of
from pipelines.publish.staging import Difference, State
from pipelines.refresh.versions import changed_between
from schemas.lake import LakeTable
from schemas.mart import made_of, sources_of

_OF_ALL_ROWS: Final = frozenset({"dim_carrier", "dim_currency", "dim_date", "dim_purpose", "exclusion"})
"""Tables whose rows each come from any rows of their lake tables."""
_BY_KEY: Final[dict[str, tuple[str, ...]]] = {
    "dim_item": ("product_id",),
    "dim_person": ("person_id",),
    "excluded_account": ("account_id",),
    "group_hour": ("group_id", "month"),
}
"""Tables whose rows each come from all rows of their lake tables with the same values in these columns.

A row of any other table comes from one row of its first lake table, and from any of the others."""


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
        rows = _near_what_changed(lake, table, before, opened)
    except (LakeDamaged, FileNotFoundError):
        return None
    return None if rows is None else between(table, *rows, published.name)


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
    changed = Changed.between([column.name for column in table.primary_key], old, new)
    return Difference(new=changed.come, old=changed.gone, since=since)


def _near_what_changed(
    lake: Lake, table: sa.Table, before: Mapping[str, Handle], now: Mapping[str, Handle]
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Return the rows of both versions that can differ; None if a file of the earlier version is missing."""
    scans = [{source.name: handles[source.name].scan() for source in sources_of(table)} for handles in (before, now)]
    if table.name not in _OF_ALL_ROWS:
        changed = {source: _changed(lake, table, source, before, now) for source in sources_of(table)}
        found = {source: one for source, one in changed.items() if one is not None}
        if len(found) < len(changed):
            return None
        first, *looked_up = found
        if (key := _BY_KEY.get(table.name)) is not None:
            keys = pl.concat([one.rows.select(key) for one in found.values()]).drop_nulls().unique()
            scans = [{name: with_values(rows, keys) for name, rows in one.items()} for one in scans]
        elif all(found[source].is_empty for source in looked_up):
            for one, rows in zip(scans, (found[first].gone, found[first].come), strict=True):
                one[first.name] = rows.lazy()
    old, new = (
        cast_to(table, rows_of(table, lambda source, rows=rows: rows[source.name])).collect(engine="streaming")
        for rows in scans
    )
    return old, new


def _changed(
    lake: Lake, table: sa.Table, source: LakeTable, before: Mapping[str, Handle], now: Mapping[str, Handle]
) -> Changed | None:
    """Return the rows of a lake table that differ in its key or in columns that a warehouse table uses."""
    columns = {one.column for sources in made_of(table).values() for one in sources if one.table is source}
    key = _BY_KEY.get(table.name, ())
    return changed_between(lake, before[source.name], now[source.name], sorted({*source.key, *columns, *key}))
