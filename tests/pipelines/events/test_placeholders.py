"""Which ids stand for nobody, in whatever spelling; the expression is that of plain Python."""

from __future__ import annotations

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.events.placeholders import is_placeholder
from schemas.kinds import BLOCKED_NATIVE_IDS

LETTERS = st.characters(max_codepoint=0x17F, exclude_characters="ßŉİıſµ\x1c\x1d\x1e\x1f")
"""Letters that are one letter in either case, and blanks that are blanks to everybody."""
ODD = st.text(st.sampled_from("nulNULoO0-+ .'\"\t()[]/\\xK:\u00a0"), max_size=8)
ID = st.one_of(ODD, st.text(LETTERS, max_size=8), st.sampled_from(sorted(BLOCKED_NATIVE_IDS)))


def plain(text: str) -> str:
    return "".join(character for character in text if not character.isspace() and character not in "'\"")


def is_nobody(native: str, blocked: frozenset[str]) -> bool:
    """The oracle: compare name by name, without regard to case; nothing but zeros and signs is no name."""
    found = plain(native).casefold()
    names = {plain(name).casefold() for name in BLOCKED_NATIVE_IDS | blocked}
    return found in names or all(character in "0+(){}._-" for character in found)


def asked(account: str | None, blocked: frozenset[str] = frozenset()) -> bool | None:
    frame = pl.DataFrame({"account": [account]}, schema={"account": pl.String})
    return frame.select(is_placeholder(pl.col("account"), blocked)).item()


@given(ID, st.frozensets(st.text(LETTERS, max_size=5), max_size=3))
@example("a.c", frozenset({"a?c", "abc"}))
@example("^$", frozenset({"^$"}))
def test_an_id_stands_for_nobody_where_comparing_name_by_name_says_so(native: str, blocked: frozenset[str]):
    assert asked(f"app:{native}", blocked) == is_nobody(native, blocked)


def test_the_carrier_is_no_part_of_the_name():
    assert [asked(account) for account in ("null:ann", "0:1", "app:a:null", None)] == [False, False, False, None]
