"""The numbers that a platform gives what it sends, as a mapping says where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.carriers.base import NUMBERED_SCHEMA
from pipelines.carriers.mapping.cases import key
from pipelines.carriers.mapping.expressions import condition, value
from pipelines.carriers.mapping.model import CarrierMapping, Numbering
from pipelines.carriers.mapping.scope import Scope
from pipelines.carriers.mapping.times import instant

_MOST: Final = 2**62
_NONE: Final = pl.lit(None, pl.String())


@dataclass(frozen=True)
class CompiledNumbering:
    """Which payloads have a number, and the columns of `NUMBERED_SCHEMA`."""

    holds: pl.Expr
    columns: dict[str, pl.Expr]

    @property
    def reads(self) -> frozenset[str]:
        """The columns of payloads that it is made of."""
        return frozenset(name for one in (self.holds, *self.columns.values()) for name in one.meta.root_names())

    def of(self, payloads: pl.DataFrame) -> pl.DataFrame:
        """The numbers of payloads. What is no whole number from 0 on, or of no group where one is asked for, has none.

        Returns:
            `NUMBERED_SCHEMA`.
        """
        numbered = payloads.filter(self.holds).select(
            "row", *(column.alias(name) for name, column in self.columns.items())
        )
        return numbered.filter(pl.col("number").is_between(0, _MOST)).match_to_schema(NUMBERED_SCHEMA)


def numbering(mapping: CarrierMapping, asked: Numbering, scope: Scope) -> CompiledNumbering:
    """Compile where the numbers of a mapping stand.

    Raises:
        PathError: a path in it is none.
    """
    time = None if asked.time == "arrival" else instant(asked.time, scope)[0].value
    holds = condition(asked.when, scope)
    group = _NONE
    if asked.group is not None:
        group = key(mapping, asked.group, scope).value
        holds &= group.is_not_null()
    columns = {
        "source": value(mapping.source or mapping.name, scope).value,
        "group_id": group,
        "sequence": _NONE if asked.of is None else value(asked.of, scope).value,
        "number": value(asked.number, scope).value.cast(pl.Int64, strict=False),
        "time": pl.lit(None) if time is None else time,
    }
    return CompiledNumbering(holds, {name: column.cast(NUMBERED_SCHEMA[name]) for name, column in columns.items()})
