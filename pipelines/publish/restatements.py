"""Published figures of complete periods that a staged version changes, with their causes."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, INTERVAL

from pipelines.publish.lateness import Before
from pipelines.publish.staging import NEW, OLD, staged
from schemas.mart_columns import RESTATED, Restated
from schemas.warehouse import restatement

_LATE: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "group_id": sa.Text(), "day": sa.Date(), "events": sa.BigInteger(), "merges": sa.BigInteger()
}  # fmt: skip


def note_restatements(
    connection: sa.Connection,
    table: sa.Table,
    before: Before,
    late: pl.DataFrame,
    *,
    zone: str,
    rules_changed: bool,
    code_changed: bool,
) -> int:
    """Write a row of `restatement` for each figure that differs between the published and the staged rows.

    Called before the differences are applied. A figure's period counts as complete when its last day is no later
    than `before.complete_through`.

    Args:
        connection: In the transaction that publishes.
        table: The table, staged.
        before: The previous version.
        late: `pipelines.publish.lateness.LATENESS`.
        zone: IANA name of the business zone, whose day a time falls on.
        rules_changed: Whether the new version has other settings.
        code_changed: Whether a rebuild changed rows of facts since the previous version.

    Returns:
        The number of figures; 0 for a table without restated figures.
    """
    if (restated := table.info.get(RESTATED)) is None:
        return 0
    changed = _changed(table, restated, before, zone)
    causes = _causes(late.filter(pl.col("bearing") == restated.bearing))
    in_period = changed.c.last_day == causes.c.day
    if restated.bearing == "in_group":
        in_period &= changed.c.group_id == causes.c.group_id
    rows = sa.select(
        sa.literal(before.version + 1),
        sa.cast(table.name, sa.Text),
        changed.c.key,
        changed.c.figure,
        changed.c.period,
        changed.c.before,
        changed.c.after,
        sa.func.coalesce(causes.c.events, 0),
        sa.func.coalesce(causes.c.merges, 0),
        sa.literal(rules_changed),
        sa.literal(code_changed),
    ).join_from(changed, causes, in_period, isouter=True)
    statement = sa.insert(restatement).from_select(restatement.columns.keys(), rows)
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount


def _changed(table: sa.Table, restated: Restated, before: Before, zone: str) -> sa.Subquery:
    """Select the changed figures.

    Columns: `key`, `group_id` if the table has it, `figure`, `period`, `last_day`, `before`, `after`.
    """
    old, new, keys = staged(table, OLD), staged(table, NEW), [column.name for column in table.primary_key]
    same_key = sa.and_(*(old.c[name] == new.c[name] for name in keys))
    either = {column.name: sa.func.coalesce(old.c[column.name], new.c[column.name]) for column in table.columns}
    first, last = _period(table, restated, either, zone)
    key = sa.func.jsonb_build_object(*(part for name in keys for part in (sa.cast(name, sa.Text), either[name])))
    group = [either["group_id"].label("group_id")] if "group_id" in either else []
    # A missing row (null key) counts as 0, as a day without a row had no event.
    published, staged_now = (
        [sa.case((side.c[keys[0]].is_(None), 0), else_=side.c[name]) for name in restated.figures]
        for side in (old, new)
    )
    rows = (
        sa.select(
            sa.cast(key, sa.Text).label("key"),
            first.label("period"),
            last.label("last_day"),
            *group,
            *(value.label(f"before_{number}") for number, value in enumerate(published)),
            *(value.label(f"after_{number}") for number, value in enumerate(staged_now)),
        )
        .select_from(old.outerjoin(new, same_key, full=True))
        # Few rows differ: only these are unpivoted into figures.
        .where(last <= before.complete_through, sa.tuple_(*published).is_distinct_from(sa.tuple_(*staged_now)))
        .subquery("pairs")
    )
    figures = (
        sa.values(
            sa.column("figure", sa.Text), sa.column("before", sa.BigInteger), sa.column("after", sa.BigInteger),
            name="figures",
        )
        .data(
            [
                (sa.cast(name, sa.Text), rows.c[f"before_{number}"], rows.c[f"after_{number}"])
                for number, name in enumerate(restated.figures)
            ]
        )
        .lateral()
    )  # fmt: skip
    differs = figures.c.before.is_distinct_from(figures.c.after)
    return sa.select(rows, figures).select_from(rows.join(figures, differs)).subquery("changed")


def _period(
    table: sa.Table, restated: Restated, either: dict[str, Any], zone: str
) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    """Return the first and last day of a row's period."""
    start = either[restated.start]
    if isinstance(table.c[restated.start].type, sa.DateTime):
        start = sa.cast(sa.func.timezone(zone, start), sa.Date)
    unit = sa.cast(sa.literal("1 ", sa.Text) + (either[restated.unit] if restated.unit else "day"), INTERVAL)
    first = sa.cast(start + either[restated.after] * unit, sa.Date) if restated.after else start
    return first, sa.cast(first + unit, sa.Date) - 1


def _causes(late: pl.DataFrame) -> sa.TableValuedAlias:
    """Return the frame as inline values of the statement, which needs no right to create a table."""
    arrays = [sa.bindparam(None, late[name].to_list(), ARRAY(kind)) for name, kind in _LATE.items()]
    columns = [sa.column(name, kind) for name, kind in _LATE.items()]
    return sa.func.unnest(*arrays).table_valued(*columns, name="causes").render_derived()
