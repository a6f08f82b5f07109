"""An event in quarantine stays out of `events`, whatever arrives, dies or is rebuilt, and comes back as it was."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl
import pytest

from pipelines.ingest.counts import Counts, stored_counts
from pipelines.lake import Handle, Lake, LakeUnavailable
from pipelines.quarantine import AlreadyQuarantined, NoSuchEvent, NotQuarantined, rule_on_event
from schemas.lake import EVENTS, QUARANTINE, QUARANTINED_EVENT, TOUCHED, LakeTable
from tests.pipelines.canonical import NOON, Event, encoded, ingest, land, message, rebuild, records

MINUTE = dt.timedelta(minutes=1)
WRONG = message(id="wrong")
OTHER = message(id="other")


@dataclass(frozen=True)
class Failing(Lake):
    """A lake whose store fails at the next write of one table."""

    fails_at: list[LakeTable] = field(default_factory=list)

    def append(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], **options: bool) -> None:
        self._fail_at(handle)
        super().append(handle, rows, positions, **options)

    def replace(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int]) -> None:
        self._fail_at(handle)
        super().replace(handle, rows, positions)

    def replace_months(
        self, handle: Handle, rows: pl.DataFrame, months: pl.Series, positions: Mapping[str, int]
    ) -> None:
        self._fail_at(handle)
        super().replace_months(handle, rows, months, positions)

    def _fail_at(self, handle: Handle) -> None:
        if handle.table in self.fails_at:
            self.fails_at.remove(handle.table)
            raise LakeUnavailable("The store failed.", "Run again.")


@pytest.fixture
def lake(tmp_path) -> Failing:
    return Failing(str(tmp_path / "lake"))


def send(lake: Lake, *events: Event, first: int = 0, kafka_time: dt.datetime = NOON) -> None:
    offsets = range(first, first + len(events))
    land(lake, records([encoded(event) for event in events], offsets=offsets, kafka_time=kafka_time))


def rule(lake: Lake, event_id: str = "wrong", *, is_quarantined: bool = True, is_expected: bool = False) -> None:
    rule_on_event(
        lake, "bridge", event_id, is_quarantined=is_quarantined, actor="ann", reason="a test order", now=NOON,
        is_expected=is_expected,
    )  # fmt: skip


def stored(lake: Lake) -> list[tuple[str, int]]:
    """Id and offset of every event."""
    return lake.open(EVENTS).scan().select("event_id", "offset").sort(pl.all()).collect().rows()


def test_an_event_is_taken_out_by_the_next_run_and_put_back_by_the_next_but_one(lake):
    send(lake, WRONG, OTHER)
    ingest(lake)
    before = lake.open(EVENTS).scan().drop("batch").sort(EVENTS.key).collect()
    rule(lake)
    assert ingest(lake) == Counts(events=-1, quarantined=1, taken_out=1)
    assert stored(lake) == [("other", 1)]
    rule(lake, is_quarantined=False)
    assert ingest(lake) == Counts(events=1, quarantined=-1, put_back=1)
    assert lake.open(EVENTS).scan().drop("batch").sort(EVENTS.key).collect().equals(before, null_equal=True)
    assert ingest(lake) == Counts()


def test_a_copy_that_arrives_again_stays_out_and_counts_as_a_duplicate(lake):
    send(lake, WRONG, OTHER)
    ingest(lake)
    rule(lake)
    ingest(lake)
    send(lake, WRONG, OTHER, first=2)
    assert ingest(lake) == Counts(raw=2, duplicates=2)
    assert stored(lake) == [("other", 1)]


def test_a_copy_that_kafka_had_earlier_is_the_one_that_is_put_back(lake):
    send(lake, WRONG)
    ingest(lake)
    rule(lake)
    send(lake, WRONG, first=1, kafka_time=NOON - MINUTE)
    ingest(lake)
    rule(lake, is_quarantined=False)
    ingest(lake)
    assert stored(lake) == [("wrong", 1)]
    assert stored_counts(lake).events == 1


def test_an_event_that_is_expected_never_comes_in(lake):
    rule(lake, is_expected=True)
    send(lake, WRONG, OTHER)
    assert ingest(lake) == Counts(raw=2, events=1, quarantined=1)
    assert stored(lake) == [("other", 1)]
    rule(lake, is_quarantined=False)
    ingest(lake)
    assert stored(lake) == [("other", 1), ("wrong", 0)]


@pytest.mark.parametrize("is_put_back", [False, True])
def test_events_rebuilt_from_raw_are_without_it_until_it_is_put_back(lake, is_put_back):
    send(lake, WRONG, OTHER, WRONG)
    ingest(lake)
    rule(lake)
    ingest(lake)
    counts = stored_counts(lake)
    for table in (EVENTS, QUARANTINE, TOUCHED):
        shutil.rmtree(lake.table_uri(table), ignore_errors=True)
    if is_put_back:
        rule(lake, is_quarantined=False)
    ingest(lake)
    assert stored(lake) == [("other", 1), *([("wrong", 0)] if is_put_back else [])]
    if not is_put_back:
        assert stored_counts(lake) == Counts(**{**vars(counts), "taken_out": 0})


def test_a_rebuild_of_events_leaves_it_out_and_it_can_still_be_put_back(lake):
    send(lake, WRONG, OTHER, WRONG)
    ingest(lake)
    rule(lake)
    ingest(lake)
    rebuild(lake)
    assert stored(lake) == [("other", 1)]
    rule(lake, is_quarantined=False)
    ingest(lake)
    assert stored(lake) == [("other", 1), ("wrong", 0)]


@pytest.mark.parametrize("table", [TOUCHED, QUARANTINED_EVENT, EVENTS], ids=lambda table: table.name)
def test_a_run_that_dies_while_it_follows_a_ruling_is_made_good_by_the_next(lake, table):
    send(lake, WRONG, OTHER)
    ingest(lake)
    rule(lake)
    lake.fails_at.append(table)
    with pytest.raises(LakeUnavailable):
        ingest(lake)
    ingest(lake)
    assert stored(lake) == [("other", 1)]
    assert stored_counts(lake) == Counts(raw=2, events=1, quarantined=1, taken_out=1)
    rule(lake, is_quarantined=False)
    if table is not QUARANTINED_EVENT:
        lake.fails_at.append(table)
        with pytest.raises(LakeUnavailable):
            ingest(lake)
    ingest(lake)
    assert stored(lake) == [("other", 1), ("wrong", 0)]
    assert stored_counts(lake) == Counts(raw=2, events=2, taken_out=1, put_back=1)


@pytest.mark.parametrize("table", [QUARANTINED_EVENT, EVENTS], ids=lambda table: table.name)
def test_a_run_that_dies_while_a_copy_arrives_counts_it_once(lake, table):
    rule(lake, is_expected=True)
    ingest(lake)
    send(lake, WRONG)
    lake.fails_at.append(table)
    with pytest.raises(LakeUnavailable):
        ingest(lake)
    ingest(lake)
    assert stored_counts(lake) == Counts(raw=1, quarantined=1)
    assert lake.open(QUARANTINED_EVENT).scan().collect().height == 1


def test_a_ruling_that_was_taken_back_before_a_run_changes_nothing(lake):
    send(lake, WRONG)
    ingest(lake)
    rule(lake)
    rule(lake, is_quarantined=False)
    assert ingest(lake) == Counts()
    assert stored(lake) == [("wrong", 0)]


def test_what_cannot_be_ruled_is_an_error_with_a_next_step(lake):
    send(lake, WRONG)
    ingest(lake)
    with pytest.raises(NoSuchEvent, match="--expected"):
        rule(lake, "mistyped")
    with pytest.raises(NotQuarantined, match="quarantine list"):
        rule(lake, is_quarantined=False)
    rule(lake)
    with pytest.raises(AlreadyQuarantined, match="by ann: a test order"):
        rule(lake)
