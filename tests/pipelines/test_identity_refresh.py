"""Whatever links come, go and are ruled out, in whatever batches: persons are the components of the links that hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.events.identity import LINK
from pipelines.ingest.event_writer import BATCH
from pipelines.lake import Lake
from pipelines.refresh import Refreshed, over_merged_persons, refresh_identity
from pipelines.rulings import NoAccount, NoSuchLink, as_pseudonym, links_of, rule
from schemas import kinds
from schemas.lake import EVENTS, IDENTITY, IDENTITY_CHANGE, IDENTITY_RULING
from tests.examples import examples
from tests.pipelines.canonical import NOON, PSEUDONYMS, Event, encoded, ingest, land, link, make_unreadable, records

Pair = tuple[str, str | None]


def components(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The oracle: merge sets of accounts pair by pair."""
    sets: dict[str, set[str]] = {}
    for one, other in links:
        merged = sets.get(one, {one}) | sets.get(other, {other})
        sets |= dict.fromkeys(merged, merged)
    return {account: min(accounts) for account, accounts in sets.items()}


@dataclass
class People:
    """A lake of links, what is ruled about them, and a follower that reads `identity` only where changes are told."""

    lake: Lake
    sent: int = 0
    ruled_out: set[frozenset[str | None]] = field(default_factory=set)
    followed: dict[str, str] = field(default_factory=dict)
    noted: int = 0

    def send(self, *events: Event, kafka_time: dt.datetime = NOON) -> None:
        offsets = range(self.sent, self.sent + len(events))
        self.sent += len(events)
        land(self.lake, records([encoded(event) for event in events], offsets=offsets, kafka_time=kafka_time))
        ingest(self.lake)

    def rule(self, pair: Pair, *, is_withdrawn: bool) -> None:
        account, other = (None if name is None else PSEUDONYMS.of(name) for name in pair)
        assert account is not None
        rule(self.lake, account, other, is_withdrawn=is_withdrawn, actor="ann", reason="a shared phone", now=NOON)
        changed = self.ruled_out.add if is_withdrawn else self.ruled_out.discard
        changed(frozenset((account, other)))

    def refresh(self) -> Refreshed:
        return refresh_identity(self.lake)

    def follow(self) -> None:
        now = self.persons()
        told = self.lake.open(IDENTITY_CHANGE).scan().filter(pl.col("batch") > self.noted).collect()["account_id"]
        self.followed |= {account: now[account] for account in told if account in now}
        self.noted = self.lake.open(IDENTITY).scan().select(pl.col("batch").max()).collect().item() or 0

    def persons(self) -> dict[str, str]:
        return dict(self.lake.open(IDENTITY).scan().select("account_id", "person_id").collect().iter_rows())

    def wanted(self) -> dict[str, str]:
        """The persons by the links that hold, one by one."""
        events = self.lake.open(EVENTS).scan().filter(pl.col("type") == kinds.IDENTITY_LINKED).select(LINK).collect()
        return components(pair for pair in events.iter_rows() if not self._is_ruled_out(*pair))

    def _is_ruled_out(self, one: str, other: str) -> bool:
        return any(frozenset(ends) in self.ruled_out for ends in ((one, other), (one, None), (other, None)))

    def assert_exact(self) -> None:
        wanted, found = self.wanted(), self.persons()
        assert found == {account: wanted.get(account, account) for account in found}
        assert wanted.items() <= found.items()
        self.follow()
        assert {account: self.followed.get(account, account) for account in found} == found


@pytest.fixture
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(Lake(str(tmp_path_factory.mktemp("people"))))


def pseudonymous(*pairs: tuple[str, str]) -> dict[str, str]:
    return components(((PSEUDONYMS.of(one), PSEUDONYMS.of(other)) for one, other in pairs))


def linked(*pairs: tuple[str, str]) -> list[Event]:
    return [link(one, other, id=f"{one} {other}") for one, other in pairs]


def test_a_new_link_concerns_the_persons_it_ties_and_no_others(people: People):
    people.send(*linked(*((f"app:{n}", f"shop:{n}") for n in range(1, 100))))
    assert people.refresh().persons == 99
    people.send(*linked(("app:1", "shop:2"), ("app:1", "app:new")))
    assert people.refresh() == Refreshed(is_changed=True, rows=199, persons=1)
    people.assert_exact()


def test_a_link_between_accounts_that_are_one_person_already_changes_nothing(people: People):
    people.send(*linked(("app:1", "app:2"), ("app:2", "app:3")))
    people.refresh()
    version = people.lake.open(IDENTITY).delta.file_uris()
    people.send(*linked(("app:1", "app:3")))
    assert not people.refresh().is_changed
    assert people.lake.open(IDENTITY).delta.file_uris() == version


def test_a_new_link_is_found_without_reading_the_links_of_other_months(people: People):
    people.send(*linked(("app:1", "app:2")))
    people.refresh()
    people.send(link("app:3", "app:4", id="early", time="2024-01-01T00:00:00Z"))
    for uri in people.lake.open(EVENTS).delta.file_uris():
        if "month=2025" in uri:  # reading it would fail
            make_unreadable(Path(uri))
    assert people.refresh().persons == 1


def test_a_withdrawn_link_parts_two_persons_and_one_that_holds_again_unites_them(people: People):
    people.send(*linked(("app:1", "app:2"), ("app:2", "app:3")))
    people.refresh()
    people.rule(("app:2", "app:1"), is_withdrawn=True)
    people.refresh()
    assert people.persons() == {PSEUDONYMS.of("app:1"): PSEUDONYMS.of("app:1"), **pseudonymous(("app:2", "app:3"))}
    people.rule(("app:1", "app:2"), is_withdrawn=False)
    people.refresh()
    assert people.persons() == pseudonymous(("app:1", "app:2"), ("app:2", "app:3"))
    people.assert_exact()


