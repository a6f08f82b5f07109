"""Accounts leave under a keyed pseudonym: the same for the same key, and no way back without it."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.events.pseudonym import Pseudonyms

KEY = b"first"
PSEUDONYMS = Pseudonyms(KEY)
SCHEMA = pl.Schema({"account": pl.String(), "other": pl.String(), "many": pl.List(pl.String())})

Row = tuple[str | None, str | None, list[str | None] | None]


def frame(*table: Row) -> pl.DataFrame:
    return pl.DataFrame(list(table), schema=SCHEMA, orient="row")


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


account = st.none() | st.sampled_from(["app:ann", "app:bob", ""]) | st.text()
rows = st.lists(st.tuples(account, account, st.none() | st.lists(account)), max_size=4)


def renamed(table: list[Row]) -> list[Row]:
    """The oracle: one id after another."""

    def name(value: str | None) -> str | None:
        return None if value is None else PSEUDONYMS.of(value)

    return [(name(one), name(two), None if many is None else list(map(name, many))) for one, two, many in table]


@given(rows)
def test_every_id_is_replaced_in_its_place(table: list[Row]):
    assert applied(frame(*table)).rows() == renamed(table)


@given(st.lists(rows, max_size=6), st.integers(0, 6))
def test_what_is_remembered_of_other_frames_changes_no_pseudonym(frames: list[list[Row]], most_known: int):
    pseudonyms = Pseudonyms(KEY, most_known)
    for each in frames:
        found = pseudonyms.apply(frame(*each), ("account", "other"), ("many",))
        assert found.rows() == renamed(each)
        assert len(pseudonyms._known.pseudonyms) <= most_known


def test_threads_share_what_is_remembered():
    pseudonyms = Pseudonyms(KEY, most_known=300)

    def misnamed(start: int) -> list[str]:
        accounts = [f"app:{number}" for number in range(start, start + 200)]
        found = pseudonyms.apply(pl.DataFrame({"account": accounts}), ("account",))["account"]
        return [a for a, name in zip(accounts, found, strict=True) if name != PSEUDONYMS.of(a)]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(misnamed, range(0, 2000, 10))) == [[]] * 200
