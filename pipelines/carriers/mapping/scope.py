"""The columns of the paths in a mapping, and the expressions that several of its columns share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Final

import polars as pl

from pipelines.carriers.levels import MISSING, NULL
from pipelines.carriers.mapping.paths import TOP, Path, PathError

INDEX: Final = "#"
"""In a template: the position of the element in its list, from 0."""

TIME: Final = "#time"
"""In a template: the event's time in microseconds since 1970, however the payload writes it."""

KIND: Final = ":kind"
COUNT: Final = ":count"
PARTS: Final = ":parts"
ALL: Final = ":all"
"""Suffixes of a column: kind of the value; for lists: number of elements, their joined texts, a list of all."""

SEPARATOR: Final = "\0"
"""Between the texts of a list that are measured as one."""

_NAMED: Final = "="
"""Prefix of the column of a named field. No path begins with it."""

_ONCE: Final = "#once "
"""Prefix of the column of a shared expression, before its number."""


class Steps:
    """Shared expressions, each computed once, in steps: a step may use the columns of earlier steps."""

    def __init__(self) -> None:
        self.steps: list[dict[str, pl.Expr]] = []
        self._step_of: dict[str, int] = {}
        self._names: dict[bytes, str] = {}

    def add(self, expression: pl.Expr) -> pl.Expr:
        """Compute an expression in the first step that has its inputs; return the column of its result.

        Equal expressions have one column; columns that are there, and literals, need none.
        """
        inputs = expression.meta.root_names()
        if expression.meta.is_column() or not inputs:
            return expression
        written = expression.meta.serialize()
        if written not in self._names:
            step = 1 + max(self._step_of.get(name, -1) for name in inputs)
            name = self._names[written] = f"{_ONCE}{len(self._step_of)}"
            self._step_of[name] = step
            if step == len(self.steps):
                self.steps.append({})
            self.steps[step][name] = expression
        return pl.col(self._names[written])


@dataclass(frozen=True)
class _Made:
    """A column of a named field: its name and suffix, the paths of the field, and the columns that it is made of."""

    name: str
    suffix: str
    paths: tuple[Path, ...]
    reads: frozenset[str]


@dataclass
class Scope:
    """Translates paths to columns, and records the paths and columns that a mapping uses.

    Attributes:
        paths: The paths used so far, of all levels, by their text.
        time: The time of the event, for templates with `{#time}`.
        patterns: See `CarrierMapping.patterns`.
        fields: See `CarrierMapping.fields`.
        named: Column of a named field (`CarrierMapping.fields`) -> the field's paths; only of used fields.
        asked: The used columns, each with its suffix (`KIND`, `COUNT`, `PARTS`, `ALL` or empty).
        steps: The shared expressions; None: nothing is shared.
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
        """Return the text of the scalar at a path, or of a named field: at the first of its paths that has a value."""
        return self._of(self._column(path))

    def kind(self, path: str) -> pl.Expr:
        """Return the kind of the value at a path."""
        return self._of(self._column(path), KIND)

    def parts(self, path: str) -> tuple[pl.Expr, bool]:
        """Return the texts at a path, joined by `SEPARATOR`, and whether there can be several."""
        column = self._column(path)
        paths = self.named.get(column, (self.paths.get(path),))
        is_joined = any(one is not None and one.level != TOP for one in paths)
        return self._of(column, PARTS if is_joined else ""), is_joined

    def count(self, path: str) -> pl.Expr:
        """Return the number of elements of the list at a path."""
        return self._of(self._column(path), COUNT)

    def below(self, path: str, name: str) -> pl.Expr:
        """Return the text of a field of the object at a path."""
        if path not in self.fields:
            return self.text(self.path(path).sub(name).text)
        paths = tuple(self.path(self.path(one).sub(name).text) for one in as_list(self.fields[path]))
        return self._of(self._named(f"{path}.{name}", paths))

    def with_fields(self, rows: pl.DataFrame, asked: Collection[str], level: str = TOP) -> pl.DataFrame:
        """Add the wanted columns of named fields to rows of a level, which have the columns of its paths."""
        wanted = asked if level == TOP else self.made_at({level}).intersection(asked)
        made = [one for name, one in self._made.items() if name in wanted and one.reads.issubset(rows.columns)]
        # Most batches have values at few of the paths; the others would cost as much as these.
        kinds = {path.text: pl.col(f"{path.text}{KIND}").max() for one in made for path in one.paths}
        highest = rows.select(**kinds).row(0, named=True) if kinds else {}
        there = {text for text, kind in highest.items() if kind is not None and kind > NULL}
        return rows.with_columns(
            _first_there(tuple(path for path in one.paths if path.text in there))[one.suffix].alias(one.name)
            for one in made
        )

    def made_of(self, names: Collection[str]) -> frozenset[str]:
        """Return the input columns of those among these columns that are of named fields."""
        return frozenset[str]().union(*(self._made[name].reads for name in names if name in self._made))

    def made_at(self, levels: Collection[str]) -> frozenset[str]:
        """Return the columns of named fields that have a path into one of these levels."""
        found = {column for column, paths in self.named.items() if any(path.level in levels for path in paths)}
        return frozenset(f"{column}{suffix}" for column, suffix in self.asked if column in found)

    @cached_property
    def _made(self) -> dict[str, _Made]:
        """The used columns of named fields by name; complete after compiling."""
        found: dict[str, _Made] = {}
        for column, suffix in sorted(one for one in self.asked if one[0] in self.named):
            reads = frozenset(_first_there(self.named[column])[suffix].meta.root_names())
            found[f"{column}{suffix}"] = _Made(f"{column}{suffix}", suffix, self.named[column], reads)
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
    """Return, by suffix of the column, the value at the first of these paths that has one."""
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
    """Return a single value as a list of one."""
    return [given] if isinstance(given, str) else given
