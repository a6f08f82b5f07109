"""Values, conditions and times of a mapping as Polars expressions over the fields of a level.

An expression comes with its faults: conditions under which the payload breaks the contract, and what to say then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial, reduce
from operator import and_, or_
from typing import Final

import polars as pl

from pipelines.carriers.levels import BOOLEAN, FRACTION, INTEGER, LIST, MISSING, NULL, OBJECT, STRING, WORDS
from pipelines.carriers.mapping.model import Instant, Scalar, Test, Tests, Value, When
from pipelines.carriers.mapping.paths import TOP, Path, PathError
from schemas.lake import UTC_TIME

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

_PLACE: Final = re.compile(r"\{([^{}]+)\}")
_KINDS: Final = {"text": (STRING,), "number": (INTEGER, FRACTION), "object": (OBJECT,), "list": (LIST,)}
_NO_ID: Final = (FRACTION, OBJECT, LIST)
_MICROSECONDS: Final = 1_000_000
_SNOWFLAKE_BITS: Final = 22
_MOST_DIGITS: Final = 18
"""Of which every whole number fits 64 bits."""

_MILLISECONDS_FROM: Final = 100_000_000_000
"""A number of seconds beyond it would be of the year 5138; of milliseconds it is of 1973."""

_IN_OUR_TIME: Final = ("milliseconds", "microseconds")
_EARLIEST: Final = -(2**55)
_NO_EARLIER: Final = _MILLISECONDS_FROM * 1000
"""Before 1973 a number of another unit was written."""


@dataclass(frozen=True)
class Compiled:
    """An expression, and what may be wrong with what it reads: condition and detail."""

    value: pl.Expr
    faults: tuple[tuple[pl.Expr, pl.Expr], ...] = ()
    paths: tuple[str, ...] = ()


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
    """

    paths: dict[str, Path] = field(default_factory=dict)
    patterns: dict[str, list[str]] = field(default_factory=dict)
    time: pl.Expr | None = None
    fields: dict[str, str | list[str]] = field(default_factory=dict)
    named: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    asked: set[tuple[str, str]] = field(default_factory=set)

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
        paths = tuple(self.path(self.path(one).sub(name).text) for one in _list(self.fields[path]))
        return self._of(self._named(f"{path}.{name}", paths))

    def with_fields(self, rows: pl.DataFrame, level: str = TOP) -> pl.DataFrame:
        """Rows of a level that have the columns of its paths, also with those of the fields that were asked for."""
        return rows.with_columns(
            one.alias(f"{column}{suffix}")
            for column, paths in self.named.items()
            if level == TOP or any(path.level == level for path in paths)
            for suffix, one in _first_there(paths).items()
            if (column, suffix) in self.asked
        )

    def columns(self) -> frozenset[str]:
        """Name all columns that were asked for, also those that fields are made of."""
        return frozenset(f"{column}{suffix}" for column, suffix in self.asked).union(*map(self._made_of, self.named))

    def shared(self) -> frozenset[str]:
        """Name the columns that fields of elements are made of, each time that elements are read."""
        of_elements = [name for name, paths in self.named.items() if any(path.level != TOP for path in paths)]
        return frozenset[str]().union(*map(self._made_of, of_elements))

    def _made_of(self, column: str) -> set[str]:
        made = _first_there(self.named[column])
        return {name for asked, suffix in self.asked if asked == column for name in made[suffix].meta.root_names()}

    def _of(self, column: str, suffix: str = "") -> pl.Expr:
        self.asked.add((column, suffix))
        return pl.col(f"{column}{suffix}")

    def _column(self, path: str) -> str:
        if path in self.fields:
            return self._named(path, tuple(self.path(one) for one in _list(self.fields[path])))
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

    def expressions(self, given: str | list[str]) -> list[str]:
        """Regular expressions, with those that `@name` means."""
        found = []
        for one in [given] if isinstance(given, str) else given:
            found += self.patterns[one[1:]] if one.startswith("@") else [one]
        return found


