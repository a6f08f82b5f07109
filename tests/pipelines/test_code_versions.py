"""A fact is computed again by code of another version, and by other settings of its own: that fact and no other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import Lake
from pipelines.publish.rows import newest_rebuild
from pipelines.refresh.rebuilds import EMBERLINE
from pipelines.refresh.written import REBUILD_INPUT, SETTINGS, recorded
from schemas.lake import FACTS, REBUILD, TABLES, LakeTable
from tests.pipelines.code_versions import set_code
from tests.pipelines.test_behind import MART, SENT, Followed
from tests.pipelines.test_rebuilds import REBUILT_ALONE, below, rows, spoil


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    found = Followed(Lake(str(tmp_path_factory.mktemp("company"))))
    for _ in SENT:
        found.arrive()
    while found.behind():
        found.tick()
        found.run()
    return found


OTHER = 7
"""A version that no fact's code is of."""


def together(table: LakeTable) -> set[str]:
    return {table.name, *table.computed_with}


def codes(fact: str, version: int) -> dict[str, int]:
    return dict.fromkeys(together(TABLES[fact]), version)


@pytest.mark.parametrize("fact", [table.name for table in FACTS])
def test_other_code_is_a_reason_to_compute_its_fact_and_no_other(
    computed: Followed, monkeypatch: pytest.MonkeyPatch, fact: str
):
    set_code(monkeypatch, **codes(fact, OTHER))
    assert computed.behind() == together(TABLES[fact])


@pytest.mark.parametrize("fact", [table.name for table in FACTS if table.settings])
def test_other_settings_are_a_reason_to_compute_their_fact_and_no_other(computed: Followed, fact: str):
    before = computed.settings
    computed.settings = before | dict.fromkeys(together(TABLES[fact]), 2)
    try:
        assert computed.behind() == together(TABLES[fact])
    finally:
        computed.settings = before


def test_facts_without_settings_record_none(computed: Followed):
    has_none = [table.name for table in FACTS if recorded(computed.lake.open(table), SETTINGS) is None]
    assert has_none == [table.name for table in FACTS if not table.settings]


@pytest.fixture
def company(computed: Followed, tmp_path: Path) -> Followed:
    return computed.copied(tmp_path / "copy")


def requests(company: Followed) -> pl.DataFrame:
    return company.stored(REBUILD)


@pytest.mark.parametrize(
    "fact",
    [
        "person_day",
        *(
            pytest.param(fact, marks=pytest.mark.soak)
            for fact in ("order_credit", "group_health", "funnel_entry", "feed_day")
        ),
    ],
)
def test_other_code_computes_its_fact_and_what_depends_on_it_from_scratch(
    company: Followed, monkeypatch: pytest.MonkeyPatch, fact: str
):
    right = rows(company)
    for name in {fact, *below(fact)} - REBUILT_ALONE:  # the mended code gives other rows than the code with a defect
        spoil(company, TABLES[name])
    set_code(monkeypatch, **codes(fact, OTHER))
    company.tick()
    company.run()
    assert company.behind() == set()
    found = rows(company)
    assert [name for name in right if not found[name].equals(right[name], null_equal=True)] == []


def test_where_other_code_gives_the_same_rows_nothing_else_is_computed(
    company: Followed, monkeypatch: pytest.MonkeyPatch
):
    published = company.published
    set_code(monkeypatch, person_day=OTHER)
    company.materialize("person_day")
    assert company.behind() - {MART} == set()
    assert newest_rebuild(company.lake) == 0
    numbers = {table.name: company.lake.open(table).position(REBUILD_INPUT) for table in FACTS}
    assert {name for name, number in numbers.items() if number} == {"person_day"}
    assert company.published == published


def test_other_code_asks_for_the_rebuild_in_its_own_name_and_once(company: Followed, monkeypatch: pytest.MonkeyPatch):
    set_code(monkeypatch, **codes("group_health", OTHER))
    company.materialize("group_health")
    company.materialize("group_health")
    asked = requests(company)
    assert asked.select("fact", "actor", "since", "requested_at").rows() == [("group_health", EMBERLINE, None, None)]
    by = TABLES["group_health"].code_version
    assert asked["reason"].item() == f"Its code has version {OTHER}, but it was computed by version {by}."


def test_code_of_an_older_version_is_other_code(company: Followed, monkeypatch: pytest.MonkeyPatch):
    set_code(monkeypatch, feed_day=2)
    company.materialize("feed_day")
    set_code(monkeypatch, feed_day=1)
    assert company.behind() - {MART} == {"feed_day"}
    company.materialize("feed_day")
    assert company.behind() - {MART} == set()


def test_a_fact_that_was_never_computed_is_computed_once_whatever_its_version(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    company = Followed(Lake(str(tmp_path_factory.mktemp("company"))))
    company.arrive()
    set_code(monkeypatch, **{table.name: 5 for table in FACTS})
    company.tick()
    company.run()
    assert company.behind() == set()
    assert requests(company).is_empty()
    company.assert_exact()


def test_a_restatement_of_other_code_can_say_so(company: Followed, monkeypatch: pytest.MonkeyPatch):
    """`mart.publication.rebuilds` moves, from which `restatement.code_changed` follows."""
    spoil(company, TABLES["group_day"])
    set_code(monkeypatch, group_day=OTHER)
    company.materialize("group_day")
    assert newest_rebuild(company.lake) == 1
