"""Amounts of money in minor units, from whole numbers or from decimals of a currency's major unit."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.carriers.levels import BOOLEAN, LIST, OBJECT
from pipelines.carriers.mapping.expressions import Compiled, Scope, fault, value
from pipelines.carriers.mapping.model import Money
from schemas.currencies import CURRENCIES

_DIGITS: Final = {code: one.minor_digits or 0 for code, one in CURRENCIES.items()}
_WHOLE: Final = r"^-?[0-9]{1,18}$"
_DECIMAL: Final = r"^-?[0-9]{1,15}(?:\.[0-9]+)?$"


def amount(asked: str | Money, currency: pl.Expr, scope: Scope) -> Compiled:
    """An amount in minor units (Int64). A decimal has no more digits than its currency, but for zeros."""
    spec = asked if isinstance(asked, Money) else Money(of=asked)
    given = value(spec.of, scope)
    text = given.value
    if spec.unit == "minor":
        found = pl.when(text.str.contains(_WHOLE)).then(text).cast(pl.Int64, strict=False)
    else:
        number = pl.when(text.str.contains(_DECIMAL)).then(text)
        digits = currency.replace_strict(_DIGITS, default=None, return_dtype=pl.Int64())
        whole = number.str.extract(r"^(-?[0-9]+)", 1).cast(pl.Int64, strict=False)
        written = number.str.extract(r"\.([0-9]+)$", 1).fill_null("").str.strip_chars_end("0")
        has_room = written.str.len_bytes().cast(pl.Int64) <= digits
        part = (written + pl.lit("0000")).str.head(digits.cast(pl.UInt32)).cast(pl.Int64, strict=False).fill_null(0)
        scale = pl.lit(10, pl.Int64).pow(digits)
        signed = pl.when(number.str.starts_with("-")).then(-part).otherwise(part)
        found = pl.when(has_room).then(whole * scale + signed)
    faults = tuple(fault(path, scope, (BOOLEAN, OBJECT, LIST), "an amount") for path in given.paths)
    unread = pl.format(
        f"{{}} is no amount in {spec.unit} units of {{}} - at {', '.join(given.paths)}",
        text,
        currency.fill_null("no currency"),
    )
    return Compiled(found, (*faults, (text.is_not_null() & found.is_null(), unread)), given.paths)
