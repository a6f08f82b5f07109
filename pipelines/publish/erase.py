"""Erase persons from a PostgreSQL database: every text column of every table is searched.

A deleted row stays on its page until the page is rewritten, and common values stay in the planner's statistics, so
tables that contained a person are rewritten and analysed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl
import sqlalchemy as sa

from pipelines.events.suppression import PSEUDONYM, Suppression
from pipelines.lake_purge import ERASED
from pipelines.publish.database import Database, Refused
from pipelines.publish.errors import PublishFailed
from schemas.quoting import quoted

_REFUSED: Final = Refused(PublishFailed, "Let the owner of the tables run the erasure again: it continues.")
_AT_ONCE: Final = 50_000
_OURS: Final = sa.text(
    """
    SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE c.relkind = 'r' AND n.nspname = ANY(:schemas)
    AND t.typname IN ('text', 'varchar', 'bpchar', 'json', 'jsonb', '_text', '_varchar')
    GROUP BY 1, 2 ORDER BY 1, 2
    """
)

_STATISTICS: Final = sa.text(
    """
    SELECT schemaname::text, tablename::text, attname::text, concat(most_common_vals::text, ' ', histogram_bounds::text)
    FROM pg_stats WHERE schemaname = ANY(:schemas)
    """
)
_FORCED: Final = sa.text(
    """
    SELECT oid::regclass::text FROM pg_class
    WHERE relforcerowsecurity AND relnamespace = ANY(CAST(:schemas AS regnamespace[])) ORDER BY 1
    """
)
_CLEAR: Final = sa.text("SELECT pg_clear_attribute_stats(:schema, :table, :column, false)")
_CLEARS: Final = (18,)
"""The first version of PostgreSQL that can drop statistics."""


_TYPES: Final = sa.text(
    "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(:name)"
)


@dataclass(frozen=True)
class TextTable:
    """A table and its text columns."""

    schema: str
    name: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> str:
        """The quoted name for SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def text_tables(database: Database, schemas: Sequence[str]) -> list[TextTable]:
    """Return the tables of these schemas that have text columns."""
    with database.transaction(_REFUSED) as connection:
        rows = connection.execute(_OURS, {"schemas": list(schemas)}).all()
    return [TextTable(schema, name, tuple(columns)) for schema, name, columns in rows]


def rows_naming(database: Database, table: TextTable, suppression: Suppression) -> pl.DataFrame:
    """Find the rows that name an erased person: `ctid`, and the texts of each column."""
    shown = ", ".join(f'"{name}"::text' for name in table.columns)
    query = sa.text(f"SELECT ctid::text, {shown} FROM {table.quoted}")  # noqa: S608 - names are of the catalog
    schema = dict.fromkeys(("ctid", *table.columns), pl.String)
    found = [pl.DataFrame(schema=schema)]
    with database.transaction(_REFUSED) as connection:
        rows = connection.execution_options(yield_per=_AT_ONCE).execute(query)
        for some in rows.partitions():
            frame = pl.DataFrame([tuple(row) for row in some], schema=schema, orient="row")
            names = pl.Series([False], dtype=pl.Boolean).new_from_index(0, frame.height)
            for column in table.columns:
                names |= suppression.names(frame[column])
            found.append(frame.filter(names))
    return pl.concat(found)


def delete_rows(database: Database, table: TextTable, rows: pl.DataFrame) -> None:
    """Delete rows by `ctid`; nobody else may write to the table meanwhile."""
    statement = sa.text(f"DELETE FROM {table.quoted} WHERE ctid = ANY(CAST(:places AS tid[]))")  # noqa: S608
    with database.transaction(_REFUSED) as connection:
        connection.execute(statement, {"places": rows["ctid"].to_list()})


def mask_rows(
    database: Database, table: TextTable, rows: pl.DataFrame, suppression: Suppression, known: Iterable[str]
) -> None:
    """Replace the pseudonyms and known texts of erased persons in these rows by a fixed word."""
    masks = _Masks(suppression, tuple(known))
    with database.transaction(_REFUSED) as connection:
        described = connection.execute(_TYPES, {"name": table.quoted}).all()
        types = {str(column): str(kind) for column, kind in described}
        for row in rows.iter_rows(named=True):
            changed = {
                name: masked
                for name in table.columns
                if row[name] is not None and (masked := masks.applied(row[name])) != row[name]
            }
            if not changed:
                continue
            sets = ", ".join(f'"{name}" = CAST(:c{n} AS {types[name]})' for n, name in enumerate(changed))
            values = {f"c{n}": value for n, value in enumerate(changed.values())}
            statement = sa.text(f"UPDATE {table.quoted} SET {sets} WHERE ctid = CAST(:place AS tid)")  # noqa: S608
            connection.execute(statement, {**values, "place": row["ctid"]})


def rewrite(database: Database, tables: Iterable[TextTable]) -> None:
    """Rewrite tables without their dead rows and refresh their statistics; readers wait meanwhile."""
    with database.transaction(_REFUSED, "AUTOCOMMIT") as connection:
        for table in tables:
            connection.execute(sa.text(f"VACUUM (FULL, ANALYZE) {table.quoted}"))


def clear_statistics(database: Database, schemas: Sequence[str], suppression: Suppression) -> list[str]:
    """Drop the planner's statistics of columns that name an erased person: ANALYZE does not replace an empty table's.

    PostgreSQL hides statistics from an owner to whom row-level security applies. So the transaction lifts FORCE for
    that time; readers wait for it.

    Returns:
        The columns whose statistics remain because PostgreSQL before 18 cannot drop them.
    """
    with database.transaction(_REFUSED) as connection:
        forced = list(connection.scalars(_FORCED, {"schemas": list(schemas)}))
        for table in forced:
            connection.execute(sa.text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
        rows = [tuple(row) for row in connection.execute(_STATISTICS, {"schemas": list(schemas)})]
        for table in forced:
            connection.execute(sa.text(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))
        shown = pl.DataFrame(
            rows, schema=dict.fromkeys(("schema", "table", "column", "values"), pl.String), orient="row"
        )
        naming = shown.filter(suppression.names(shown["values"])).select("schema", "table", "column").rows()
        if (connection.dialect.server_version_info or ()) < _CLEARS:
            return [f"statistics of {schema}.{table}.{column}" for schema, table, column in naming]
        for schema, table, column in naming:
            connection.execute(_CLEAR, {"schema": schema, "table": table, "column": column})
    return []


@dataclass(frozen=True)
class _Masks:
    suppression: Suppression
    known: tuple[str, ...]

    def applied(self, text: str) -> str:
        tokens = pl.Series(re.findall(PSEUDONYM, text), dtype=pl.String)
        for found in {*tokens.filter(self.suppression.covers(tokens)), *self.known}:
            text = text.replace(found, ERASED)
        return text


def all_rows_naming(
    database: Database, schemas: Sequence[str], suppression: Suppression
) -> Iterator[tuple[TextTable, pl.DataFrame]]:
    """Return every table with rows that name an erased person, and those rows."""
    for table in text_tables(database, schemas):
        rows = rows_naming(database, table, suppression)
        if not rows.is_empty():
            yield table, rows
