"""Read the sequence numbers that a platform assigns, at the places that a mapping gives."""

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
        """Return the numbers of payloads; those that are no integers from 0 on, or lack a required group, are left out.

        Returns:
            `NUMBERED_SCHEMA`.
        """
        numbered = payloads.filter(self.holds).select(
            "row", *(column.alias(name) for name, column in self.columns.items())
        )
        return numbered.filter(pl.col("number").is_between(0, _MOST)).match_to_schema(NUMBERED_SCHEMA)


def numbering(mapping: CarrierMapping, asked: Numbering, scope: Scope) -> CompiledNumbering:
    """Compile the places of sequence numbers in a mapping.

    Raises:
        PathError: A path of the mapping is not a valid path.
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