def condition(when: When, scope: Scope) -> pl.Expr:
    """Does a condition hold; never null."""
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
        tests.append(_any(text.str.starts_with(start) for start in _list(test.starts)))
    if test.ends is not None:
        tests.append(_any(text.str.ends_with(end) for end in _list(test.ends)))
    if test.matches is not None:
        tests.append(_any(text.str.contains(one) for one in scope.expressions(test.matches)))
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
    """A value of a mapping.

    Args:
        asked: As the mapping says it.
        scope: Where its paths lie.
        is_id: Whether it names something: a fraction, a list or an object there is a fault.
    """
    if isinstance(asked, str):
        return _template(asked, scope, _NO_ID if is_id else ())
    if asked.choose is not None:
        chosen = [(condition(one.when, scope), value(one.is_, scope, is_id=is_id)) for one in asked.choose]
        first = pl.coalesce(pl.when(holds).then(one.value) for holds, one in chosen)
        compiled = Compiled(first, _merged(one for _, one in chosen), _paths(one for _, one in chosen))
    else:
        # What is captured is captured of a text, in whose place its measures may stand.
        no_id = (FRACTION, LIST) if asked.capture is not None else _NO_ID
        parts = [_template(one, scope, no_id if is_id else ()) for one in _list(asked.of or "")]
        compiled = Compiled(pl.coalesce(part.value for part in parts), _merged(parts), _paths(parts))
    found = compiled.value
    if asked.strip is not None:
        for expression in scope.expressions(asked.strip):
            found = found.str.replace_all(expression, "")
    if asked.capture is not None:
        found = pl.coalesce(found.str.extract(one, 1) for one in scope.expressions(asked.capture))
    if asked.lower:
        found = found.str.to_lowercase()
    if asked.upper:
        found = found.str.to_uppercase()
    if asked.pad is not None:
        found = found.str.zfill(asked.pad)
    if asked.map is not None:
        found = found.replace_strict(asked.map, default=None, return_dtype=pl.String())
    found = pl.when(found != "").then(found)
    if asked.otherwise is not None:
        found = found.fill_null(_template(asked.otherwise, scope).value)
    return Compiled(found, compiled.faults, compiled.paths)


def _template(text: str, scope: Scope, refused: Sequence[int] = ()) -> Compiled:
    """A text with places; null where one of them is empty or no scalar, a fault where it is of a kind refused."""
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


def fault(path: str, scope: Scope, kinds: Sequence[int], expected: str) -> tuple[pl.Expr, pl.Expr]:
    """What is said where a place has one of these kinds of value."""
    kind = scope.kind(path)
    words = kind.replace_strict(dict(enumerate(WORDS)), return_dtype=pl.String())
    return kind.is_in(list(kinds)), pl.format(f"Expected {expected}, got {{}} - at {path}", words)


@dataclass(frozen=True)
class Timed:
    """A time (UTC, null where there is none) and its quality (String, null: the mapping's own).

    Attributes:
        first: Columns that both are made of, each step of those before it; to be computed before them.
    """

    time: Compiled
    quality: pl.Expr
    first: tuple[dict[str, pl.Expr], ...]


def instant(asked: Instant | list[Instant], scope: Scope) -> Timed:
    """A time of a mapping."""
    found = []
    written, counted, read = {}, {}, {}
    # To read a time takes longer than all else of most events: it is read once, whoever asks for it.
    for number, one in enumerate([asked] if isinstance(asked, Instant) else asked):
        text, ticks, name = (f"{TIME} {number} {step}" for step in ("written", "counted", "read"))
        given = _template(one.of, scope)
        # A zero is how many sources say that they do not know.
        written[text] = pl.when(~given.value.is_in(["0", "0.0"])).then(given.value)
        if one.unit in _TICKS:
            counted[ticks] = _TICKS[one.unit](pl.col(text))
            read[name] = _utc(pl.col(ticks), _NO_EARLIER if one.unit in _IN_OUR_TIME else _EARLIEST)
        else:
            read[name] = _READ[one.unit](pl.col(text), one)
        found.append((one, _instant(one, given.paths, pl.col(text), pl.col(name), scope)))
    time = pl.coalesce(one.value for _, one in found)
    *firsts, (last, _) = found
    # Where none is found it makes no difference: the event is rejected.
    quality = pl.lit(last.quality, pl.String())
    for one, of_one in reversed(firsts):
        quality = pl.when(of_one.value.is_not_null()).then(pl.lit(one.quality, pl.String())).otherwise(quality)
    compiled = Compiled(time, _merged(one for _, one in found), _paths(one for _, one in found))
    return Timed(compiled, quality, (written, counted, read))


def _instant(asked: Instant, paths: tuple[str, ...], text: pl.Expr, time: pl.Expr, scope: Scope) -> Compiled:
    faults = tuple(fault(path, scope, (BOOLEAN, OBJECT, LIST), "a time") for path in paths)
    unread = pl.format(f"{{}} is no time in {asked.unit} - at {', '.join(paths)}", text)
    return Compiled(time, (*faults, (text.is_not_null() & time.is_null(), unread)), paths)


