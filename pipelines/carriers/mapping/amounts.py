"""Amounts in minor units, from whole numbers or from decimals of a currency's major unit."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.carriers.levels import BOOLEAN, LIST, OBJECT
from pipelines.carriers.mapping.expressions import Compiled, fault, value
from pipelines.carriers.mapping.model import Money, Value
from pipelines.carriers.mapping.scope import Scope
from schemas.currencies import CURRENCIES
from schemas.kinds import MOST_MINOR

_TEN_THOUSANDTHS: Final = 10_000
"""Most decimal digits of any currency."""

_IN_ONE_MINOR: Final = {code: _TEN_THOUSANDTHS // 10 ** (one.minor_digits or 0) for code, one in CURRENCIES.items()}
_WHOLE: Final = r"^[0-9]{1,18}$"
_EXACT: Final = r"^[0-9]{1,14}(?:\.[0-9]{1,4}0*)?$"
_ROUGH: Final = r"^[0-9]{1,14}(?:\.[0-9]+)?$"
_FOUR_DECIMALS: Final = r"^([0-9]+(?:\.[0-9]{1,4})?)"
_DECIMAL: Final = pl.Decimal(18, 4)


def amount(asked: str | Money, currency: pl.Expr, scope: Scope) -> Compiled:
    """Return an amount in minor units (Int64), null if it is not an amount. See `Money`."""
    spec = asked if isinstance(asked, Money) else Money(of=asked)
    whole = _read(spec.of, spec, currency, scope)
    if spec.less is None:
        return whole
    before = _read(spec.less, spec, currency, scope)
    left = whole.value - before.value.fill_null(0)
    grew = pl.format(f"{{}} less {{}} is not an amount - at {', '.join(whole.paths)}", whole.value, before.value)
    faults = (*whole.faults, *before.faults, (left < 0, grew))
    return Compiled(pl.when(left >= 0).then(left), faults, (*whole.paths, *before.paths))


def _read(place: Value, spec: Money, currency: pl.Expr, scope: Scope) -> Compiled:
    given = value(place, scope)
    text = scope.once(given.value)
    if spec.unit == "minor":
        found = pl.when(text.str.contains(_WHOLE)).then(text).cast(pl.Int64, strict=False)
    else:
        number = scope.once(pl.when(text.str.contains(_ROUGH if spec.rounded else _EXACT)).then(text))
        # Digits beyond the four would round.
        digits = number
        if spec.rounded:
            longer = pl.when(~number.str.contains(_EXACT)).then(number)
            digits = pl.coalesce(longer.str.extract(_FOUR_DECIMALS, 1), number)
        ten_thousandths = scope.once((digits.cast(_DECIMAL) * _TEN_THOUSANDTHS).cast(pl.Int64))
        in_one = scope.once(currency.replace_strict(_IN_ONE_MINOR, default=None, return_dtype=pl.Int64()))
        if spec.rounded:
            found = (2 * ten_thousandths + in_one) // (2 * in_one)
        else:
            found = pl.when(ten_thousandths % in_one == 0).then(ten_thousandths // in_one)
    found = scope.once(found)
    found = scope.once(pl.when(found.is_between(0, MOST_MINOR)).then(found))
    faults = tuple(fault(path, scope, (BOOLEAN, OBJECT, LIST), "an amount") for path in given.paths)
    unread = pl.format(
        f"{{}} is not an amount in {spec.unit} units of {{}} - at {', '.join(given.paths)}",
        text,
        currency.fill_null("no currency"),
    )
    return Compiled(found, (*faults, (text.is_not_null() & found.is_null(), unread)), given.paths)
