"""Events are decoded again as far back as values reach; what was made of the other records stays as it is."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest import reset
from pipelines.ingest.counts import Counts, stored_counts
from pipelines.ingest.removed_records import removed_records
from pipelines.lake import Lake, LakeConflict
from pipelines.lake_values import ValuesRemoved, remove_values
from pipelines.quarantine import rule_on_event
from schemas.lake import EVENTS, IGNORED, QUARANTINE, RAW, REMOVED, LakeTable
from tests.examples import examples
from tests.pipelines.canonical import NOON, RULES, encoded, ingest, land, link, message, rebuild, records
from tests.pipelines.several import SEVERAL, ignored, several

DAY = dt.timedelta(days=1)
CLEAR = ("value", "key", "headers")
NEW_YORK = replace(RULES, zone="America/New_York")


@dataclass(frozen=True)
class Sent:
    """A record: which event, or none; in which partition, how many days after the first, in which words."""

    kind: str
    event: int
    partition: int
    day: int
    words: int

    @property
    def value(self) -> bytes | None:
        envelope = {"id": f"e{self.event}", "time": (NOON + self.event * DAY - dt.timedelta(hours=8)).isoformat()}
        data = {"member_id": f"app:m{self.words}"}
        match self.kind:
            case "broken":
                return b"no JSON"
            case "tombstone":
                return None
            case "link":
                return encoded(link("app:ann", f"app:m{self.words}", **envelope))
            case "several":
                others = [envelope | {"id": f"e{(self.event + n) % 5}"} for n in (1, 0)]
                return several(message(data, **envelope), *(message(data, **other) for other in others))
            case "half":
                return several(message(data, **envelope), message(data, type="message.sung"))
            case "ignored":
                return ignored("a heartbeat")
            case "recall":
                return encoded(message(data, type="message.recalled", **envelope))
            case _:
                return encoded(message(data, **envelope))


SENT = st.builds(
    Sent,
    st.sampled_from(
        ["message", "message", "several", "several", "half", "ignored", "recall", "link", "broken", "tombstone"]
    ),
    st.integers(0, 4),
    st.integers(0, 1),
    st.integers(0, 9),
    st.integers(0, 1),
)


@dataclass
class Company:
    """A lake, and one that nobody removes values from."""

    lake: Lake
    whole: Lake
    ends: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})

    def send(self, sent: Sent) -> None:
        for lake in (self.lake, self.whole):
            record = records(
                [sent.value], partition=sent.partition, offsets=[self.ends[sent.partition]],
                kafka_time=NOON + sent.day * DAY,
            )  # fmt: skip
            land(lake, record)
        self.ends[sent.partition] += 1

    def ingest(self) -> None:
        for lake in (self.lake, self.whole):
            ingest(lake, batch_rows=3, carriers=SEVERAL)

    def rule(self, event: int, *, is_quarantined: bool) -> None:
        for lake in (self.lake, self.whole):
            rule_on_event(
                lake, "bridge", f"e{event}", is_quarantined=is_quarantined, actor="ann", reason="wrong", now=NOON,
                is_expected=True,
            )  # fmt: skip


def rows(lake: Lake, table: LakeTable) -> pl.DataFrame:
    stored = lake.open(table).scan().drop("batch", *CLEAR, *REMOVED, strict=False)
    return stored.sort(table.key).collect()


def assert_the_same(lake: Lake, other: Lake) -> None:
    for table in (EVENTS, QUARANTINE, IGNORED):
        assert rows(lake, table).equals(rows(other, table), null_equal=True), table.name
    kept, wanted = (stored_counts(it) for it in (lake, other))
    assert (kept.unaccounted, wanted.unaccounted) == (0, 0)
    # How many copies a record gave whose value is gone is not known, but for those of which it has nothing else.
    unknown = {"conflicts": 0, "taken_out": 0, "put_back": 0, "duplicates": 0, "further": 0}
    assert replace(kept, **unknown) == replace(wanted, **unknown)
    assert kept.duplicates - kept.further == wanted.duplicates - wanted.further


@examples(40)
@given(
    first=st.lists(SENT, max_size=12),
    ruled=st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=3, unique_by=lambda ruling: ruling[0]),
    is_followed=st.booleans(),
    age=st.integers(0, 10),
    later=st.lists(SENT, max_size=4),
    rules=st.sampled_from([RULES, NEW_YORK]),
    is_interrupted=st.booleans(),
)
def test_a_rebuild_after_a_removal_is_one_of_all_values(first, ruled, is_followed, age, later, rules, is_interrupted):
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Lake(f"{folder}/lake"), Lake(f"{folder}/whole"))
        for sent in first:
            company.send(sent)
        company.ingest()
        for event, _ in ruled:
            company.rule(event, is_quarantined=True)
        if is_followed:
            company.ingest()
        remove_values(company.lake, (10 - age) * DAY, NOON + 10 * DAY)
        for event, is_put_back in ruled:
            if is_put_back:
                company.rule(event, is_quarantined=False)
        for sent in later:
            company.send(sent)
        if is_interrupted:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(reset, "reset_inputs", _interrupt)
                patch.setattr(reset, "drop_copies", _interrupt)
                with pytest.raises(LakeConflict):
                    rebuild(company.lake, carriers=SEVERAL, rules=rules)
        rebuild(company.lake, carriers=SEVERAL, rules=rules)
        rebuild(company.whole, carriers=SEVERAL, rules=rules)
        assert_the_same(company.lake, company.whole)
        for event, is_put_back in ruled:
            if not is_put_back:
                company.rule(event, is_quarantined=False)
        for lake in (company.lake, company.whole):
            ingest(lake, carriers=SEVERAL, rules=rules)
        assert_the_same(company.lake, company.whole)


def _interrupt(*_: object) -> None:
    raise LakeConflict("Another writer was faster.", "Again.")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with events of days 0, 1 and 9, and a broken record of day 0; the values of days 0 and 1 are removed."""
    lake = Lake(str(tmp_path / "lake"))
    for offset, (value, day) in enumerate([(b"no JSON", 0), (sent(0), 0), (sent(1), 1), (sent(9), 9)]):
        land(lake, records([value], offsets=[offset], kafka_time=NOON + day * DAY))
    ingest(lake)
    assert remove_old(lake) == {"raw": 3, "quarantine": 1}
    return lake


