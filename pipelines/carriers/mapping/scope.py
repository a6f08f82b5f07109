"""The columns that paths of a mapping become, and those that several of its expressions share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Final

import polars as pl

from pipelines.carriers.levels import MISSING, NULL
from pipelines.carriers.mapping.paths import TOP, Path, PathError

INDEX: Final = "#"
"""In a template: the place of the element in its list, from 0."""

TIME: Final = "#time"
"""In a template: the event's time in microseconds since 1970, however the payload writes it."""

KIND: Final = ":kind"
COUNT: Final = ":count"
PARTS: Final = ":parts"
ALL: Final = ":all"
"""Behind the name of a column: the kind of what is there; of lists how many elements, their texts, and all of them."""

SEPARATOR: Final = "\0"
"""Between the texts of a list that are measured as one."""

_NAMED: Final = "="
"""Before the name of a field: its column. No path begins so."""

_ONCE: Final = "#once "
"""Before the number of a column that is computed once."""


class Steps:
    """Expressions that others are made of, each computed once, in steps: one of a step is made of those before it."""

    def __init__(self) -> None:
        self.steps: list[dict[str, pl.Expr]] = []
        self._step_of: dict[str, int] = {}

    def add(self, expression: pl.Expr) -> pl.Expr:
        """Compute it before what asks for it; the column that it becomes."""
        step = 1 + max((self._step_of.get(name, -1) for name in expression.meta.root_names()), default=-1)
        name = f"{_ONCE}{len(self._step_of)}"
        self._step_of[name] = step
        if step == len(self.steps):
            self.steps.append({})
        self.steps[step][name] = expression
        return pl.col(name)


@dataclass
class Scope:
    """Names the columns that paths become, and remembers each path that was asked for.

    Attributes:
        paths: What was asked for, of all levels.
        time: Of the event.
        patterns: See `CarrierMapping.patterns`.
        fields: See `CarrierMapping.fields`.
        named: Column -> the paths of the field that it is of, for those that were asked for.
        asked: Columns, and the suffixes of what was asked of them.
        steps: What is to be computed once; None: nothing is.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    patterns: dict[str, list[str]] = field(default_factory=dict)
    time: pl.Expr | None = None
    fields: dict[str, str | list[str]] = field(default_factory=dict)
    named: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    asked: set[tuple[str, str]] = field(default_factory=set)
    steps: Steps | None = None

    def path(self, text: str) -> Path:
        """Read a path and remember it."""
        path = Path.parse(text)
        self.paths.setdefault(text, path)
        return path

    def text(self, path: str) -> pl.Expr:
        """The text of the scalar at a path, or at the first place of a field that is there."""
        return self._of(self._column(path))

    def kind(self, path: str) -> pl.Expr:
        """The kind of what is there."""
        return self._of(self._column(path), KIND)

    def parts(self, path: str) -> tuple[pl.Expr, bool]:
        """The texts there with `SEPARATOR` between them, and whether there can be several."""
        column = self._column(path)
        paths = self.named.get(column, (self.paths.get(path),))
        is_joined = any(one is not None and one.level != TOP for one in paths)
        return self._of(column, PARTS if is_joined else ""), is_joined

    def count(self, path: str) -> pl.Expr:
        """How many elements there are."""
        return self._of(self._column(path), COUNT)

    def below(self, path: str, name: str) -> pl.Expr:
        """The text of a field of the object that is there."""
        if path not in self.fields:
            return self.text(self.path(path).sub(name).text)
        paths = tuple(self.path(self.path(one).sub(name).text) for one in as_list(self.fields[path]))
        return self._of(self._named(f"{path}.{name}", paths))

    def with_fields(self, rows: pl.DataFrame, asked: Collection[str], level: str = TOP) -> pl.DataFrame:
        """Rows of a level that have the columns of its paths, also with those asked for that are of fields."""
        wanted = asked if level == TOP else self.made_at({level}).intersection(asked)
        return rows.with_columns(
            made.alias(name) for name, (made, of) in self._made.items() if name in wanted and of.issubset(rows.columns)
        )

    def made_of(self, names: Collection[str]) -> frozenset[str]:
        """Name the columns that those of fields among these are made of."""
        return frozenset[str]().union(*(self._made[name][1] for name in names if name in self._made))

    def made_at(self, levels: Collection[str]) -> frozenset[str]:
        """Name the columns of fields that have a place in the elements of these lists."""
        found = {column for column, paths in self.named.items() if any(path.level in levels for path in paths)}
        return frozenset(f"{column}{suffix}" for column, suffix in self.asked if column in found)

    @cached_property
    def _made(self) -> dict[str, tuple[pl.Expr, frozenset[str]]]:
        """The columns of fields, once all was asked for, and the names of those that they are made of."""
        found: dict[str, tuple[pl.Expr, frozenset[str]]] = {}
        for column, suffix in sorted(one for one in self.asked if one[0] in self.named):
            made = _first_there(self.named[column])[suffix]
            found[f"{column}{suffix}"] = (made, frozenset(made.meta.root_names()))
        return found

    def _of(self, column: str, suffix: str = "") -> pl.Expr:
        self.asked.add((column, suffix))
        return pl.col(f"{column}{suffix}")

    def _column(self, path: str) -> str:
        if path in self.fields:
            return self._named(path, tuple(self.path(one) for one in as_list(self.fields[path])))
        self.path(path)
        return path

    def _named(self, name: str, paths: tuple[Path, ...]) -> str:
        self.named[f"{_NAMED}{name}"] = paths
        return f"{_NAMED}{name}"

    def all_of(self, path: str) -> pl.Expr:
        """The texts of all scalars at a path into a list, as a list; null where there is no element."""
        if self.path(path).level == TOP:
            raise PathError(f"{path!r} is no path into a list")
        return self._of(path, ALL)

    def once(self, expression: pl.Expr) -> pl.Expr:
        """Return a column that several expressions share instead of this expression, if they may share it."""
        return expression if self.steps is None else self.steps.add(expression)

    def expressions(self, given: str | list[str]) -> list[str]:
        """Regular expressions, with those that `@name` means."""
        found = []
        for one in [given] if isinstance(given, str) else given:
            found += self.patterns[one[1:]] if one.startswith("@") else [one]
        return found


@cache
def _first_there(paths: tuple[Path, ...]) -> dict[str, pl.Expr]:
    """By suffix of the column: what is at the first of these places that has something."""
    nothing = pl.lit(MISSING, pl.UInt8)
    found = {"": pl.lit(None, pl.String), KIND: nothing, COUNT: pl.lit(0, pl.Int64), PARTS: pl.lit(None, pl.String)}
    for path in reversed(paths):
        kind = pl.col(f"{path.text}{KIND}")
        is_there = ~kind.is_in([MISSING, NULL])
        text = pl.col(path.text)
        here = {"": text, KIND: kind, COUNT: pl.lit(1, pl.Int64), PARTS: text}
        if path.level != TOP:
            here |= {suffix: pl.col(f"{path.text}{suffix}") for suffix in (COUNT, PARTS)}
        found = {suffix: pl.when(is_there).then(here[suffix]).otherwise(later) for suffix, later in found.items()}
    return found


def as_list(given: str | list[str]) -> list[str]:
    """Give a list of one for one."""
    return [given] if isinstance(given, str) else given
