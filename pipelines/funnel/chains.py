"""Chains of a timeline and a definition: arrays for the kernel, and its results.

See docs/definitions.md#funnel.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.arrays import fixed, frozen
from pipelines.funnel import kernel
from pipelines.funnel.by_person import Persons, by_person
from pipelines.funnel.predicates import predicates
from pipelines.time import Interval
from schemas.funnel import FunnelDefinition
from schemas.lake import ORDERING_KEY, UTC_TIME

_MODES: Final = {
    "sequential": kernel.SEQUENTIAL,
    "strict_order": kernel.STRICT_ORDER,
    "consecutive": kernel.CONSECUTIVE,
    "any_order": kernel.ANY_ORDER,
}
_Result = TypeVar("_Result")
_NEVER: Final = 2**62
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Chains:
    """Chains of some persons, by person and time.

    Attributes:
        persons: The persons whose rows were searched.
        person: [chains] number of the person, from 0.
        number: [chains] number of the chain within the person, from 1.
        matched: [chains, steps] rows in order; -1 beyond the end of the chain.
        steps: [chains, steps] the step that each row matches, from 0.
        start_before: Microseconds; rows from here on do not start chains.
    """

    persons: Persons
    person: NDArray[np.int64]
    number: NDArray[np.int32]
    matched: NDArray[np.int64]
    steps: NDArray[np.int8]
    start_before: int

    @property
    def rows(self) -> pl.DataFrame:
        """The rows that were searched."""
        return self.persons.rows

    @property
    def person_id(self) -> pl.Series:
        """The person of each chain."""
        return self.persons.ids.gather(self.person)

    @property
    def reached(self) -> pl.Series:
        """The length of each chain."""
        return pl.Series((self.matched != kernel.NO_ROW).sum(axis=1), dtype=pl.Int16)

    @property
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Chain and place of each row in `matched`, as two columns."""
        chain, place = np.divmod(np.flatnonzero(self.matched != kernel.NO_ROW), self.matched.shape[1])
        return chain, place

    @property
    def entered_at(self) -> pl.Series:
        """Time of each chain's first row."""
        return self.rows["time"].gather(self.matched[:, 0])

    @property
    def restarted_at(self) -> pl.Series:
        """Time of the person's last row that could start a chain; null if it starts this one."""
        could = (fixed(self.rows["satisfied"]) & 1 != 0) & (fixed(self.rows["time"]) < self.start_before)
        starts = np.flatnonzero(could)
        last = starts[np.searchsorted(starts, self.persons.starts[self.person + 1]) - 1]
        is_later = pl.Series(last > self.matched[:, 0])
        return pl.select(pl.when(is_later).then(self.rows["time"].gather(last))).to_series()


def find_chains(
    timeline: pl.LazyFrame,
    definition: FunnelDefinition,
    entered: Interval | None,
    result: Callable[[Chains], _Result],
    others: tuple[str, ...] = (),
    *,
    is_stored: bool = False,
) -> list[_Result]:
    """Find the best chain of each person, or of each entry, in parts of the persons.

    With `count: persons`, only chains that start in `entered` are searched; with `count: entries`, entries that start
    elsewhere are found but left out.

    Args:
        timeline: Rows of `pipelines.funnel.steps.TIMELINE`.
        definition: The funnel.
        entered: Interval of starts; None: all.
        result: Extracts what to keep of a part, which has many more rows than chains.
        others: Further columns of the timeline for `result`.
        is_stored: See `by_person`.

    Returns:
        The results, by person.

    Raises:
        FunnelDefinitionError: The definition does not fit the timeline.
    """
    counts_entries = definition.count == "entries"
    if entered is not None and not counts_entries:
        timeline = timeline.filter(
            (pl.col("time") >= entered.start) & (pl.col("time") < entered.end + definition.window + _MICROSECOND)
        )
    rules = kernel.Rules(
        n_steps=len(definition.steps),
        window=definition.window // _MICROSECOND,
        mode=_MODES[definition.mode],
        strict_increase=definition.strict_increase,
        entries=counts_entries,
        start_before=_NEVER if entered is None or counts_entries else (entered.end - _EPOCH) // _MICROSECOND,
    )
    steps, excluded = predicates(definition)
    masks = [1 << bit for bit in range(len(steps))]
    rows = timeline.select(
        "person_id",
        *ORDERING_KEY,
        *others,
        _mask(steps, masks, _bits(len(steps))).alias("satisfied"),
        *([_mask(excluded, definition.gaps(), pl.Int64()).alias("excluded")] if excluded else []),
        *(pl.col(name).alias(_held(name)) for name in definition.hold),
    )
    is_needed = pl.any_horizontal(
        pl.col("satisfied") > 0,
        *([pl.col("excluded") > 0] if excluded else []),
        pl.lit(definition.mode == "consecutive"),
    )
    return by_person(
        rows, is_needed, lambda persons: result(_chains(persons, definition, rules, entered)), is_stored=is_stored
    )


def _chains(persons: Persons, definition: FunnelDefinition, rules: kernel.Rules, entered: Interval | None) -> Chains:
    rows = persons.rows
    nothing = frozen(np.empty(0, np.int64))
    person, number, matched, steps = kernel.chains(
        kernel.Rows(
            starts=persons.starts,
            time=fixed(rows["time"]),
            satisfied=fixed(rows["satisfied"]),
            excluded=fixed(rows["excluded"]) if definition.exclude else nothing,
            held=_held_values(rows, definition) if definition.hold else nothing,
        ),
        rules,
    )
    if entered is not None:
        first = rows["time"].gather(matched[:, 0])
        is_in = first.is_between(
            pl.Series([entered.start], dtype=UTC_TIME), pl.Series([entered.end], dtype=UTC_TIME), closed="left"
        ).to_numpy()
        person, matched, steps, number = person[is_in], matched[is_in], steps[is_in], number[is_in]
    return Chains(persons, person, number, matched, steps, rules.start_before)


def _held(name: str) -> str:
    return f"held_{name}"


def _held_values(rows: pl.DataFrame, definition: FunnelDefinition) -> NDArray[np.int64]:
    """Return a number for each combination of held values; -1 if one is null, as a join does not match nulls."""
    names = [_held(name) for name in definition.hold]
    held = rows.select(names)
    numbers = held.unique().with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("number"))
    return fixed(held.join(numbers, on=names, how="left", maintain_order="left")["number"].fill_null(-1))


def _mask(predicates: Sequence[pl.Expr], masks: list[int], dtype: pl.DataType) -> pl.Expr:
    """Return the bits of all predicates that hold, as one number."""
    none = pl.lit(0, dtype)
    return reduce(
        or_,
        (
            pl.when(predicate).then(pl.lit(mask, dtype)).otherwise(none)
            for predicate, mask in zip(predicates, masks, strict=True)
        ),
        none,
    )


def _bits(n_steps: int) -> pl.DataType:
    """Return an integer type with a bit per step: one of two, because the kernel is compiled for each."""
    return pl.UInt8() if n_steps <= 8 else pl.UInt64()
