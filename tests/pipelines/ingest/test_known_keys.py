"""Which rows may have a copy: none that has one is missed, and beyond the room for hashes all may have one."""

from __future__ import annotations

import tempfile

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.known_keys import KnownKeys, insert
from pipelines.lake import Lake
from schemas.lake import EVENTS
from tests.examples import examples

Key = tuple[str, str]
keys = st.tuples(st.sampled_from(["shop", "chat"]), st.integers(0, 20).map(str))


def rows(*keys: Key) -> pl.DataFrame:
    given = pl.DataFrame(keys, schema=dict.fromkeys(EVENTS.key, pl.String), orient="row")
    others = [pl.lit(None, dtype).alias(name) for name, dtype in EVENTS.columns.items() if name not in given.columns]
    return given.with_columns(others).with_columns(month=pl.date(2025, 3, 1)).select(EVENTS.schema.names())


def known(stored: list[Key], most: int) -> KnownKeys:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        handle = lake.open(EVENTS)
        lake.append(handle, rows(*stored), {})
        return KnownKeys(handle, most)


@examples(40)
@given(st.lists(keys, unique=True), st.lists(st.lists(keys), max_size=4))
def test_rows_that_may_have_a_copy_are_those_that_have_one(stored: list[Key], batches: list[list[Key]]):
    held = known(stored, most=1_000)
    before = list(stored)
    for batch in batches:
        expected = [key in before or batch.count(key) > 1 for key in batch]
        assert held.claim(rows(*batch)).to_list() == expected
        before += batch


def test_beyond_the_room_for_hashes_every_row_may_have_a_copy():
    held = known([("shop", "1")], most=2)
    assert held.claim(rows(("shop", "1"), ("shop", "2"))).to_list() == [True, False]
    assert held.claim(rows(("shop", "3"), ("shop", "4"))).to_list() == [False, False]
    assert held.claim(rows(("shop", "5"))).to_list() == [True]
    assert known([("shop", "1"), ("shop", "2"), ("shop", "3")], most=2).claim(rows(("chat", "1"))).to_list() == [True]


def test_a_hundred_thousand_keys_are_known_each_once():
    held = known([], most=1_000_000)
    many = [("shop", str(number)) for number in range(100_000)]
    assert not held.claim(rows(*many)).any()
    assert held.claim(rows(*many, ("chat", "1"))).to_list() == [True] * len(many) + [False]


@given(st.lists(st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1)), max_size=30))
def test_hashes_that_meet_in_a_slot_stay_apart(hashes: list[int]):
    is_known = np.zeros(len(hashes), np.bool_)
    added = insert(np.zeros(32, np.uint64), np.array(hashes, np.uint64), is_known)
    taken = [max(1, number) for number in hashes]
    assert is_known.tolist() == [number in taken[:place] for place, number in enumerate(taken)]
    assert added == len(set(taken))
