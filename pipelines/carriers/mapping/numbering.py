"""Read sequence numbers and control totals, which a platform states beside events, where a mapping says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.carriers.base import NUMBERED_SCHEMA, TOTALS_SCHEMA
from pipelines.carriers.mapping.cases import key
from pipelines.carriers.mapping.expressions import condition, value
from pipelines.carriers.mapping.model import CarrierMapping, Numbering, Total, Value
from pipelines.carriers.mapping.scope import Scope
from pipelines.carriers.mapping.times import instant

_MOST: Final = 2**62
_NONE: Final = pl.lit(None, pl.String())


@dataclass(frozen=True)
class CompiledNumbers:
    """Which payloads have a number, and the columns to make of them.

    Attributes:
        holds: Whether a payload has it.
        columns: The columns of `schema` but `row`.
        schema: `NUMBERED_SCHEMA` or `TOTALS_SCHEMA`.
        number: The column with the number.
    """

    holds: pl.Expr
    columns: dict[str, pl.Expr]
    schema: pl.Schema
    number: str

    @property
    def reads(self) -> frozenset[str]:
        """The columns of payloads that it is made of."""
        return frozenset(name for one in (self.holds, *self.columns.values()) for name in one.meta.root_names())

    def of(self, payloads: pl.DataFrame) -> pl.DataFrame:
        """Return the numbers of payloads; those that are no integers from 0 on, or lack what they need, are left out.

        Returns:
            `schema`.
        """
        columns = (column.cast(self.schema[name]).alias(name) for name, column in self.columns.items())
        numbered = payloads.filter(self.holds).select("row", *columns)
        return numbered.filter(pl.col(self.number).is_between(0, _MOST)).match_to_schema(self.schema)


def numbering(mapping: CarrierMapping, asked: Numbering, scope: Scope) -> CompiledNumbers:
    """Compile the places of sequence numbers in a mapping.

    Raises:
        PathError: A path of the mapping is not a valid path.
    """
    time = None if asked.time == "arrival" else instant(asked.time, scope)[0].value
    group, is_there = _group(mapping, asked.group, scope)
    columns = {
        "source": value(mapping.source or mapping.name, scope).value,
        "group_id": group,
        "sequence": _NONE if asked.of is None else value(asked.of, scope).value,
        "number": _whole(asked.number, scope),
        "time": pl.lit(None) if time is None else time,
    }
    return CompiledNumbers(condition(asked.when, scope) & is_there, columns, NUMBERED_SCHEMA, "number")


def totalling(mapping: CarrierMapping, asked: Total, scope: Scope) -> CompiledNumbers:
    """Compile the places of a control total in a mapping; owner, time and, if asked for, group must be there.

    Raises:
        PathError: A path of the mapping is not a valid path.
    """
    owner, begins_at = key(mapping, asked.owner, scope).value, instant(asked.time, scope)[0].value
    group, is_there = _group(mapping, asked.group, scope)
    holds = condition(asked.when, scope) & owner.is_not_null() & begins_at.is_not_null() & is_there
    columns = {
        "source": value(mapping.source or mapping.name, scope).value,
        "owner_id": owner,
        "counted": pl.lit(asked.counts),
        "group_id": group,
        "begins_at": begins_at,
        "total": _whole(asked.total, scope),
    }
    return CompiledNumbers(holds, columns, TOTALS_SCHEMA, "total")


def _group(mapping: CarrierMapping, asked: Value | None, scope: Scope) -> tuple[pl.Expr, pl.Expr]:
    """Return the key of the group that a mapping asks for, and whether it is there; null and true: it asks for none."""
    if asked is None:
        return _NONE, pl.lit(value=True)
    group = key(mapping, asked, scope).value
    return group, group.is_not_null()


def _whole(asked: Value, scope: Scope) -> pl.Expr:
    return value(asked, scope).value.cast(pl.Int64, strict=False)
