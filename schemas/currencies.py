"""The currencies of ISO 4217, from the standard's own list."""

from __future__ import annotations

from typing import Final, NamedTuple

from iso4217 import Currency


class IsoCurrency(NamedTuple):
    """A currency: its English name and the number of decimal digits of its minor unit, if it has one."""

    name: str
    minor_digits: int | None


CURRENCIES: Final[dict[str, IsoCurrency]] = {one.code: IsoCurrency(one.currency_name, one.exponent) for one in Currency}
"""Currencies by code: `JPY` has 0 digits, `CNY` 2, `KWD` 3; gold (`XAU`) has no minor unit."""