def sent(day: int) -> bytes:
    return encoded(message(id=f"e{day}", time=(NOON + day * DAY).isoformat()))


def remove_old(lake: Lake) -> dict[str, int]:
    return remove_values(lake, 5 * DAY, NOON + 10 * DAY)


def test_what_was_kept_and_how_far_back_values_reach_is_returned(lake: Lake):
    done = rebuild(lake)
    assert done.decoded == Counts(raw=1, events=1)
    assert done.kept == Counts(raw=3, events=2, quarantined=1)
    assert done.decoded + done.kept == stored_counts(lake)
    assert (done.reach.records, done.reach.since) == (3, NOON + DAY + dt.timedelta(microseconds=1))


def test_days_of_kept_rows_follow_another_zone_into_another_month(tmp_path: Path):
    lake = Lake(str(tmp_path / "lake"))
    times = ["2025-03-01T01:00:00Z", "2025-02-10T12:00:00Z", "2025-03-31T17:00:00Z"]
    values = [encoded(message(id=f"e{number}", time=time)) for number, time in enumerate(times)]
    land(lake, records(values, kafka_time=NOON + 30 * DAY))
    ingest(lake)
    rule_on_event(lake, "bridge", "e0", is_quarantined=True, actor="ann", reason="wrong", now=NOON)
    ingest(lake)
    assert remove_values(lake, DAY, NOON + 40 * DAY)["raw"] == 3
    rebuild(lake, rules=NEW_YORK)
    rule_on_event(lake, "bridge", "e0", is_quarantined=False, actor="ann", reason="right", now=NOON)
    ingest(lake, rules=NEW_YORK)
    days = rows(lake, EVENTS).select("event_id", pl.col("day", "month").cast(pl.String)).rows()
    assert days == [
        ("e0", "2025-02-28", "2025-02-01"), ("e1", "2025-02-10", "2025-02-01"), ("e2", "2025-03-31", "2025-03-01"),
    ]  # fmt: skip


def test_a_removal_that_began_before_a_rebuild_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake = Lake(str(tmp_path / "lake"))
    land(lake, records([sent(0), sent(1)], kafka_time=NOON))
    ingest(lake)
    before = rows(lake, EVENTS)
    update = DeltaTable.update

    def late(table: DeltaTable, *args: Any, **kwargs: Any) -> dict[str, Any]:
        monkeypatch.setattr(DeltaTable, "update", update)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reset, "drop_records", _interrupt)
            with pytest.raises(LakeConflict):
                rebuild(lake)
        assert rows(lake, EVENTS).is_empty()
        return update(table, *args, **kwargs)

    monkeypatch.setattr(DeltaTable, "update", late)
    assert remove_old(lake)["raw"] == 0
    ingest(lake)
    assert rows(lake, EVENTS).equals(before, null_equal=True)


