"""Values, conditions and times of a mapping as Polars expressions over the fields of a level.

An expression comes with its faults: conditions under which the payload breaks the contract, and their messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Final

import polars as pl

from pipelines.carriers.levels import FRACTION, INTEGER, LIST, MISSING, NULL, OBJECT, STRING, WORDS
from pipelines.carriers.mapping.model import Scalar, Test, Tests, Value, When
from pipelines.carriers.mapping.scope import INDEX, TIME, Scope, as_list

_PLACE: Final = re.compile(r"\{([^{}]+)\}")
_KINDS: Final = {"text": (STRING,), "number": (INTEGER, FRACTION), "object": (OBJECT,), "list": (LIST,)}
_NO_ID: Final = (FRACTION, OBJECT, LIST)


@dataclass(frozen=True)
class Compiled:
    """An expression, and the possible faults of its input, each a condition and a detail."""

    value: pl.Expr
    faults: tuple[tuple[pl.Expr, pl.Expr], ...] = ()
    paths: tuple[str, ...] = ()


def condition(when: When, scope: Scope) -> pl.Expr:
    """Return whether a condition holds; never null."""
    if isinstance(when, list):
        return _any(_tests(tests, scope) for tests in when)
    return _tests(when, scope)


def _tests(tests: Tests, scope: Scope) -> pl.Expr:
    return _all(_test(path, test, scope) for path, test in tests.items())


def _test(path: str, asked: Scalar | list[Scalar] | Test, scope: Scope) -> pl.Expr:
    test = asked if isinstance(asked, Test) else Test(equals=asked)
    text, kind = scope.text(path), scope.kind(path)
    is_there = kind.is_in([MISSING, NULL]).not_() & (text != "").fill_null(value=True)
    tests = []
    if test.present is not None:
        tests.append(is_there if test.present else ~is_there)
    if test.equals is not None:
        tests.append(text.is_in(_texts(test.equals)))
    if test.differs is not None:
        tests.append(~text.is_in(_texts(test.differs)).fill_null(value=False))
    if test.starts is not None:
        tests.append(_any(text.str.starts_with(start) for start in as_list(test.starts)))
    if test.ends is not None:
        tests.append(_any(text.str.ends_with(end) for end in as_list(test.ends)))
    if test.matches is not None:
        tests.append(scope.once(_any(text.str.contains(one) for one in scope.expressions(test.matches))))
    if test.is_a is not None:
        tests.append(kind.is_in(list(_KINDS[test.is_a])))
    if test.same_as is not None:
        tests.append(text == scope.text(test.same_as))
    if test.not_same_as is not None:
        tests.append(~(text == scope.text(test.not_same_as)).fill_null(value=False))
    if test.among is not None:
        tests.append(text.is_in(scope.all_of(test.among)))
    if test.not_among is not None:
        tests.append(~text.is_in(scope.all_of(test.not_among)).fill_null(value=False))
    return _all(one.fill_null(value=False) for one in tests)


def value(asked: Value, scope: Scope, *, is_id: bool = False) -> Compiled:
    """Compile a value of a mapping.

    Args:
        asked: The value as the mapping declares it.
        scope: Scope of its paths.
        is_id: Whether it is an id: a fraction, a list or an object in its place is a fault.
    """
    if isinstance(asked, str):
        return _template(asked, scope, _NO_ID if is_id else ())
    if asked.choose is not None:
        chosen = [(condition(one.when, scope), value(one.is_, scope, is_id=is_id)) for one in asked.choose]
        first = pl.coalesce(pl.when(holds).then(one.value) for holds, one in chosen)
        compiled = Compiled(first, merged(one for _, one in chosen), paths_of(one for _, one in chosen))
    else:
        # What is captured is captured of a text, in whose place its measures may stand.
        no_id = (FRACTION, LIST) if asked.capture is not None else _NO_ID
        parts = [_template(one, scope, no_id if is_id else ()) for one in as_list(asked.of or "")]
        compiled = Compiled(pl.coalesce(part.value for part in parts), merged(parts), paths_of(parts))
    found = compiled.value
    if asked.strip is not None:
        for expression in scope.expressions(asked.strip):
            found = found.str.replace_all(expression, "")
    if asked.capture is not None:
        found = scope.once(found)
        found = pl.coalesce(found.str.extract(one, 1) for one in scope.expressions(asked.capture))
    if asked.lower:
        found = found.str.to_lowercase()
    if asked.upper:
        found = found.str.to_uppercase()
    if asked.pad is not None:
        found = found.str.zfill(asked.pad)
    if asked.map is not None:
        found = found.replace_strict(asked.map, default=None, return_dtype=pl.String())
    found = scope.once(found)
    found = pl.when(found != "").then(found)
    if asked.otherwise is not None:
        found = found.fill_null(_template(asked.otherwise, scope).value)
    return Compiled(found, compiled.faults, compiled.paths)


def _template(text: str, scope: Scope, refused: Sequence[int] = ()) -> Compiled:
    """Compile a text with paths in braces: null if one is empty or no scalar, a fault if it is of a refused kind."""
    parts: list[pl.Expr] = []
    faults = []
    paths = []
    end = 0
    for found in _PLACE.finditer(text):
        if literal := text[end : found.start()]:
            parts.append(pl.lit(literal))
        end = found.end()
        if found[1] == INDEX:
            parts.append(pl.col(INDEX).cast(pl.String()))
            continue
        if found[1] == TIME and scope.time is not None:
            parts.append(scope.time.dt.epoch("us").cast(pl.String()))
            continue
        paths.append(found[1])
        here = scope.text(found[1])
        parts.append(pl.when(here != "").then(here))
        if refused:
            faults.append(fault(found[1], scope, refused, "text or a whole number"))
    if tail := text[end:]:
        parts.append(pl.lit(tail))
    if not parts:
        return Compiled(pl.lit(None, pl.String()))
    return Compiled(parts[0] if len(parts) == 1 else pl.concat_str(parts), tuple(faults), tuple(paths))


def places_of(template: str) -> list[str]:
    """Return the paths in the braces of a template."""
    return _PLACE.findall(template)


def fault(path: str, scope: Scope, kinds: Sequence[int], expected: str) -> tuple[pl.Expr, pl.Expr]:
    """Return the fault of a place that has one of these kinds of value: its condition and its text."""
    kind = scope.kind(path)
    words = kind.replace_strict(dict(enumerate(WORDS)), return_dtype=pl.String())
    return kind.is_in(list(kinds)), pl.format(f"Expected {expected}, got {{}} - at {path}", words)


def _texts(given: Scalar | list[Scalar]) -> list[str]:
    scalars = given if isinstance(given, list) else [given]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in scalars]


def _all(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(and_, conditions, pl.lit(value=True))


def _any(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(or_, (one.fill_null(value=False) for one in conditions), pl.lit(value=False))


def merged(parts: Iterable[Compiled]) -> tuple[tuple[pl.Expr, pl.Expr], ...]:
    """Return the faults of all of these."""
    return tuple(one for part in parts for one in part.faults)


def paths_of(parts: Iterable[Compiled]) -> tuple[str, ...]:
    """Return the paths that these read."""
    return tuple(path for part in parts for path in part.paths)
