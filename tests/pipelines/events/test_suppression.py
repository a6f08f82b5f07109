"""Erased persons are recognised by keyed hashes, wherever a value names them, and nobody else is."""

from __future__ import annotations

import re
import string

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.events.pseudonym import Pseudonyms
from pipelines.events.suppression import Suppression, naming
from schemas.lake import SUPPRESSION
from tests.examples import examples
from tests.pipelines.canonical import NOON

KEY = b"a key of these tests"
PSEUDONYMS = Pseudonyms(KEY)
WORDS = st.text('01a:-" é', min_size=1, max_size=6)


def listed(*accounts: str, texts: tuple[str, ...] = ()) -> Suppression:
    """The list after each of these accounts was erased, one after the other."""
    found = Suppression(KEY)
    for number, account in enumerate(accounts, start=1):
        anywhere, bare = naming(account)
        entries = found.entries([PSEUDONYMS.of(account)], [*anywhere, *texts], bare)
        asked = entries.with_columns(
            erasure=pl.lit(number, pl.Int64), actor=pl.lit("ann"), reason=pl.lit("asked"),
            requested_at=pl.lit(NOON, SUPPRESSION.columns["requested_at"]),
        )  # fmt: skip
        found = Suppression(KEY, pl.concat([found.rows, asked.select(SUPPRESSION.schema.names())]))
    return found


def brute_force(value: str, texts: list[str]) -> bool:
    word = f"[{string.ascii_letters}{string.digits}]"
    for text in texts:
        before = f"(?<!{word})" if re.match(word, text) else ""
        after = f"(?!{word})" if re.match(word, text[-1]) else ""
        if re.search(before + re.escape(text) + after, value):
            return True
    return False


@examples(150)
@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(st.text('01a:-" é', max_size=30), max_size=5))
def test_a_value_names_a_person_where_a_brute_force_search_finds_the_text(texts, values):
    entries = Suppression(KEY).entries([], texts, [])
    suppression = Suppression(KEY, pl.concat([Suppression(KEY).rows, entries], how="diagonal"))
    found = suppression.sent(pl.Series([value.encode() for value in values], dtype=pl.Binary))
    assert found.to_list() == [brute_force(value, texts) for value in values]


def test_only_erased_accounts_are_covered():
    suppression = listed("qq:10001", "shop:c7")
    asked = [PSEUDONYMS.of("qq:10001"), PSEUDONYMS.of("qq:10002"), None, PSEUDONYMS.of("shop:c7")]
    assert suppression.covers(pl.Series(asked)).to_list() == [True, False, False, True]
    assert Suppression(KEY).covers(pl.Series(asked)).to_list() == [False] * 4


def test_under_another_key_the_list_covers_and_names_nobody():
    other = Suppression(b"another key", listed("qq:10001").rows)
    assert not other.covers(pl.Series([PSEUDONYMS.of("qq:10001")])).any()
    assert not other.sent(pl.Series([b'"qq:10001"'])).any()


def test_the_list_itself_holds_no_id():
    rows = listed("qq:1000012345", texts=("Ann Example",)).rows
    held = rows.write_json()
    for secret in ("1000012345", "Ann Example", PSEUDONYMS.of("qq:1000012345")):
        assert secret not in held


def test_a_short_number_is_looked_for_in_payloads_only():
    suppression = listed("qq:10001")
    values = pl.Series([b'{"user_id":10001}', b'{"user_id":510001}', b'"qq:10001"', b"10001x"])
    assert suppression.sent(values).to_list() == [True, False, True, False]
    assert suppression.names(values.cast(pl.String)).to_list() == [False, False, True, False]


def test_a_name_is_found_as_json_escapes_it_and_within_chinese_text():
    suppression = listed("qq:10001", texts=("张三",))
    values = ["张三", "你好张三吗", r'"\u5f20\u4e09"', "李四"]
    found = suppression.sent(pl.Series([value.encode() for value in values]))
    assert found.to_list() == [True, True, True, False]


def test_a_pseudonym_is_found_within_a_longer_text():
    suppression = listed("qq:10001")
    texts = [f"Person {PSEUDONYMS.of(account)} has 51 accounts." for account in ("qq:10001", "qq:10002")]
    assert suppression.names(pl.Series(texts)).to_list() == [True, False]
