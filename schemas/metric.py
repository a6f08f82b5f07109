"""Metrics as data: one aggregate over the rows of a warehouse table, and the dimensions over which values add up.

An aggregate is data (`Sum`, `Rows`, `Distinct`, ...), not text. So sums of what must not be summed are found by the
meanings of the columns (`wrong_sums`), and the dimensions over which values may be added are derived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from schemas.columns import meaning_of
from schemas.dataset import Dataset
from schemas.quoting import quoted
from schemas.table import OWNERS

Format = Literal["count", "number", "percent", "money", "seconds", "day"]
"""How a value is shown. `money` is in minor units: 10 ^ `minor_digits` of them make a unit of the currency."""

D3_FORMATS: Final[dict[Format, str]] = {
    "count": ",d", "number": ",.2f", "percent": ".1%", "money": ",.2f", "seconds": "DURATION", "day": ""
}  # fmt: skip
"""Format codes of Superset by format; there, money is in units of its currency, a time in milliseconds."""

Additivity = Literal["additive", "semi-additive", "never"]


@dataclass(frozen=True)
class Sum:
    """The sum of columns over rows that meet a condition (SQL).

    It is 0 if no row meets the condition. Without a condition, the sum of a single column is null if all its values
    are: unknown is not 0.
    """

    columns: tuple[str, ...]
    where: str | None = None


@dataclass(frozen=True)
class Rows:
    """The number of rows that meet a condition (SQL)."""

    where: str | None = None


@dataclass(frozen=True)
class Distinct:
    """The number of distinct values of columns, without nulls.

    Attributes:
        columns: Together they identify a thing, such as an order.
        parted_by: The dimensions of which each thing has one value: the numbers add up over these. Over others a
            thing is counted in each.
        where: Condition (SQL) on the rows.
    """

    columns: tuple[str, ...]
    parted_by: tuple[str, ...] = ()
    where: str | None = None


@dataclass(frozen=True)
class One:
    """The value of a single row: `within` has to name the row's whole key."""

    column: str


@dataclass(frozen=True)
class Most:
    """The highest value of a column over rows that meet a condition (SQL)."""

    column: str
    where: str | None = None


@dataclass(frozen=True)
class Middle:
    """The median of a column."""

    column: str


@dataclass(frozen=True)
class Ratio:
    """One aggregate divided by another; null if that is 0 or null."""

    over: Aggregate
    under: Aggregate


@dataclass(frozen=True)
class Less:
    """One aggregate minus another."""

    aggregate: Aggregate
    less: Aggregate


Aggregate = Sum | Rows | Distinct | One | Most | Middle | Ratio | Less


@dataclass(frozen=True)
class Metric:
    """A number with one definition for everybody.

    Attributes:
        name: Unique among all metrics.
        dataset: The warehouse table, with the dimensions its rows can be grouped by.
        aggregate: What is computed from a group of rows.
        meaning: In words.
        unit: Unit of the value, such as messages or persons.
        format: How a value is shown.
        within: The dimensions that must have one value in all rows of a group: a query groups by each of them or
            filters it to one value.
    """

    name: str
    dataset: Dataset
    aggregate: Aggregate
    meaning: str
    unit: str
    format: Format = "count"
    within: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The warehouse table with its schema."""
        return self.dataset.table.fullname

    @property
    def owner(self) -> str:
        """Who answers questions about the metric."""
        return OWNERS[self.dataset.group]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions it may be grouped by."""
        return self.dataset.dimensions

    @property
    def sql(self) -> str:
        """The aggregate, over the columns of `Dataset.sql`."""
        return _sql(self.aggregate)

    @property
    def sql_as_shown(self) -> str:
        """The aggregate, with money in units of its currency, and a time in milliseconds of whole minutes."""
        if self.format == "seconds":
            return f"60000 * round(({self.sql}) / 60)"
        return f"({self.sql}) / power(10::numeric, max(minor_digits))" if self.format == "money" else self.sql

    @property
    def adds_up_over(self) -> tuple[str, ...]:
        """The dimensions over which values may be added: the sum equals the value without the dimension."""
        parts = _adds_up_over(self.aggregate, self.dimensions)
        return tuple(name for name in self.dimensions if name in parts and name not in self.within)

    @property
    def additivity(self) -> Additivity:
        """Whether values may be added over all dimensions, some, or none."""
        if not self.adds_up_over:
            return "never"
        return "additive" if len(self.adds_up_over) == len(self.dimensions) else "semi-additive"


def wrong_sums(metric: Metric) -> list[str]:
    """Describe each column that a metric sums, or takes as one row's value, against the column's meaning."""
    table, found = metric.dataset.table, []
    for aggregate in _parts(metric.aggregate):
        if isinstance(aggregate, Sum):
            for name in aggregate.columns:
                within = meaning_of(table.columns[name]).within
                if within is None:
                    found.append(f"{name} must not be added up")
                elif lacking := set(within) - set(metric.within):
                    found.append(f"{name} adds up only within {', '.join(sorted(lacking))}")
        if isinstance(aggregate, One) and (lacking := {str(key.name) for key in table.primary_key} - {*metric.within}):
            found.append(f"{aggregate.column} is the value of one row only within {', '.join(sorted(lacking))}")
    return found


def _parts(aggregate: Aggregate) -> tuple[Aggregate, ...]:
    match aggregate:
        case Ratio(one, other) | Less(one, other):
            return _parts(one) + _parts(other)
        case _:
            return (aggregate,)


def _adds_up_over(aggregate: Aggregate, dimensions: tuple[str, ...]) -> set[str]:
    match aggregate:
        case Sum() | Rows():
            return set(dimensions)
        case Distinct():
            return set(aggregate.parted_by)
        case Less(one, other):
            return _adds_up_over(one, dimensions) & _adds_up_over(other, dimensions)
        case _:
            return set()


def _sql(aggregate: Aggregate) -> str:
    match aggregate:
        case Sum((column,), None):
            return f"sum({quoted(column)})"
        case Sum(columns, where):
            return " + ".join(f"coalesce(sum({quoted(column)}){_filter(where)}, 0)" for column in columns)
        case Rows(where):
            return f"count(*){_filter(where)}"
        case Distinct(columns, _, where):
            thing = ", ".join(map(quoted, columns))
            return f"count(DISTINCT {thing if len(columns) == 1 else f'({thing})'}){_filter(where)}"
        case One(column):
            return f"max({quoted(column)})"
        case Most(column, where):
            return f"max({quoted(column)}){_filter(where)}"
        case Middle(column):
            return f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {quoted(column)})"
        case Ratio(over, under):
            return f"({_sql(over)})::double precision / nullif({_sql(under)}, 0)"
        case Less(one, other):
            return f"{_sql(one)} - {_sql(other)}"


def _filter(where: str | None) -> str:
    return "" if where is None else f" FILTER (WHERE {where})"
