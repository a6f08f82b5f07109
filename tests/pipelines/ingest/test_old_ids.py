"""A lake in which an earlier version stored ids that name accounts becomes the one that this version had made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from emberline.conformance import read_cases
from pipelines.carriers import CARRIERS
from pipelines.events import decode as decode_module
from pipelines.events.event_ids import MARKED, pseudonym_of
from pipelines.ingest import event_writer, old_ids, reset
from pipelines.ingest.counts import stored_counts
from pipelines.ingest.reset import BATCH
from pipelines.inputs import input_id, recorded_input
from pipelines.lake import Lake, LakeConflict
from pipelines.lake_values import remove_values
from pipelines.refresh import refresh_identity
from schemas import kinds
from schemas.lake import EVENTS, MEMBER_CHANGE, QUARANTINE_RULING, QUARANTINED_EVENT, STAFF_ACT, LakeTable
from tests.pipelines.canonical import NOON, PSEUDONYMS, TOPIC, ingest, land, records
from tests.pipelines.test_incremental import ACTIVE, CLICKED, LINK, TALK, Company, happened

CASES = Path(__file__).parents[2] / "conformance" / "carriers"
DAY = dt.timedelta(days=1)
OPERATED = happened(kinds.MEMBER_JOINED, 7, member_id="app:op", group="app:g", role="operator", id="joined/g/op")
LEFT = happened(kinds.MEMBER_LEFT, 3, member_id="app:b", group="app:g", id="left/g/b")
AWAITED = happened(kinds.MEMBER_LEFT, 2, member_id="app:a", group="app:g", id="left/g/a")
SENT = [*ACTIVE, *TALK, CLICKED, LINK, OPERATED, LEFT]


@contextmanager
def earlier_version() -> Iterator[None]:
    """Store ids as carriers made them before: without marks, in clear."""
    with pytest.MonkeyPatch.context() as patch:
        unmarked = pl.col(MARKED).str.strip_prefix("~")
        patch.setattr(decode_module, "without_accounts", lambda events, _: events.with_columns(unmarked))
        patch.setattr(event_writer, "replace_old_ids", lambda *_: None)
        patch.setattr(event_writer, "WITHOUT_ACCOUNTS", "settings/of_an_earlier_version")
        yield


def rule(company: Company, event: dict[str, object]) -> None:
    """Put an event in quarantine as earlier versions did, by its id alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.pipelines.test_incremental.pseudonym_of", lambda event_id, _: event_id)
        company.rule(event)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Events of three months, one of them in quarantine and another awaited there; values of old records are gone."""
    company = Company(Lake(str(tmp_path_factory.mktemp("made") / "lake")))
    with earlier_version():
        company.send(*SENT)
        rule(company, LEFT)
        rule(company, AWAITED)
        follow(company)
        remove_values(company.lake, DAY, NOON + 40 * DAY)
    return company


@pytest.fixture
def company(made: Company, tmp_path: Path) -> Company:
    return made.copied(tmp_path / "lake")


def follow(company: Company) -> None:
    ingest(company.lake)
    refresh_identity(company.lake)
    company.refresh()


def in_clear(company: Company, *tables: LakeTable) -> set[object]:
    """Ids of joins, leaves, reactions and links that are no pseudonyms, in these tables."""
    of_account = {event["id"] for event in [*SENT, AWAITED] if event["type"] in kinds.OF_AN_ACCOUNT}
    stored = (company.lake.open(table).scan().select("event_id").collect()["event_id"] for table in tables)
    return {event_id for ids in stored for event_id in ids if event_id in of_account}


def test_rows_and_facts_of_an_earlier_version_become_those_from_nothing(company: Company):
    tables = EVENTS, QUARANTINED_EVENT, MEMBER_CHANGE, STAFF_ACT
    assert len(in_clear(company, *tables)) >= 4
    follow(company)
    assert in_clear(company, *tables) == set()
    company.assert_without()
    company.assert_exact()


def test_rulings_follow_and_name_an_event_that_never_came_by_both_ids(company: Company):
    ingest(company.lake)
    rulings = company.lake.open(QUARANTINE_RULING).scan().sort("ruling").collect()
    ids = [pseudonym_of(str(LEFT["id"]), PSEUDONYMS), AWAITED["id"], pseudonym_of(str(AWAITED["id"]), PSEUDONYMS)]
    assert rulings.select("ruling", "event_id").rows() == [*enumerate(ids, start=1)]


def test_copies_that_arrive_again_count_once_and_rulings_hold(company: Company):
    before = stored_counts(company.lake)
    company.send(*SENT, AWAITED)
    counts = stored_counts(company.lake)
    assert (counts.events, counts.duplicates, counts.conflicts) == (before.events, len(SENT), 0)
    company.assert_without()


def test_a_lake_is_looked_through_once(company: Company):
    ingest(company.lake)
    version = company.lake.open(EVENTS).version
    ingest(company.lake)
    assert company.lake.open(EVENTS).version == version


@pytest.mark.parametrize(
    ("module", "step"), [(reset, "reset_inputs"), (old_ids, "months_of"), (old_ids, "without_accounts")]
)
def test_a_crash_on_the_way_leaves_the_rest_to_the_next_writer(company: Company, module: ModuleType, step: str):
    calls, whole = [], getattr(module, step)

    def crash(*given: object) -> object:
        calls.append(given)
        if len(calls) > 2 or step == "months_of":
            raise LakeConflict("Another writer was faster.", "Again.")
        return whole(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, step, crash)
        with pytest.raises(LakeConflict):
            ingest(company.lake)
    ingest(company.lake)
    assert in_clear(company, EVENTS, QUARANTINED_EVENT) == set()
    company.assert_without()
    assert {recorded_input(company.lake.open(table), input_id(BATCH)) for table in (MEMBER_CHANGE, STAFF_ACT)} == {None}


@pytest.mark.parametrize("name", ["onebot11", "matterbridge", "onebot12", "milky"])
def test_what_a_carrier_gave_before_meets_what_it_gives_now(tmp_path: Path, name: str):
    values = [case.value for case in read_cases(CASES / f"{name}.yaml") if not case.headers]
    before, now = records(values), records(values, offsets=range(len(values), 2 * len(values)))
    carriers = {TOPIC: CARRIERS[name]}
    upgraded, new = Lake(str(tmp_path / "upgraded")), Lake(str(tmp_path / "new"))
    land(upgraded, before)
    land(new, before, now)
    with earlier_version():
        ingest(upgraded, carriers=carriers)
    land(upgraded, now)
    for lake in (upgraded, new):
        ingest(lake, carriers=carriers)
    rows, expected = (lake.open(EVENTS).scan().drop("batch").sort(EVENTS.key).collect() for lake in (upgraded, new))
    assert rows.equals(expected, null_equal=True)
    assert stored_counts(upgraded) == stored_counts(new)
