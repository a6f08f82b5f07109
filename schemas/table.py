"""What is declared of a lake table: its rows and columns, and, of a fact, what it is computed from."""

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
"""The subject a table belongs to: a group of Dagster's assets, with a job of its own."""

OWNERS: Final[dict[str, str]] = {
    "ingest": "team:data-engineering",
    "engagement": "team:analytics",
    "groups": "team:community-operations",
    "risk": "team:community-operations",
    "funnel": "team:analytics",
    "sales": "team:analytics",
    "warehouse": "team:data-engineering",
}
"""Who answers questions about the tables of a group, as Dagster shows it."""


@dataclass(frozen=True)
class Source:
    """One column of a table that a column of another one is computed from."""

    table: LakeTable
    column: str


COMPLETE_DAYS: Final = ("rules.zone", "rules.lateness_minutes", "rules.idle_feed_hours")
"""The settings that decide which days are complete, and so on the rows of every fact of complete days."""

Lineage = Mapping[str, tuple[Source, ...]]
"""The sources of each column of a table; none for a constant, a setting, or what Kafka or a person gives."""


@dataclass(frozen=True, eq=False)
class LakeTable:
    """One lake table: its schema, how it is stored, and, of a fact, what a refresh reads and depends on.

    A table can name only tables declared before it. So the order of declaration is one in which facts can be refreshed.

    Attributes:
        name: The folder below the lake's URI, and the key of the asset.
        group: The subject it belongs to.
        description: What a row is.
        columns: The type of each column.
        key: The columns that identify a row.
        partition_by: The columns that divide the files into folders.
        sort_by: How the rows of a file are sorted.
        distinct: Columns whose values seldom repeat, or lie sorted: a dictionary of them costs time and saves nothing.
        unsought: Columns by whose values no reader leaves out files: statistics of them cost time and help nobody.
        before: What a column holds in rows from before the table had it; all others are null there.
        meanings: Columns that mean something narrower here than their name does elsewhere.
        made_of: Where each column comes from.
        guided_by: Tables that a refresh reads to find which rows it has to compute again; no column comes from them.
        settings: Dotted keys of the settings that decide on the rows. Another value rebuilds the fact.
        by_definition: Whether each funnel's definition decides on rows. Another one rebuilds that funnel's.
        code_version: The version of the code that computes the fact, from 1; None: the table is no fact.
        computed_with: The facts of one refresh, which computes all of them together; none: this one alone.
        is_by_day: Whether it can be rebuilt from a day on; of all others a row follows from earlier ones.
        written_by_people: Whether rows are what people ask for or rule, by a command.
        is_change_log: Whether rows name what changed in another table, and are written with it.
        same_as: The warehouse table of the same columns, where it declares them.
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
        """Whether it is computed from other tables and records which versions of them it includes."""
        return self.code_version is not None

    @property
    def inputs(self) -> tuple[LakeTable, ...]:
        """The tables that columns come from."""
        return tuple(dict.fromkeys(source.table for sources in self.made_of.values() for source in sources))

    def of(self, *columns: str) -> tuple[Source, ...]:
        """These columns, as sources of a column of another table."""
        if unknown := set(columns) - self.columns.keys():
            raise KeyError(f"lake table {self.name} has no column {', '.join(sorted(unknown))}")
        return tuple(Source(self, column) for column in columns)

    def type_name(self, column: str) -> str:
        """The type of a column, as people read it."""
        return str(self.columns[column]).replace("Datetime(time_unit='us', time_zone='UTC')", "Datetime(UTC)")

    def meaning(self, column: str) -> Meaning:
        """What a column means, in which unit, and over which rows its numbers may be added up."""
        if self.same_as is not None:
            return meaning_of(self.same_as.columns[column])
        return self.meanings.get(column) or meaning_of(column)


def each(columns: tuple[str, ...], *sources: tuple[Source, ...]) -> dict[str, tuple[Source, ...]]:
    """Give several columns the same sources."""
    return dict.fromkeys(columns, tuple(dict.fromkeys(source for some in sources for source in some)))


def copied(table: LakeTable, *columns: str) -> dict[str, tuple[Source, ...]]:
    """Give columns the column of the same name in another table as their source."""
    return {column: table.of(column) for column in columns}


def as_in_warehouse(
    table: sa.Table,
    group: Group,
    made_of: Lineage,
    *,
    settings: tuple[str, ...] = (),
    by_definition: bool = False,
    computed_with: tuple[str, ...] = (),
) -> LakeTable:
    """Declare the fact that has the columns, the key and the meanings of a warehouse table.

    Amounts in units of the currency are left out: they follow from those in minor units.
    """
    columns = {
        str(column.name): dtype
        for column in table.columns
        if minor_of(column.name) is None and (dtype := polars_type(column.type)) is not None
    }
    # A name of SQLAlchemy is of a type that Polars cannot take for text.
    return LakeTable(
        name=str(table.name),
        group=group,
        description=table.comment or "",
        columns=columns,
        key=tuple(str(column.name) for column in table.primary_key),
        made_of=made_of,
        settings=settings,
        by_definition=by_definition,
        code_version=1,
        computed_with=computed_with,
        same_as=table,
    )
