"""Building blocks of the tables of `mart`: metadata, usual columns, and how figures are restated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from schemas.columns import says

MART: Final = "mart"
STAGING: Final = "staging"

metadata: Final = sa.MetaData(
    schema=MART,
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_name)s"},
)

TIME: Final = sa.DateTime(timezone=True)

Bearing = Literal["in_group", "activity", "sales"]
"""Which late events can change a figure. `in_group`: those of its group on its day. `activity`: members' activity in
any group up to the end of its period. `sales`: the same with orders, clicks, product messages, joins and leaves."""

RESTATED: Final = "restated"

AMOUNT: Final = "_amount"
"""Suffix of columns that have, in units of the currency, the amount of the column ending in `_minor`."""


ROLLING: Final = {"is_rolling": True}
"""Marks, in `info`, a table of the newest days only: any share of its rows may disappear at once."""


@dataclass(frozen=True)
class Restated:
    """How changes of a table's published figures are recorded in `restatement`. A missing row counts as 0.

    Attributes:
        figures: The columns of numbers that are final once their period is complete.
        bearing: Which late events and merges are counted beside a change.
        start: Column with the first day of the row's period, or a time on that day.
        unit: Column with the period's length, `day`, `week` or `month`; None: a day.
        after: Column with the number of periods from `start` to the row's own; None: it begins at `start`.
    """

    figures: tuple[str, ...]
    bearing: Bearing
    start: str
    unit: str | None = None
    after: str | None = None


def restated(
    *figures: str, bearing: Bearing, start: str, unit: str | None = None, after: str | None = None
) -> dict[str, Restated]:
    """Return the `info` of a table whose changes of published figures are recorded; see `Restated`."""
    return {RESTATED: Restated(figures, bearing, start, unit, after)}


def count(name: str, comment: str | None = None) -> sa.Column[int]:
    """Return a column of whole numbers that is never null."""
    return sa.Column(name, sa.BigInteger, nullable=False, comment=comment)


def number(name: str, text: str, unit: str, within: tuple[str, ...] | None = None) -> sa.Column[int]:
    """Return a column of whole numbers with its own meaning, which adds up over rows equal in `within`."""
    return sa.Column(name, sa.BigInteger, nullable=False, **says(text, unit, within))


def money_sum(name: str, **own: Any) -> sa.Column[Any]:
    """Return a column of sums of amounts, which is wider than one amount (`schemas.lake.MONEY_SUM`)."""
    return sa.Column(name, sa.Numeric(38, 0), nullable=False, **own)


def amount(name: str, within: tuple[str, ...] | None = None) -> sa.Column[Any]:
    """Return the column with the amount of `<name>_minor` in units of the currency, which adds up within `within`.

    It has four decimal digits, the most that any currency of ISO 4217 has.
    """
    text = f"{name}_minor in units of the currency; null: the digits of its minor unit are unknown"
    return sa.Column(f"{name}{AMOUNT}", sa.Numeric(38, 4), **says(text, "units of currency", within))


def minor_of(name: str) -> str | None:
    """Return the name of the `_minor` column of an amount in units of the currency; None for other columns."""
    return f"{name.removesuffix(AMOUNT)}_minor" if name.endswith(AMOUNT) else None
