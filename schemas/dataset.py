"""A warehouse table for queries: its own columns, and dimensions joined from other tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from schemas.columns import meaning_of
from schemas.quoting import quoted
from schemas.warehouse import dim_currency, dim_group, publication

_ZONE: Final = f"(SELECT zone FROM {publication.fullname} ORDER BY version DESC LIMIT 1)"
"""SQL expression of the business zone."""

_OF_GROUP: Final = {
    "group_name": ("name", "latest known name of the group", sa.Text()),
    "carrier": ("carrier", "platform the group lives on", sa.Text()),
    "purpose": ("purpose", "latest known purpose of the group; null: unknown", sa.Text()),
}
_OF_DAY: Final = {
    "day": ("{day}", "calendar day of the business zone", sa.Date()),
    "week": ("date_trunc('week', {day})::date", "Monday of the week of the day", sa.Date()),
    "month": ("date_trunc('month', {day})::date", "first day of the month of the day", sa.Date()),
    "weekday": ("extract(isodow FROM {day})::integer", "day of the week, 1: Monday, 7: Sunday", sa.Integer()),
}
_DIGITS: Final = "minor_digits"


@dataclass(frozen=True)
class Dataset:
    """A warehouse table whose rows are joined with dimensions of other tables.

    Attributes:
        table: The table of the rows.
        group: The subject it belongs to; see `schemas.table.OWNERS`.
        by: The columns of the table that rows may be grouped by.
        day: The column that `day`, `week`, `month` and `weekday` are derived from; times are in the business zone.
        start: If `day` is None, the dimension with the first day of a row's period; None: rows have no period.
    """

    table: sa.Table
    group: str
    by: tuple[str, ...]
    day: str | None = None
    start: str | None = None

    @property
    def dated_by(self) -> str | None:
        """The dimension that a query filters by time; None: rows have no date."""
        return "day" if self.day is not None else self.start

    @property
    def name(self) -> str:
        """The name of the table."""
        return str(self.table.name)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of all columns that rows may be grouped by."""
        of_day = _OF_DAY if self.day is not None else {}
        return tuple(dict.fromkeys((*self.by, *self._of_group(), *of_day)))

    def meaning(self, dimension: str) -> str:
        """Return the meaning of a dimension in words."""
        if dimension in self.table.columns:
            return meaning_of(self.table.columns[dimension]).text
        return (_OF_GROUP | _OF_DAY)[dimension][1]

    def type_of(self, name: str) -> sa.types.TypeEngine[Any]:
        """Return the SQL type of a column or a dimension."""
        column = self.table.columns.get(name)
        return (_OF_GROUP | _OF_DAY)[name][2] if column is None else column.type

    @property
    def sql(self) -> str:
        """Return a query for its rows: the table's columns, the dimensions, and `minor_digits` if it has a currency."""
        columns = [f"fact.{quoted(str(column.name))}" for column in self.table.columns]
        joins = ""
        if names := self._of_group():
            columns += [f"group_of.{_OF_GROUP[name][0]} AS {name}" for name in names]
            joins += f"\nLEFT JOIN {dim_group.fullname} AS group_of ON group_of.group_id = fact.group_id"
        columns += [f"{sql} AS {name}" for name, sql in self._of_day().items()]
        if "currency" in self.table.columns:
            columns.append(f"currency_of.{_DIGITS}")
            joins += f"\nLEFT JOIN {dim_currency.fullname} AS currency_of ON currency_of.currency = fact.currency"
        return f"SELECT {', '.join(columns)}\nFROM {self.table.fullname} AS fact{joins}"

    def _of_group(self) -> tuple[str, ...]:
        if "group_id" not in self.table.columns:
            return ()
        return tuple(name for name in _OF_GROUP if name not in self.table.columns)

    def _of_day(self) -> dict[str, str]:
        """Return the SQL of the calendar dimensions that the table has no columns for."""
        if self.day is None:
            return {}
        day = f"fact.{quoted(self.day)}"
        if isinstance(self.table.columns[self.day].type, sa.DateTime):
            day = f"({day} AT TIME ZONE {_ZONE})::date"
        return {name: sql.format(day=day) for name, (sql, _, _) in _OF_DAY.items() if name not in self.table.columns}
