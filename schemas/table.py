"""Declaration of a lake table: its rows and columns, and for a fact its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import polars as pl
import sqlalchemy as sa

from schemas.columns import Meaning, meaning_of
from schemas.mart_columns import minor_of
from schemas.types import polars_type

UTC_TIME: Final = pl.Datetime("us", "UTC")

Group = Literal["ingest", "engagement", "groups", "risk", "funnel", "sales"]
"""Subjects of tables: each is a Dagster asset group with a job of its own."""

OWNERS: Final[dict[str, str]] = {
    "ingest": "team:data-engineering",
    "engagement": "team:analytics",
    "groups": "team:community-operations",
    "risk": "team:community-operations",
    "funnel": "team:analytics",
    "sales": "team:analytics",
    "warehouse": "team:data-engineering",
}
"""By subject, the owner of its tables as Dagster shows it."""


@dataclass(frozen=True)
class Source:
    """A column of a table that a column of another table is computed from."""

    table: LakeTable
    column: str


COMPLETE_DAYS: Final = ("rules.zone", "rules.lateness_minutes", "rules.idle_feed_hours")
"""The settings that decide which days are complete, and so affect every fact of complete days."""

Lineage = Mapping[str, tuple[Source, ...]]
"""By column, its source columns; none for a constant, a setting, or a value from Kafka or a person."""


@dataclass(frozen=True, eq=False)
class LakeTable:
    """A lake table: its schema, its storage, and for a fact what a refresh reads and depends on.

    A table can name only tables declared before it, so facts can be refreshed in the order of declaration.

    Attributes:
        name: The folder below the lake's URI, and the key of the asset.
        group: The subject it belongs to.
        description: What a row is.
        columns: The type of each column.
        key: The columns that identify a row.
        partition_by: The columns that partition the files.
        sort_by: The columns by which the rows of a file are sorted.
        distinct: Columns without dictionary encoding: their values rarely repeat or are sorted, so it would save
            nothing.
        unsought: Columns without statistics: no reader skips files by their values.
        before: Value of a column in rows older than the column; by default null.
        meanings: Columns that mean something narrower here than their name does elsewhere.
        made_of: The source columns of each column.
        guided_by: Tables that a refresh reads only to find which rows to recompute; no column comes from them.
        settings: Dotted keys of the settings that affect the rows. A changed value rebuilds the fact.
        by_definition: Whether funnel definitions affect the rows. A changed one rebuilds the rows of that funnel.
        code_version: Version of the code that computes the fact, from 1; None: the table is not a fact.
        computed_with: All facts that one refresh computes together; empty: only this one.
        is_by_day: Whether it can be rebuilt from a day on; in other facts, rows depend on earlier rows.
        written_by_people: Whether rows are requests or rulings that people make by a command.
        is_change_log: Whether rows name what changed in another table and are written together with it.
        same_as: The warehouse table that declares the same columns.
    """

    name: str
    group: Group
    description: str
    columns: dict[str, pl.DataType]
    key: tuple[str, ...]
    partition_by: tuple[str, ...] = ()
    sort_by: tuple[str, ...] = ()
    distinct: tuple[str, ...] = ()
    unsought: tuple[str, ...] = ()
    before: Mapping[str, object] = field(default_factory=dict)
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    made_of: Lineage = field(default_factory=dict)
    guided_by: tuple[LakeTable, ...] = ()
    settings: tuple[str, ...] = ()
    by_definition: bool = False
    code_version: int | None = None
    computed_with: tuple[str, ...] = ()
    is_by_day: bool = False
    written_by_people: bool = False
    is_change_log: bool = False
    same_as: sa.Table | None = None

    @property
    def schema(self) -> pl.Schema:
        """The columns as a Polars schema."""
        return pl.Schema(self.columns)

    @property
    def is_fact(self) -> bool:
        """Whether it is computed from other tables and records their versions."""
        return self.code_version is not None

    @property
    def inputs(self) -> tuple[LakeTable, ...]:
        """The tables that columns come from."""
        return tuple(dict.fromkeys(source.table for sources in self.made_of.values() for source in sources))

    @property
    def reads(self) -> tuple[LakeTable, ...]:
        """The tables that its refresh reads: `inputs` and `guided_by`."""
        return tuple(dict.fromkeys((*self.inputs, *self.guided_by)))

    def of(self, *columns: str) -> tuple[Source, ...]:
        """Return columns of this table as sources of a column of another table."""
        if unknown := set(columns) - self.columns.keys():
            raise KeyError(f"lake table {self.name} has no column {', '.join(sorted(unknown))}")
        return tuple(Source(self, column) for column in columns)

    def type_name(self, column: str) -> str:
        """Return the type of a column for people."""
        return str(self.columns[column]).replace("Datetime(time_unit='us', time_zone='UTC')", "Datetime(UTC)")

    def meaning(self, column: str) -> Meaning:
        """Return what a column means, its unit, and over which rows it may be added up."""
        if self.same_as is not None:
            return meaning_of(self.same_as.columns[column])
        return self.meanings.get(column) or meaning_of(column)


def each(columns: tuple[str, ...], *sources: tuple[Source, ...]) -> dict[str, tuple[Source, ...]]:
    """Return the same sources for several columns."""
    return dict.fromkeys(columns, tuple(dict.fromkeys(source for some in sources for source in some)))


def copied(table: LakeTable, *columns: str) -> dict[str, tuple[Source, ...]]:
    """Return, for each column, the column of the same name in another table as its source."""
    return {column: table.of(column) for column in columns}


def as_in_warehouse(
    table: sa.Table,
    group: Group,
    made_of: Lineage,
    *,
    guided_by: tuple[LakeTable, ...] = (),
    settings: tuple[str, ...] = (),
    by_definition: bool = False,
    computed_with: tuple[str, ...] = (),
) -> LakeTable:
    """Declare the fact that has the columns, the key and the meanings of a warehouse table.

    Amounts in units of the currency are left out: they are derived from those in minor units.
    """
    columns = {
        str(column.name): dtype
        for column in table.columns
        if minor_of(column.name) is None and (dtype := polars_type(column.type)) is not None
    }
    # SQLAlchemy's names are a subtype of str that Polars does not accept.
    return LakeTable(
        name=str(table.name),
        group=group,
        description=table.comment or "",
        columns=columns,
        key=tuple(str(column.name) for column in table.primary_key),
        made_of=made_of,
        guided_by=guided_by,
        settings=settings,
        by_definition=by_definition,
        code_version=1,
        computed_with=computed_with,
        same_as=table,
    )
