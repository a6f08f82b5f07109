"""The schema `staging`: whole new versions of tables, without constraints, before anyone vouches for them."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa
from adbc_driver_postgresql import dbapi as adbc
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable, DropTable, SetTableComment

from schemas.warehouse import STAGING


def staged(table: sa.Table) -> sa.Table:
    """The table's twin in the schema `staging`: same columns and types, no constraint.

    Nothing is enforced there, so that bad rows arrive, are counted and can be looked at. It is logged:
    an unlogged table is empty after a crash, and publishing that would empty `mart`.
    """
    columns = (sa.Column(column.name, column.type) for column in table.columns)
    return sa.Table(table.name, sa.MetaData(schema=STAGING), *columns)


def load(connection: adbc.Connection, table: sa.Table, frame: pl.DataFrame, state: str | None) -> None:
    """Replace the staging version of a table in one transaction; two that do it at once wait for each other.

    Args:
        connection: For bulk loads.
        table: Of `mart`.
        frame: Its rows.
        state: Names these rows, see `staged_states`; none: they have no name.
    """
    twin, dialect = staged(table), postgresql.dialect()
    twin.comment = state
    statements = (
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"emberline stage {table.name}"))),
        DropTable(twin, if_exists=True),
        CreateTable(twin),
        *([] if state is None else [SetTableComment(twin)]),
    )
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})))
        cursor.adbc_ingest(twin.name, frame.to_arrow(), mode="append", db_schema_name=STAGING)
        # Without statistics the joins of audit and switch are planned for a handful of rows.
        cursor.execute(f"ANALYZE {twin.fullname}")
    connection.commit()


def staged_states(connection: sa.Connection) -> dict[str, str | None]:
    """The state that names the rows of each staging table, by table; none where they were staged without one."""
    comments = sa.inspect(connection).get_multi_table_comment(schema=STAGING)
    return {name: comment["text"] for (_, name), comment in comments.items()}
