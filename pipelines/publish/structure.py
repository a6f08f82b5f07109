"""Create what is missing of the schemas `mart` and `staging`, and see what there is deviates from the contract."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema, SetColumnComment, SetTableComment

from schemas.warehouse import MART, STAGING, metadata


def create(connection: sa.Connection) -> None:
    """Create missing schemas and tables with their comments; bring the comments of others up to date.

    A table that is there keeps its columns: changing them is a migration's work.
    """
    for schema in (MART, STAGING):
        connection.execute(CreateSchema(schema, if_not_exists=True))
    metadata.create_all(connection)
    inspector = sa.inspect(connection)
    for table in metadata.sorted_tables:
        if inspector.get_table_comment(table.name, MART)["text"] != table.comment:
            connection.execute(SetTableComment(table))
        comments = {column["name"]: column.get("comment") for column in inspector.get_columns(table.name, MART)}
        for column in table.columns:
            if column.name in comments and comments[column.name] != column.comment:
                connection.execute(SetColumnComment(column))


def missing_columns(connection: sa.Connection) -> dict[str, list[str]]:
    """The columns of the contract that tables of `mart` lack, by table; empty if none does."""
    inspector = sa.inspect(connection)
    found: dict[str, list[str]] = {}
    for table in metadata.sorted_tables:
        there = {column["name"] for column in inspector.get_columns(table.name, MART)}
        if lacking := [column.name for column in table.columns if column.name not in there]:
            found[table.name] = lacking
    return found
