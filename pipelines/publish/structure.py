"""Complete the schemas of the warehouse, update their comments, and find deviations from the contract."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema, SetColumnComment, SetTableComment

from pipelines.publish import policies, references, views
from schemas import operations, warehouse

_SCHEMAS: Final = (warehouse.MART, warehouse.STAGING, operations.OPS)
_TABLES: Final = (*warehouse.metadata.sorted_tables, *operations.metadata.sorted_tables)


def create_schemas(connection: sa.Connection) -> None:
    """Create the schemas that are missing."""
    for schema in _SCHEMAS:
        create_schema(connection, schema)


def complete(connection: sa.Connection) -> dict[str, list[str]]:
    """Create tables that somebody dropped, and bring comments and references up to date.

    Existing tables keep their columns, which only `pipelines.publish.upgrade` changes.

    Returns:
        See `missing_columns`: if there are any, comments and references stay unchanged.
    """
    missing = missing_tables(connection)
    made = [table.name for table in warehouse.DATA_TABLES if table.fullname in missing]
    for metadata in (warehouse.metadata, operations.metadata):
        metadata.create_all(connection)
    # A table that somebody dropped must be published again although its rows in the lake are unchanged.
    if made:
        published = operations.published_table
        connection.execute(sa.delete(published).where(published.c.table_name.in_(made)))
    if not (outdated := missing_columns(connection)):
        describe(connection)
    return outdated


def describe(connection: sa.Connection) -> None:
    """Update views, comments, foreign keys and policies of the tables."""
    views.declare(connection)
    references.declare(connection)
    policies.declare(connection)
    inspector = sa.inspect(connection)
    for schema in (warehouse.MART, operations.OPS):
        tables, columns = inspector.get_multi_table_comment(schema), inspector.get_multi_columns(schema)
        for table in (one for one in _TABLES if one.schema == schema):
            if tables[schema, table.name]["text"] != table.comment:
                connection.execute(SetTableComment(table))
            comments = {column["name"]: column.get("comment") for column in columns[schema, table.name]}
            for column in table.columns:
                if column.name in comments and comments[column.name] != column.comment:
                    connection.execute(SetColumnComment(column))


def missing_tables(connection: sa.Connection) -> list[str]:
    """Return the tables of the contract that are missing, with their schemas."""
    inspector = sa.inspect(connection)
    there = {f"{schema}.{name}" for schema in _SCHEMAS for name in inspector.get_table_names(schema)}
    return [table.fullname for table in _TABLES if table.fullname not in there]


def create_schema(connection: sa.Connection, schema: str) -> None:
    """Create a schema that is missing.

    PostgreSQL requires the right to create one even if `IF NOT EXISTS` finds it: a role without that right must be
    able to work in a database that another role prepared.
    """
    if not sa.inspect(connection).has_schema(schema):
        connection.execute(CreateSchema(schema))


def missing_columns(connection: sa.Connection) -> dict[str, list[str]]:
    """Return the columns of the contract that tables lack, by table with its schema; empty if none do."""
    inspector = sa.inspect(connection)
    columns = {**inspector.get_multi_columns(warehouse.MART), **inspector.get_multi_columns(operations.OPS)}
    found: dict[str, list[str]] = {}
    for table in _TABLES:
        there = {column["name"] for column in columns[table.schema, table.name]}
        if lacking := [column.name for column in table.columns if column.name not in there]:
            found[table.fullname] = lacking
    return found


def step_for_missing_columns(connection: sa.Connection, table: str) -> str:
    """Return what to do about missing columns of a table; PostgreSQL's catalog shows whether they were dropped."""
    dropped = sa.text("SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attisdropped LIMIT 1")
    if connection.execute(dropped, {"table": table}).first() is None:
        return "Another version of emberline created this database: use that version, or a new database."
    if table in {data.fullname for data in warehouse.DATA_TABLES}:
        return f"Some of its columns were dropped. Let the next run create it again: DROP TABLE {table} CASCADE"
    return "Some of its columns were dropped: restore the table from a backup, since nothing else has its rows."
