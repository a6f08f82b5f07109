"""Rows of `mart` that no table of the lake has."""

import polars as pl

from pipelines.publish.rows import currency_rows


def test_a_currency_has_the_digits_of_its_minor_unit_and_an_unknown_one_has_none():
    credits = pl.LazyFrame({"currency": ["KWD", "CNY", "JPY", "ZZZ", "CNY"]})
    assert currency_rows(credits).sort("currency").collect().rows() == [
        ("CNY", "Yuan Renminbi", 2),
        ("JPY", "Yen", 0),
        ("KWD", "Kuwaiti Dinar", 3),
        ("ZZZ", None, None),
    ]
