"""Filter the levels of lists by conditions on elements, as in `link[@name=names].member[]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from pipelines.carriers.levels import Level, Levels
from pipelines.carriers.mapping.paths import TOP, Elements, Filter, above, steps, without_filters


def of_all_elements(fields: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the levels without their conditions, and the fields of each, with those that the conditions need."""
    found: dict[str, dict[str, None]] = {}
    for level, names in fields.items():
        where = _where(level)
        asked = names if where is None else (*names, where.field)
        found.setdefault(without_filters(level), {}).update(dict.fromkeys(asked))
    return {level: tuple(names) for level, names in found.items()}


def chosen(levels: Levels, fields: Mapping[str, Sequence[str]]) -> Levels:
    """Keep the elements of each level that fulfil its conditions; positions in a list count only these.

    Args:
        levels: Levels of all elements, as `of_all_elements` returns them.
        fields: Fields by level, with conditions, outer levels first.
    """
    found: dict[str, Level] = {}
    kept: dict[str, pl.Series] = {}
    for name in fields:
        level = levels[without_filters(name)]
        where, outer = _where(name), above(name)
        is_kept = None if where is None else level.fields.select(holds(where)).to_series()
        if outer in kept:
            of_outer = kept[outer].gather(level.parent)
            is_kept = of_outer if is_kept is None else is_kept & of_outer
        if is_kept is None:
            found[name] = level
            continue
        kept[name] = is_kept
        parent, index = level.parent.filter(is_kept), level.index.filter(is_kept)
        if where is not None:
            among = pl.int_range(pl.len(), dtype=pl.UInt32).over("parent")
            index = parent.alias("parent").to_frame().select(among).to_series()
        if outer in kept:
            parent = (kept[outer].cum_sum().cast(pl.UInt32) - 1).gather(parent)
        fields_of_kept = level.fields.filter(is_kept) if level.fields.width else pl.DataFrame(height=len(parent))
        found[name] = Level(fields_of_kept, parent, index)
    return found


def holds(where: Filter) -> pl.Expr:
    """Return whether an element fulfils a condition; never null."""
    is_it = (pl.col(where.field) == where.value).fill_null(value=False)
    return ~is_it if where.differs else is_it


def _where(level: str) -> Filter | None:
    """Return the condition on the elements of a level, without those on outer levels."""
    last = steps(level)[-1] if level != TOP else None
    return last.where if isinstance(last, Elements) else None
