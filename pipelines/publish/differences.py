"""What sets the next version of a warehouse table apart from the published one, from two Delta versions of the lake.

Only months whose files differ are read, where a lake table is partitioned by month.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl
import sqlalchemy as sa

from pipelines.lake import Handle, Lake
from pipelines.lake_damage import LakeDamaged
from pipelines.lake_months import changed_months, in_months
from pipelines.publish.columns import cast_to
from pipelines.publish.rows import rows_of
from pipelines.publish.staging import Difference, State
from schemas.mart import sources_of

_MONTH: Final = "month"
_OF_ALL_MONTHS: Final = frozenset({"dim_currency"})
"""Tables of which one row comes from rows of many months."""


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
    key = [column.name for column in table.primary_key]
    # What is there twice was not published twice, and is to be found by the audit.
    twice = new.filter(pl.struct(key).is_duplicated())
    once = old.join(twice, on=key, how="semi")
    return Difference(
        new=pl.concat([_without(_without(new, old), twice), twice]),
        old=pl.concat([_without(_without(old, new), once), once]),
        since=since,
    )


def _near_what_changed(
    table: sa.Table, before: Mapping[str, Handle], now: Mapping[str, Handle]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of both that can differ: where one lake table gives them by month, those of months whose files do."""
    first, *looked_up = sources_of(table)
    by_month = not looked_up and table.name not in _OF_ALL_MONTHS and _MONTH in first.partition_by
    where = in_months(changed_months(before[first.name], now[first.name])) if by_month else pl.lit(value=True)

    def rows(handles: Mapping[str, Handle]) -> pl.DataFrame:
        scans = {source.name: handles[source.name].scan() for source in (first, *looked_up)}
        scans[first.name] = scans[first.name].filter(where)
        return cast_to(table, rows_of(table, lambda source: scans[source.name])).collect(engine="streaming")

    return rows(before), rows(now)


def _without(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return rows.join(others, on=rows.columns, how="anti", nulls_equal=True)
