"""Old notes of people are cleared for good, and nothing else changes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.resources import Clock
from pipelines.events.suppression import Suppression
from pipelines.ingest.old_notes import clear_old_notes
from pipelines.lake import Lake
from pipelines.lake_purge import all_traces
from pipelines.lake_values import remove_values
from pipelines.operations.maintenance import MaintenancePolicy
from pipelines.publish.differences import difference
from pipelines.publish.rows import state_of
from pipelines.refresh import refresh_identity
from schemas import kinds
from schemas.lake import EVENTS, INTERVENTION, QUARANTINED_EVENT, STAFF_ACT, UTC_TIME
from schemas.warehouse import intervention
from sensors.maintenance import maintain_lake
from tests.pipelines.canonical import NOON, PSEUDONYMS, encoded, ingest, land, rebuild, records
from tests.pipelines.test_incremental import ACTIVE, FACTS, TALK, Company, Event, happened

DAY = dt.timedelta(days=1)
KEPT = 100 * DAY
LATER = NOON + 130 * DAY
OLD, HELD, NEW = "rang the first member", "offered a discount", "met at the fair"


def with_note(text: str, day: float) -> Event:
    payload = {"member_id": "app:op", "intervention": "call", "intervention_note": text}
    return happened(kinds.GROUP_INTERVENTION, day, minute=0, group="app:g", id=text[:4], **payload)


NOTES = [with_note(OLD, 9), with_note(HELD, 8)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Two old notes, one of them in quarantine, and one that Kafka received 40 days later on the same days."""
    company = Company(Lake(str(tmp_path_factory.mktemp("made") / "lake")))
    company.send(*ACTIVE, *TALK, *NOTES)
    company.send(with_note(NEW, 7), kafka_time=NOON + 40 * DAY)
    company.rule(NOTES[1])
    follow(company)
    return company


@pytest.fixture
def company(made: Company, tmp_path: Path) -> Company:
    company = made.copied(tmp_path / "lake")
    remove_values(company.lake, 100 * DAY, LATER)
    return company


def follow(company: Company) -> None:
    ingest(company.lake)
    refresh_identity(company.lake)
    company.refresh()


def notes(company: Company) -> set[str]:
    """All notes in the lake's tables."""
    columns = [(EVENTS, "intervention_note"), (QUARANTINED_EVENT, "intervention_note")]
    columns += [(STAFF_ACT, "note"), (INTERVENTION, "note")]
    return {
        text for table, column in columns
        for text in company.lake.open(table).scan().select(column).collect()[column].drop_nulls()
    }  # fmt: skip


def test_old_notes_are_cleared_wherever_they_are_and_facts_are_as_computed_from_nothing(company: Company):
    before = {table: company.stored(table) for table in FACTS}
    assert notes(company) == {OLD, HELD, NEW}
    assert clear_old_notes(company.lake, KEPT, LATER) == 2
    follow(company)
    assert notes(company) == {NEW}
    company.assert_exact()
    for table in FACTS:
        if table not in (STAFF_ACT, INTERVENTION):
            assert company.stored(table).equals(before[table], null_equal=True), table.name
    assert company.stored(INTERVENTION).drop("note").equals(before[INTERVENTION].drop("note"))
    assert clear_old_notes(company.lake, KEPT, LATER) == 0


def test_the_next_publication_changes_the_rows_of_cleared_notes_and_no_other(company: Company):
    published = state_of(intervention, {INTERVENTION.name: company.lake.open(INTERVENTION)})
    clear_old_notes(company.lake, KEPT, LATER)
    follow(company)
    found = difference(company.lake, intervention, {INTERVENTION.name: company.lake.open(INTERVENTION)}, published)
    assert found is not None
    assert (found.old["note"].to_list(), found.new["note"].to_list()) == ([OLD], [None])


def test_after_maintenance_no_file_has_them(company: Company):
    texts = Suppression(PSEUDONYMS.key)
    texts = replace(texts, rows=texts.entries((), (OLD, HELD), ()))
    assert all_traces(company.lake, texts)
    policy = MaintenancePolicy(keep_versions=dt.timedelta(0), keep_values=KEPT, keep_notes=KEPT)
    for _ in range(3):
        maintain_lake(dg.build_op_context(), company.lake, policy, Clock(lambda: LATER))
        company.lake = Lake(company.lake.uri)  # a loaded version may be gone at once
        follow(company)
    assert all_traces(company.lake, texts) == {}


def test_neither_a_replay_nor_a_rebuild_brings_them_back(company: Company):
    clear_old_notes(company.lake, KEPT, LATER)
    offsets = range(first := len(company.sent), first + len(NOTES))
    land(company.lake, records(map(encoded, NOTES), offsets=offsets, kafka_time=LATER))
    follow(company)
    assert notes(company) == {NEW}
    rebuild(company.lake)
    follow(company)
    assert notes(company) == {NEW}


def test_a_copy_in_quarantine_without_a_kafka_time_counts_as_old_as_its_value_does(company: Company):
    held = company.lake.open(QUARANTINED_EVENT)
    timeless = held.scan().collect().with_columns(kafka_time=pl.lit(None, UTC_TIME), event_id=pl.lit("timeless"))
    company.lake.append(held, timeless, {})
    assert clear_old_notes(company.lake, KEPT, LATER) == 3
    left = company.lake.open(QUARANTINED_EVENT).scan().collect()
    assert (left.height, left["intervention_note"].null_count()) == (2, 2)


def test_a_released_event_comes_back_without_its_note(company: Company):
    clear_old_notes(company.lake, KEPT, LATER)
    company.rule(NOTES[1])
    follow(company)
    assert company.lake.open(EVENTS).rows == len(company.sent)
    assert notes(company) == {NEW}
