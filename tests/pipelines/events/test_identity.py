"""A person is all accounts that links connect; the table remembers when an account's person last changed."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.events.identity import apart, identity, links, with_person
from schemas.lake import EVENTS, IDENTITY

Links = list[tuple[str, str]]
NOBODY = pl.DataFrame(schema=IDENTITY.schema)


def told(pairs: Links) -> pl.LazyFrame:
    rows = [{"type": "identity.linked", "account_id": one, "linked_account_id": other} for one, other in pairs]
    return pl.LazyFrame(rows, schema=EVENTS.schema)


def resolved(pairs: Links, before: pl.DataFrame, batch: int) -> pl.DataFrame:
    """All persons anew."""
    return identity(apart(before), links(told(pairs)), before, batch)


def persons(table: pl.DataFrame) -> dict[str, str]:
    return dict(table.select("account_id", "person_id").iter_rows())


def batches(table: pl.DataFrame) -> dict[str, int]:
    return dict(table.select("account_id", "batch").iter_rows())


def components(pairs: Links) -> dict[str, str]:
    """The oracle: merge sets of accounts pair by pair."""
    sets: dict[str, set[str]] = {}
    for one, other in pairs:
        merged = sets.get(one, {one}) | sets.get(other, {other})
        sets |= dict.fromkeys(merged, merged)
    return {account: min(accounts) for account, accounts in sets.items()}


pairs = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=8)


def test_accounts_linked_through_a_third_are_one_person():
    assert persons(resolved([("c", "b"), ("b", "a"), ("y", "x")], NOBODY, 1)) == {
        "a": "a",
        "b": "a",
        "c": "a",
        "x": "x",
        "y": "x",
    }


def test_without_links_there_is_nobody_to_note():
    assert resolved([], NOBODY, 1).equals(NOBODY)


def test_events_that_link_nothing_are_no_links():
    message = pl.LazyFrame([{"type": "message.sent", "account_id": "a"}], schema=EVENTS.schema)
    assert links(message).is_empty()


def test_a_link_to_itself_is_a_person_of_one_account():
    assert persons(resolved([("a", "a")], NOBODY, 1)) == {"a": "a"}


def test_only_accounts_whose_person_changed_get_the_new_batch():
    before = resolved([("a", "b"), ("x", "y")], NOBODY, 1)
    after = resolved([("a", "b"), ("x", "y"), ("b", "c")], before, 2)
    assert batches(after) == {"a": 1, "b": 1, "c": 2, "x": 1, "y": 1}


def test_a_smaller_account_gives_all_of_its_person_the_new_batch():
    before = resolved([("c", "b")], NOBODY, 1)
    after = resolved([("c", "b"), ("a", "b")], before, 2)
    assert (persons(after), batches(after)) == ({"a": "a", "b": "a", "c": "a"}, {"a": 2, "b": 2, "c": 2})


def test_an_account_whose_link_was_replaced_is_itself_again_and_changed():
    before = resolved([("a", "b")], NOBODY, 1)
    after = resolved([("a", "c")], before, 2)
    assert (persons(after)["b"], batches(after)["b"]) == ("b", 2)


@given(pairs, pairs)
def test_persons_and_their_changes_equal_the_oracle(first: Links, second: Links):
    before = resolved(first, NOBODY, 1)
    after = resolved(second, before, 2)
    were, are = components(first), components(second)
    assert persons(before) == were
    assert persons(after) == {account: are.get(account, account) for account in were | are}
    unchanged = {account for account in were if were[account] == are.get(account, account)}
    assert batches(after) == {account: 1 if account in unchanged else 2 for account in were | are}
    assert after.equals(after.sort("account_id"))


def test_an_account_never_linked_is_a_person_of_its_own_and_none_is_nobody():
    events = pl.LazyFrame({"account_id": ["b", "z", None]}, schema={"account_id": pl.String()})
    table = resolved([("a", "b")], NOBODY, 1)
    assert with_person(events, table.lazy()).collect().sort("account_id", nulls_last=True).rows() == [
        ("b", "a"),
        ("z", "z"),
        (None, None),
    ]
