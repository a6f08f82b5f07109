"""What the tables of `mart` are declared with: their metadata, usual columns, and how figures are restated."""

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
"""Which late events bear on a figure: those of its group on its day; or, up to the end of its period and of all
groups, members' activity, or whatever decides about credit: orders, clicks, product messages, joinings, leavings and
members' activity."""

RESTATED: Final = "restated"

AMOUNT: Final = "_amount"
"""How the name of a column ends that has, in units of the currency, what the column ending in `_minor` has."""


ROLLING: Final = {"is_rolling": True}
"""Of a table that has the newest days only, as its `info`: it may lose any share of its rows at once."""


@dataclass(frozen=True)
class Restated:
    """How changes of a table's published figures are noted in `restatement`. A row that is not there counts as 0.

    Attributes:
        figures: The columns of numbers that are final once their period is complete.
        bearing: Which late events and merges are told with a change.
        start: Column with the first day of the row's period, or a time on it.
        unit: Column with the period's length, `day`, `week` or `month`; none: a day.
        after: Column with the number of units from `start` to the period; none: it begins there.
    """

    figures: tuple[str, ...]
    bearing: Bearing
    start: str
    unit: str | None = None
    after: str | None = None


def restated(
    *figures: str, bearing: Bearing, start: str, unit: str | None = None, after: str | None = None
) -> dict[str, Restated]:
    """Note changes of published figures in `restatement`, as `info` of a table; see `Restated`."""
    return {RESTATED: Restated(figures, bearing, start, unit, after)}


def count(name: str, comment: str | None = None) -> sa.Column[int]:
    """A whole number that is never null."""
    return sa.Column(name, sa.BigInteger, nullable=False, comment=comment)


def number(name: str, text: str, unit: str, within: tuple[str, ...] | None = None) -> sa.Column[int]:
    """A whole number that means something of its own here, and adds up over rows that agree in `within`."""
    return sa.Column(name, sa.BigInteger, nullable=False, **says(text, unit, within))


def money_sum(name: str, **own: Any) -> sa.Column[Any]:
    """A sum of amounts, which is wider than one of them (`schemas.lake.MONEY_SUM`)."""
    return sa.Column(name, sa.Numeric(38, 0), nullable=False, **own)


def amount(name: str, within: tuple[str, ...]) -> sa.Column[Any]:
    """An amount of `<name>_minor` beside it in units of the currency, which adds up over rows that agree in `within`.

    Four digits after the point are as many as any currency of ISO 4217 has.
    """
    text = f"{name}_minor in units of the currency; null: how many digits its minor unit has is not known"
    return sa.Column(f"{name}{AMOUNT}", sa.Numeric(38, 4), **says(text, "units of currency", within))


def minor_of(name: str) -> str | None:
    """The column in minor units that a column of this name has in units of the currency; none: it is no such one."""
    return f"{name.removesuffix(AMOUNT)}_minor" if name.endswith(AMOUNT) else None