def _ticks(text: pl.Expr, per_second: int) -> pl.Expr:
    """A decimal number of some unit as microseconds, exact: what is beyond them is cut off."""
    scale = _MICROSECONDS // per_second
    decimals = len(str(scale)) - 1
    whole = text.cast(pl.Int64, strict=False)
    is_whole = (text.str.len_bytes() <= _MOST_DIGITS - decimals) & ~text.str.starts_with("+") & whole.is_not_null()
    # Whole numbers need no regular expressions, which take ten times as long; most batches have no others.
    others = pl.when(~is_whole).then(text)
    return pl.when(is_whole).then(whole * scale).otherwise(_decimal_ticks(others, decimals))


def _decimal_ticks(text: pl.Expr, decimals: int) -> pl.Expr:
    number = pl.when(text.str.contains(rf"^-?[0-9]{{1,{_MOST_DIGITS - decimals}}}(\.[0-9]+)?$")).then(text)
    whole = number.str.extract(r"^(-?[0-9]+)", 1).cast(pl.Int64, strict=False)
    if not decimals:
        return whole
    part = number.str.extract(r"\.([0-9]+)$", 1).str.head(decimals).str.pad_end(decimals, "0")
    fraction = part.cast(pl.Int64, strict=False).fill_null(0)
    return whole * 10**decimals + pl.when(number.str.starts_with("-")).then(-fraction).otherwise(fraction)


def _utc(microseconds: pl.Expr, earliest: int) -> pl.Expr:
    # Beyond this a time of no calendar would wrap.
    kept = pl.when(microseconds.is_between(earliest, 2**57)).then(microseconds)
    return kept.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _seconds_or_milliseconds(text: pl.Expr) -> pl.Expr:
    is_milliseconds = text.cast(pl.Float64, strict=False) >= _MILLISECONDS_FROM
    return pl.when(is_milliseconds).then(_ticks(text, 1000)).otherwise(_ticks(text, 1))


def _rfc3339(text: pl.Expr) -> pl.Expr:
    given = text.str.replace(r"([+-][0-9]{2})([0-9]{2})$", "$1:$2").str.replace(r"^([0-9-]{10}) ", "${1}T")
    return given.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False).cast(UTC_TIME)


def _local(text: pl.Expr, zone: str) -> pl.Expr:
    read = [
        text.str.to_datetime(form, time_unit="us", strict=False)
        for form in (
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%d %H:%M",
            "%Y/%m/%d %H:%M:%S",
            "%Y/%m/%d %H:%M",
        )
    ]
    local = pl.coalesce(read)
    return local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def _snowflake(text: pl.Expr, epoch_ms: int) -> pl.Expr:
    number = text.cast(pl.UInt64, strict=False)
    return _utc(((number // 2**_SNOWFLAKE_BITS).cast(pl.Int64) + epoch_ms) * 1000, _EARLIEST)


_TICKS: Final[dict[str, Callable[[pl.Expr], pl.Expr]]] = {
    "seconds": partial(_ticks, per_second=1),
    "milliseconds": partial(_ticks, per_second=1000),
    "microseconds": partial(_ticks, per_second=_MICROSECONDS),
    "seconds_or_milliseconds": _seconds_or_milliseconds,
}
"""Units of numbers: how many microseconds these are."""

_READ: Final[dict[str, Callable[[pl.Expr, Instant], pl.Expr]]] = {
    "rfc3339": lambda text, _: _rfc3339(text),
    "local": lambda text, asked: _local(text, asked.zone),
    "snowflake": lambda text, asked: _snowflake(text, asked.epoch_ms),
}
"""All others."""


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


def _texts(given: Scalar | list[Scalar]) -> list[str]:
    scalars = given if isinstance(given, list) else [given]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in scalars]


def _list(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given


def _all(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(and_, conditions, pl.lit(value=True))


def _any(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(or_, (one.fill_null(value=False) for one in conditions), pl.lit(value=False))


def _merged(parts: Iterable[Compiled]) -> tuple[tuple[pl.Expr, pl.Expr], ...]:
    return tuple(one for part in parts for one in part.faults)


def _paths(parts: Iterable[Compiled]) -> tuple[str, ...]:
    return tuple(path for part in parts for path in part.paths)
