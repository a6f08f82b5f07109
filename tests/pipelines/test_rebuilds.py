"""A fact that other code computed is computed again on request, and so is what depends on it, and nothing else."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import polars as pl
import pytest

from pipelines.lake import Lake
from pipelines.refresh import NotRebuildable, request_rebuild
from schemas.lake import FACTS, LIFECYCLE, ORDER_CREDIT, PERSON_DAY, RETENTION, TABLES, LakeTable
from tests.pipelines.canonical import NOON
from tests.pipelines.test_behind import GRAPH, SENT, Followed

REBUILT_ALONE = {"risk_model", "group_risk"}
"""Records of what was told; this history is too short for any."""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    found = Followed(Lake(str(tmp_path_factory.mktemp("company"))))
    for _ in SENT:
        found.arrive()
    found.tick()
    found.run()
    found.assert_exact()
    return found


def ask(company: Followed, fact: str, since: dt.date | None = None) -> None:
    request_rebuild(company.lake, fact, since=since, actor="ann", reason="mended", now=NOON)


def below(fact: str) -> set[str]:
    chosen = dg.AssetSelection.assets(fact).downstream(include_self=False).resolve(GRAPH)
    return {key.to_user_string() for key in chosen} & {table.name for table in FACTS}


def spoil(company: Followed, table: LakeTable) -> None:
    """Let the fact be what code with a defect made of its inputs: a row is missing."""
    handle = company.lake.open(table)
    company.lake.replace(handle, handle.scan().collect().tail(-1), {})


def rows(company: Followed) -> dict[str, pl.DataFrame]:
    """What every fact says; `batch` of `identity` says only when."""
    return {table.name: company.stored(table).drop("batch", strict=False) for table in FACTS}


def test_every_fact_is_rebuilt_on_request(company: Followed):
    right, facts = rows(company), sorted({table.name for table in FACTS} - REBUILT_ALONE - {"identity"})
    for fact in facts:
        spoil(company, TABLES[fact])
    for fact in facts:
        ask(company, fact)
    assert company.behind() >= {*facts}
    company.tick()
    company.run()
    assert company.behind() == set()
    found = rows(company)
    assert [name for name in right if not found[name].equals(right[name], null_equal=True)] == []


QUICK = {"identity", "person_day", "group"}
"""Facts on which most others depend."""


@pytest.mark.parametrize(
    "fact",
    [
        fact if fact in QUICK else pytest.param(fact, marks=pytest.mark.soak)
        for fact in sorted({table.name for table in FACTS} - REBUILT_ALONE)
    ],
)
def test_a_rebuilt_fact_and_all_that_depends_on_it_are_as_if_computed_from_nothing(company: Followed, fact: str):
    right = rows(company)
    # Whom `identity` changes is followed account by account.
    for name in {fact} if fact == "identity" else {fact, *below(fact)} - REBUILT_ALONE:
        spoil(company, TABLES[name])
    ask(company, fact)
    assert fact in company.behind()
    company.tick()
    company.run()
    if fact == "identity":  # which made a batch of its own, of which `feed_day` has only to take note
        company.tick()
        company.run()
    assert company.behind() == set()
    found = rows(company)
    assert [name for name in right if not found[name].equals(right[name], null_equal=True)] == []


def test_where_a_rebuilt_fact_comes_out_the_same_nothing_that_depends_on_it_is_rebuilt(company: Followed):
    before = company.stored(LIFECYCLE)
    ask(company, "person_day")
    assert company.behind() == {"person_day"}
    company.materialize("person_day")
    assert company.behind() == set()
    assert company.stored(LIFECYCLE).equals(before)


@pytest.mark.parametrize("table", [PERSON_DAY, RETENTION], ids=lambda table: table.name)
def test_from_a_day_on_the_days_before_it_stay_as_they_are(company: Followed, table: LakeTable):
    day = {"person_day": "day", "retention": "cohort"}[table.name]
    right = company.stored(table)
    number = next(name for name, kind in table.columns.items() if kind.is_integer())
    handle = company.lake.open(table)
    company.lake.replace(handle, right.with_columns(pl.col(number) + 1), {})
    since = (NOON - dt.timedelta(days=5)).date()
    ask(company, table.name, since)
    company.materialize(table.name)
    found = company.stored(table)
    reached = pl.col(day) >= since
    assert found.filter(reached).equals(right.filter(reached), null_equal=True)
    ask(company, table.name)
    company.tick()
    company.run()
    company.assert_exact()


def test_what_is_no_fact_or_has_no_days_is_refused_and_says_what_there_is(company: Followed):
    with pytest.raises(NotRebuildable, match="no fact 'raw'"):
        ask(company, "raw")
    with pytest.raises(NotRebuildable, match="from a day on"):
        ask(company, ORDER_CREDIT.name, NOON.date())
