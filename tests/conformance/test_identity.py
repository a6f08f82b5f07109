"""Trap 12: a merge moves the person's history and counts nobody twice; ids that stand for nobody merge no one."""

from __future__ import annotations

import datetime as dt
from functools import partial

import polars as pl
import pytest

from emberline.simulator import Scenario, simulate
from pipelines.lake import Lake
from pipelines.refresh import refresh_identity
from pipelines.rulings import rule
from schemas import kinds
from schemas.lake import EVENTS, FIRST_SEEN, FUNNEL_ENTRY, GROUP_DAY, IDENTITY, ORDER_CREDIT, PERSON_DAY
from tests.pipelines.canonical import NOON, PSEUDONYMS, Event, ingest, land, records
from tests.pipelines.test_incremental import Company, happened, ordered, said

NOBODIES = (
    "undefined",
    "null",
    "0",
    "[object Object]",
    "None",
    "NaN",
    "anonymous",
    "0" * 8 + "-0000-0000-0000-" + "0" * 12,
)


LONG_AFTER = NOON + dt.timedelta(days=365)


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(Lake(str(tmp_path_factory.mktemp("company"))))


def test_trap_12_two_accounts_linked_to_an_id_of_nobody_are_two_persons(company: Company):
    pairs = {native: (f"app:a{number}", f"app:b{number}") for number, native in enumerate(NOBODIES)}
    links = [
        happened(kinds.IDENTITY_LINKED, member_id=account, linked_id=f"shop:{native}")
        for native, pair in pairs.items()
        for account in pair
    ]
    company.send(*(said(account) for pair in pairs.values() for account in pair), *links)
    refresh_identity(company.lake)
    company.refresh()
    assert company.stored(IDENTITY).is_empty()
    assert company.stored(PERSON_DAY)["person_id"].n_unique() == 2 * len(NOBODIES)


def test_trap_12_all_events_of_an_id_of_nobody_are_no_person(company: Company):
    company.send(said("app:a"), *(event for native in NOBODIES for event in events_of(f"app:{native}")))
    refresh_identity(company.lake)
    company.refresh()
    assert company.stored(EVENTS).height == 1 + 5 * len(NOBODIES)
    for fact in (PERSON_DAY, FIRST_SEEN, FUNNEL_ENTRY):
        assert company.stored(fact)["person_id"].n_unique() == 1
    assert company.stored(GROUP_DAY).select(pl.col("speakers", "messages", "joined").sum()).row(0) == (1, 1, 0)
    credit = company.stored(ORDER_CREDIT).select("person_id", "group_id", "paid_minor")
    assert credit.rows() == [(None, None, 100)] * len(credit)
    assert len(credit) >= len(NOBODIES)


def events_of(account: str) -> list[Event]:
    """A joining, two messages, a click and an order."""
    return [
        happened(kinds.MEMBER_JOINED, 9, member_id=account, group="app:g"),
        *(said(account, day) for day in (8, 1)),
        happened(kinds.LINK_CLICKED, 1, member_id=account, group="app:g"),
        ordered(kinds.ORDER_PAID, f"order of {account}", member_id=account),
    ]


BY_PERSON = (PERSON_DAY, FIRST_SEEN, FUNNEL_ENTRY, ORDER_CREDIT)


def test_trap_12_a_merge_of_one_person_in_a_hundred_recomputes_their_history_and_nobody_elses(company: Company):
    world = simulate(Scenario(days=98, groups=8, members=400))
    company.landed = world.records.height
    land(company.lake, records(world.records["value"].to_list(), kafka_time=LONG_AFTER))
    ingest(company.lake)
    resolve(company)
    before = {fact.name: company.stored(fact) for fact in BY_PERSON}
    joined = world.truth.levels.filter(pl.col("level") > 0)["members"].list.first().sample(8, seed=7).to_list()
    persons = [person_of(company, account) for account in joined]

    company.send(
        *(
            happened(kinds.IDENTITY_LINKED, member_id=one, linked_id=other)
            for one, other in zip(joined[::2], joined[1::2], strict=True)
        )
    )
    resolve(company)
    assert len(set(persons)) == 8
    assert len({person_of(company, account) for account in joined}) == 4
    assert {fact.name: company.refreshed[fact.name].persons for fact in BY_PERSON} == dict.fromkeys(before, 8)
    others = ~pl.col("person_id").is_in(persons)
    for fact in BY_PERSON:
        assert company.stored(fact).filter(others).equals(before[fact.name].filter(others))
    company.assert_exact()

    rule_out = partial(rule, company.lake, is_withdrawn=True, actor="ann", reason="not one human", now=NOON)
    rule_out(PSEUDONYMS.of(joined[0]), PSEUDONYMS.of(joined[1]))
    resolve(company)
    assert {fact.name: company.refreshed[fact.name].persons for fact in BY_PERSON} == dict.fromkeys(before, 2)
    assert len({person_of(company, account) for account in joined}) == 5
    company.assert_exact()


def resolve(company: Company) -> None:
    refresh_identity(company.lake)
    company.refresh()


def person_of(company: Company, account: str) -> str:
    pseudonym = PSEUDONYMS.of(account)
    return dict(company.stored(IDENTITY).select("account_id", "person_id").iter_rows()).get(pseudonym, pseudonym)