def test_while_a_rebuild_is_not_finished_every_value_stays(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reset, "drop_records", _interrupt)
    with pytest.raises(LakeConflict):
        rebuild(lake)
    assert remove_values(lake, DAY, NOON + 100 * DAY)["raw"] == 0


def lose_a_file(lake: Lake, table: LakeTable) -> None:
    Path(lake.open(table).delta.file_uris()[0]).unlink()


def lose_the_log(lake: Lake, table: LakeTable) -> None:
    max((Path(lake.table_uri(table)) / "_delta_log").glob("*.json")).write_text("{")


def files(lake: Lake) -> set[Path]:
    """All of the lake but `raw`, which is bound to the key of the pseudonyms first."""
    return {file for file in Path(lake.uri).rglob("*") if file.is_file() and RAW.name not in file.parts}


@pytest.mark.parametrize("table", [EVENTS, QUARANTINE], ids=lambda table: table.name)
@pytest.mark.parametrize("damage", [lose_a_file, lose_the_log])
def test_a_table_that_nothing_can_make_whole_again_is_left_as_it_is(
    lake: Lake, table: LakeTable, damage: Callable[[Lake, LakeTable], None]
):
    damage(lake, table)
    before = files(lake)
    with pytest.raises(ValuesRemoved, match=rf"{table.name} is damaged[\s\S]*Values reach back[\s\S]*backup"):
        rebuild(lake)
    assert files(lake) == before


def test_events_that_are_gone_are_not_rebuilt_without_the_oldest(lake: Lake):
    shutil.rmtree(lake.table_uri(EVENTS))
    with pytest.raises(ValuesRemoved, match="Values reach back"):
        rebuild(lake)


def test_events_restored_from_before_a_removal_do_not_pass_over_its_records(lake: Lake, tmp_path: Path):
    rebuild(lake)
    shutil.copytree(lake.table_uri(EVENTS), tmp_path / "backup")
    land(lake, records([sent(10)], offsets=[4], kafka_time=NOON + 10 * DAY))
    ingest(lake)
    assert remove_values(lake, DAY, NOON + 30 * DAY)["raw"] == 2
    shutil.rmtree(lake.table_uri(EVENTS))
    shutil.copytree(tmp_path / "backup", lake.table_uri(EVENTS))
    with pytest.raises(ValuesRemoved):
        ingest(lake)


@pytest.mark.parametrize("window", [1, 2, 3, 100])
def test_runs_of_records_without_values_are_the_same_whatever_is_looked_at_together(tmp_path: Path, window: int):
    lake = Lake(str(tmp_path / "lake"))
    for partition, offset, day in [(0, 3, 0), (0, 4, 0), (0, 5, 9), (0, 6, 0), (0, 9, 0), (1, 4, 9), (1, 5, 0)]:
        value = encoded(message(id=f"e{partition}/{offset}"))
        land(lake, records([value], partition=partition, offsets=[offset], kafka_time=NOON + day * DAY))
    ingest(lake)
    assert remove_old(lake)["raw"] == 5
    removed = removed_records(lake.open(RAW), window)
    offsets = pl.int_ranges("first", pl.col("last") + 1).alias("offset")
    assert removed.runs.select("partition", offsets).explode("offset").sort(pl.all()).rows() == [
        (0, 3), (0, 4), (0, 6), (0, 9), (1, 5),
    ]  # fmt: skip
    events = lake.open(EVENTS).scan().collect()
    assert removed.made(events).select("partition", "offset").sort(pl.all()).rows() == [
        (0, 3), (0, 4), (0, 6), (0, 9), (1, 5),
    ]  # fmt: skip


def test_an_event_in_quarantine_is_still_the_copy_without_value_that_kafka_had_first(lake: Lake):
    rule_on_event(lake, "bridge", "e0", is_quarantined=True, actor="ann", reason="wrong", now=NOON)
    ingest(lake)
    land(lake, records([sent(0)], partition=1, kafka_time=NOON + 9 * DAY))
    ingest(lake)
    before = replace(stored_counts(lake), taken_out=0)
    rebuild(lake)
    assert stored_counts(lake) == before
    rule_on_event(lake, "bridge", "e0", is_quarantined=False, actor="ann", reason="right", now=NOON)
    ingest(lake)
    of_event = lake.open(EVENTS).scan().filter(pl.col("event_id") == "e0")
    assert of_event.select("partition", "offset").collect().rows() == [(0, 1)]
