"""Messages that are alike in all are told apart by their number among these."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipelines.carriers.readers.occurrences import Occurrences
from pipelines.carriers.texts import Texts
from tests.examples import examples

TEXTS = Texts(b"key")


@examples(200)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=6))
def test_each_is_numbered_among_those_that_are_alike_however_they_are_batched(batches: list[list[str]]):
    occurrences, n_before = Occurrences(TEXTS), Counter[str]()
    for batch in batches:
        expected = []
        for one in batch:
            again = TEXTS.identities([f"{one}\x1f{n_before[one]}"])[0]
            expected.append(again if n_before[one] else one)
            n_before[one] += 1
        assert occurrences.number(batch) == expected


def test_only_the_newest_are_remembered():
    occurrences = Occurrences(TEXTS, most=8)
    for batch in ("abcd", "efgh", "efgh", "efgh"):
        occurrences.number(batch)
    assert occurrences.number("a") == ["a"]
    assert occurrences.number("e") != ["e"]
