"""Times of a mapping as Polars expressions: numbers of several units, and texts of several forms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import polars as pl

from pipelines.carriers.levels import BOOLEAN, LIST, OBJECT
from pipelines.carriers.mapping.expressions import Compiled, fault, merged, paths_of, value
from pipelines.carriers.mapping.model import Instant
from pipelines.carriers.mapping.scope import Scope
from schemas.lake import UTC_TIME

_MICROSECONDS: Final = 1_000_000
_SNOWFLAKE_BITS: Final = 22
_MOST_DIGITS: Final = 18
"""Of which every whole number fits 64 bits."""

_MILLISECONDS_FROM: Final = 100_000_000_000
"""A number of seconds beyond it would be of the year 5138; of milliseconds it is of 1973."""

_IN_OUR_TIME: Final = ("milliseconds", "microseconds")
_EARLIEST: Final = -(2**55)
_USUAL: Final = {20: "%Y-%m-%dT%H:%M:%SZ", 24: "%Y-%m-%dT%H:%M:%S.%3fZ"}
"""Number of bytes -> form of fixed widths, which is read in a third of the time of any form."""

_NO_EARLIER: Final = _MILLISECONDS_FROM * 1000
"""Before 1973 a number of another unit was written."""


def instant(asked: Instant | list[Instant], scope: Scope) -> tuple[Compiled, pl.Expr]:
    """Return a time (UTC, null if missing) and its quality (String; null: that of the mapping)."""
    found = [(one, _instant(one, scope)) for one in ([asked] if isinstance(asked, Instant) else asked)]
    time = pl.coalesce(compiled.value for _, compiled in found)
    *firsts, (last, _) = found
    # Where none is found it makes no difference: the event is rejected.
    quality = pl.lit(last.quality, pl.String())
    for one, compiled in reversed(firsts):
        quality = pl.when(compiled.value.is_not_null()).then(pl.lit(one.quality, pl.String())).otherwise(quality)
    return Compiled(time, merged(one for _, one in found), paths_of(one for _, one in found)), quality


def _instant(asked: Instant, scope: Scope) -> Compiled:
    given = value(asked.of, scope)
    # A zero is how many sources say that they do not know.
    text = scope.once(pl.when(~given.value.is_in(["0", "0.0"])).then(given.value))
    if asked.unit in _TICKS:
        ticks = scope.once(_TICKS[asked.unit](text, scope))
        time = scope.once(_utc(ticks, _NO_EARLIER if asked.unit in _IN_OUR_TIME else _EARLIEST))
    else:
        time = scope.once(_READ[asked.unit](text, asked, scope))
    faults = tuple(fault(path, scope, (BOOLEAN, OBJECT, LIST), "a time") for path in given.paths)
    unread = pl.format(f"{{}} is no time in {asked.unit} - at {', '.join(given.paths)}", text)
    return Compiled(time, (*faults, (text.is_not_null() & time.is_null(), unread)), given.paths)


def _ticks(text: pl.Expr, scope: Scope, per_second: int) -> pl.Expr:
    """Convert a decimal number of some unit to microseconds exactly; further digits are cut off."""
    scale = _MICROSECONDS // per_second
    decimals = len(str(scale)) - 1
    whole = scope.once(text.cast(pl.Int64, strict=False))
    is_whole = (text.str.len_bytes() <= _MOST_DIGITS - decimals) & ~text.str.starts_with("+") & whole.is_not_null()
    is_whole = scope.once(is_whole)
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


def _seconds_or_milliseconds(text: pl.Expr, scope: Scope) -> pl.Expr:
    is_milliseconds = text.cast(pl.Float64, strict=False) >= _MILLISECONDS_FROM
    return pl.when(is_milliseconds).then(_ticks(text, scope, 1000)).otherwise(_ticks(text, scope, 1))


def _rfc3339(text: pl.Expr, scope: Scope) -> pl.Expr:
    size = text.str.len_bytes()
    usual = pl.coalesce(_read_as(form, pl.when(size == length).then(text)) for length, form in _USUAL.items())
    usual = scope.once(usual.dt.replace_time_zone("UTC"))
    return pl.coalesce(usual, _read_as("%+", pl.when(usual.is_null()).then(text))).cast(UTC_TIME)


def _read_as(form: str, text: pl.Expr) -> pl.Expr:
    zone = "UTC" if form == "%+" else None
    return text.str.to_datetime(form, time_unit="us", time_zone=zone, strict=False)


def _local(text: pl.Expr, zone: str, scope: Scope) -> pl.Expr:
    usual = scope.once(_read_as("%Y-%m-%d %H:%M:%S", text))
    others = scope.once(pl.when(usual.is_null()).then(text))
    forms = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")
    local = pl.coalesce(usual, *(_read_as(form, others) for form in forms))
    return local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def _snowflake(text: pl.Expr, epoch_ms: int) -> pl.Expr:
    number = text.cast(pl.UInt64, strict=False)
    return _utc(((number // 2**_SNOWFLAKE_BITS).cast(pl.Int64) + epoch_ms) * 1000, _EARLIEST)


_TICKS: Final[dict[str, Callable[[pl.Expr, Scope], pl.Expr]]] = {
    "seconds": partial(_ticks, per_second=1),
    "milliseconds": partial(_ticks, per_second=1000),
    "microseconds": partial(_ticks, per_second=_MICROSECONDS),
    "seconds_or_milliseconds": _seconds_or_milliseconds,
}
"""Units of numbers: how many microseconds these are."""

_READ: Final[dict[str, Callable[[pl.Expr, Instant, Scope], pl.Expr]]] = {
    "rfc3339": lambda text, _, scope: _rfc3339(text, scope),
    "local": lambda text, asked, scope: _local(text, asked.zone, scope),
    "snowflake": lambda text, asked, _: _snowflake(text, asked.epoch_ms),
}
"""All others."""
