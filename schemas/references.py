"""Foreign keys of the warehouse, for joins in BI tools and for the data contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from schemas.business_rules import BATCH, RULES


@dataclass(frozen=True)
class Reference:
    """Columns of a table of `mart` that refer to a row of another table; null refers to none.

    Attributes:
        table: Name of the table.
        columns: Its columns.
        to: Name of the table they refer to.
        key: The primary key of that table, in the order of `columns`.
    """

    table: str
    columns: tuple[str, ...]
    to: str
    key: tuple[str, ...]


def _references() -> Iterator[Reference]:
    for table, rules in RULES.items():
        for rule in rules.values():
            if rule.refers_to is not None:
                yield Reference(table, rule.by[BATCH], rule.refers_to, rule.by[rule.refers_to])


REFERENCES: Final = tuple(_references())
"""Each is checked before a publication; see `schemas.business_rules`."""
