"""Trap 12: a merge moves the person's history and counts nobody twice; ids that stand for nobody merge no one."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.lake import Lake
from pipelines.refresh import refresh_identity
from schemas import kinds
from schemas.lake import EVENTS, FIRST_SEEN, FUNNEL_ENTRY, GROUP_DAY, IDENTITY, ORDER_CREDIT, PERSON_DAY
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


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(Lake(str(tmp_path_factory.mktemp("company"))))


@pytest.mark.parametrize("native", NOBODIES)
def test_trap_12_two_accounts_linked_to_an_id_of_nobody_are_two_persons(company: Company, native: str):
    links = [
        happened(kinds.IDENTITY_LINKED, member_id=account, linked_id=f"shop:{native}") for account in ("app:a", "app:b")
    ]
    company.send(said("app:a"), said("app:b"), *links)
    refresh_identity(company.lake)
    company.refresh()
    assert company.stored(IDENTITY).is_empty()
    assert company.stored(PERSON_DAY)["person_id"].n_unique() == 2


@pytest.mark.parametrize("native", NOBODIES)
def test_trap_12_all_events_of_an_id_of_nobody_are_no_person(company: Company, native: str):
    nobody = f"app:{native}"
    joined = happened(kinds.MEMBER_JOINED, 9, member_id=nobody, group="app:g")
    spoken = [said(nobody, day) for day in (8, 1)]
    clicked = happened(kinds.LINK_CLICKED, 1, member_id=nobody, group="app:g")
    company.send(said("app:a"), joined, *spoken, clicked, ordered(kinds.ORDER_PAID, "o1", member_id=nobody))
    refresh_identity(company.lake)
    company.refresh()
    assert company.stored(EVENTS).height == 6
    for fact in (PERSON_DAY, FIRST_SEEN, FUNNEL_ENTRY):
        assert company.stored(fact)["person_id"].n_unique() == 1
    assert company.stored(GROUP_DAY).select(pl.col("speakers", "messages", "joined").sum()).row(0) == (1, 1, 0)
    assert company.stored(ORDER_CREDIT).select("person_id", "group_id", "paid_minor").rows() == [(None, None, 100)]