def test_a_withdrawn_link_that_is_told_again_stays_withdrawn(people: People):
    people.send(*linked(("app:1", "app:2")))
    people.refresh()
    people.rule(("app:1", "app:2"), is_withdrawn=True)
    people.refresh()
    people.send(link("app:2", "app:1", id="again"))
    people.refresh()
    assert len(set(people.persons().values())) == 2
    people.assert_exact()


def test_all_links_of_an_account_are_withdrawn_at_once_and_those_to_come(people: People):
    people.send(*linked(*((f"app:{n}", "shop:till") for n in range(1, 9))))
    people.refresh()
    people.rule(("shop:till", None), is_withdrawn=True)
    people.send(*linked(("app:9", "shop:till"), ("app:8", "app:9")))
    people.refresh()
    assert len(set(people.persons().values())) == 9
    people.assert_exact()


def test_a_ruling_changes_persons_in_a_batch_of_its_own(people: People):
    people.send(*linked(("app:1", "app:2")))
    people.refresh()
    people.follow()
    people.rule(("app:1", "app:2"), is_withdrawn=True)
    people.refresh()
    assert people.lake.open(EVENTS).position(BATCH) == 2
    people.assert_exact()
    assert people.refresh() == Refreshed(is_changed=False, rows=2)
    assert people.lake.open(EVENTS).position(BATCH) == 2


def test_a_ruling_keeps_who_made_it_when_and_why(people: People):
    people.send(*linked(("app:1", "app:2")))
    people.rule(("app:1", "app:2"), is_withdrawn=True)
    people.rule(("app:2", "app:1"), is_withdrawn=False)
    ends = tuple(sorted(map(PSEUDONYMS.of, ("app:1", "app:2"))))
    assert people.lake.open(IDENTITY_RULING).scan().sort("ruling").collect().rows() == [
        (1, *ends, True, "ann", "a shared phone", NOON),
        (2, *ends, False, "ann", "a shared phone", NOON),
    ]


@pytest.mark.parametrize(
    ("pair", "is_withdrawn"),
    [
        (("app:1", "app:3"), True),
        (("app:1", "app:1"), True),
        (("app:4", None), True),
        (("app:1", "app:2"), False),
        (("app:1", None), False),
    ],
)
def test_what_nothing_links_cannot_be_withdrawn_and_what_holds_cannot_hold_again(
    people: People, pair: Pair, is_withdrawn: bool
):
    people.send(*linked(("app:1", "app:2"), ("app:2", "app:3"), ("app:1", "app:1")))
    with pytest.raises(NoSuchLink):
        people.rule(pair, is_withdrawn=is_withdrawn)


def test_the_links_of_an_account_are_those_that_hold(people: People):
    people.send(*linked(("app:1", "app:2"), ("app:3", "app:1"), ("app:2", "app:3")))
    people.rule(("app:1", "app:2"), is_withdrawn=True)
    found = links_of(people.lake, PSEUDONYMS.of("app:1"))
    assert found.rows() == [(PSEUDONYMS.of("app:3"), PSEUDONYMS.of("app:1"))]


def test_a_person_of_too_many_accounts_is_found_with_the_account_that_chains_them(people: People):
    people.send(*linked(*((f"app:{n}", "shop:till") for n in range(1, 5)), ("app:1", "app:2"), ("qq:1", "qq:2")))
    people.refresh()
    crowd = min(PSEUDONYMS.of(name) for name in ("shop:till", *(f"app:{n}" for n in range(1, 5))))
    assert over_merged_persons(people.lake, 4).rows() == [(crowd, 5, PSEUDONYMS.of("shop:till"), 4)]
    assert over_merged_persons(people.lake, 5).is_empty()
    people.rule(("shop:till", None), is_withdrawn=True)
    people.refresh()
    assert over_merged_persons(people.lake, 2).is_empty()


def test_an_account_is_named_in_clear_or_by_its_pseudonym():
    pseudonym = PSEUDONYMS.of("app:1")
    assert [as_pseudonym(name, PSEUDONYMS) for name in ("app:1", pseudonym)] == [pseudonym, pseudonym]
    with pytest.raises(NoAccount):
        as_pseudonym("ann", PSEUDONYMS)


NAMES = st.sampled_from([f"app:{name}" for name in "abcdefg"])
LINKS = st.lists(st.builds(lambda a, b, n: link(a, b, id=n), NAMES, NAMES, st.sampled_from("12345678")), max_size=4)
STEP = st.one_of(
    st.tuples(st.just("send"), LINKS, st.integers(0, 3)),
    st.tuples(st.just("rule"), st.tuples(NAMES, st.none() | NAMES), st.booleans()),
    st.tuples(st.just("refresh")),
    st.tuples(st.just("follow")),
)


@examples(40)
@given(st.lists(STEP, max_size=9))
def test_persons_are_the_components_of_the_links_that_hold_after_any_steps(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple]
):
    """Few ids of events: copies delivered earlier take links back."""
    people = People(Lake(str(tmp_path_factory.mktemp("people"))))
    for kind, *arguments in steps:
        if kind == "send":
            events, day = arguments
            people.send(*events, kafka_time=NOON + dt.timedelta(days=day))
        elif kind == "rule":
            pair, is_withdrawn = arguments
            try:
                people.rule(pair, is_withdrawn=is_withdrawn)
            except NoSuchLink:
                continue
        elif kind == "refresh":
            people.refresh()
        else:
            people.follow()
    people.refresh()
    people.assert_exact()
