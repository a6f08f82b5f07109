"""Money on the terminal: in units of its currency, by the digits that ISO 4217 gives it."""

import polars as pl
import pytest

from emberline.published import amount
from schemas.currencies import CURRENCIES


@pytest.mark.parametrize(
    ("currency", "minor", "shown"),
    [
        ("CNY", 4900, "49.00"),
        ("CNY", 5, "0.05"),
        ("JPY", 4900, "4900"),
        ("KWD", 4900, "4.900"),
        ("KWD", 7, "0.007"),
        ("CLF", 12_345, "1.2345"),
        ("CNY", 2**62, "46116860184273879.04"),
        ("XAU", 4900, "4900 minor units"),
        ("ZZZ", 4900, "4900 minor units"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(currency: str, minor: int, shown: str):
    known = CURRENCIES.get(currency)
    digits = pl.Series([known and known.minor_digits], dtype=pl.Int16)
    frame = pl.DataFrame({"paid_minor": [minor], "minor_digits": digits})
    assert frame.select(amount("paid_minor")).item() == shown
