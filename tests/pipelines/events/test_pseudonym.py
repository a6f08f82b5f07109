"""Accounts leave under a keyed pseudonym: the same for the same key, and no way back without it."""

from __future__ import annotations

import hashlib
import hmac

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.events.pseudonym import Pseudonyms

KEY = b"first"
PSEUDONYMS = Pseudonyms(KEY)
SCHEMA = pl.Schema({"account": pl.String(), "other": pl.String(), "many": pl.List(pl.String())})


def frame(*rows: tuple[str | None, str | None, list[str | None] | None]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def applied(table: pl.DataFrame) -> pl.DataFrame:
    return PSEUDONYMS.apply(table, ("account", "other"), ("many",))


def test_it_is_the_first_half_of_a_keyed_hash_in_hexadecimal():
    assert PSEUDONYMS.of("app:ann") == hmac.new(KEY, b"app:ann", hashlib.sha256).hexdigest()[:32]


def test_another_key_gives_another_pseudonym():
    assert Pseudonyms(b"second").of("app:ann") != PSEUDONYMS.of("app:ann")


def test_the_key_is_not_shown():
    assert "first" not in repr(PSEUDONYMS)


def test_an_account_has_one_pseudonym_in_every_column():
    [(account, other, many)] = applied(frame(("app:ann", "app:ann", ["app:ann"]))).rows()
    assert account == other == many[0] == PSEUDONYMS.of("app:ann")


def test_nothing_to_rename_is_left_as_it_is():
    for table in (frame(), frame((None, None, None)), frame((None, None, []))):
        assert applied(table).equals(table)


account = st.none() | st.text()


@given(st.lists(st.tuples(account, account, st.none() | st.lists(account))))
def test_every_id_is_replaced_in_its_place(rows: list[tuple[str | None, str | None, list[str | None] | None]]):
    def renamed(value: str | None) -> str | None:
        return None if value is None else PSEUDONYMS.of(value)

    expected = [
        (renamed(one), renamed(two), None if many is None else [renamed(each) for each in many])
        for one, two, many in rows
    ]
    assert applied(frame(*rows)).rows() == expected
