"""A fact is recomputed where its inputs changed, there only, and always to what a recomputation of everything gives."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.engagement.person_day import person_day
from pipelines.events.identity import with_person
from pipelines.groups.group_day import group_day
from pipelines.lake import Lake
from pipelines.refresh import Refreshed, has_simulated, refresh_days, refresh_identity, refresh_whole
from schemas.lake import EVENTS, FIRST_SEEN, GROUP_DAY, IDENTITY, PERSON_DAY, TOUCHED, LakeTable
from tests.examples import examples
from tests.pipelines.canonical import NOON, PSEUDONYMS, encoded, ingest, land, link, message, records
from tests.pipelines.code_versions import set_code

FACTS = {PERSON_DAY.name: (PERSON_DAY, person_day), GROUP_DAY.name: (GROUP_DAY, group_day)}
MONDAY = dt.date(2025, 3, 3)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


class Feed:
    """Sends events into a lake, one batch a call; copies of one event can overtake each other."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._offset = 0

    def send(self, *events: dict[str, Any], kafka_time: dt.datetime = NOON) -> None:
        values = [encoded(event) for event in events]
        offsets = range(self._offset, self._offset + len(values))
        self._offset += len(values)
        land(self._lake, records(values, offsets=offsets, kafka_time=kafka_time))
        ingest(self._lake)


@pytest.fixture
def feed(lake: Lake) -> Feed:
    return Feed(lake)


def said(account: str, day: int = 0, name: str | None = None) -> dict[str, Any]:
    """A message at noon, so many days before Monday."""
    time = (NOON - dt.timedelta(days=day)).isoformat()
    return message({"member_id": account}, id=name or f"{account} {day}", time=time)


def resolve(lake: Lake) -> Refreshed:
    """Refresh `identity`, as its asset does."""
    return refresh_identity(lake)


def refresh(lake: Lake, fact: str = PERSON_DAY.name) -> Refreshed:
    table, compute = FACTS[fact]
    return refresh_days(lake, table, compute)


def stored(lake: Lake, table: LakeTable) -> pl.DataFrame:
    return lake.open(table).scan().sort(table.key).collect()


def recomputed(lake: Lake, fact: str) -> pl.DataFrame:
    table, compute = FACTS[fact]
    return compute(with_person(lake.open(EVENTS).scan(), lake.open(IDENTITY).scan())).sort(table.key).collect()


def test_a_fact_of_no_events_is_empty_and_refreshed_once(lake: Lake):
    assert refresh(lake) == Refreshed(is_changed=False, rows=0, days=0)
    version = lake.open(PERSON_DAY).version
    refresh(lake)
    assert lake.open(PERSON_DAY).version == version


def test_only_the_days_of_new_events_are_recomputed(lake: Lake, feed: Feed):
    feed.send(said("app:ann"), said("app:ann", day=1), said("app:ann", day=40))
    assert refresh(lake) == Refreshed(is_changed=True, rows=3, days=3)
    feed.send(said("app:bob", day=40))
    assert refresh(lake) == Refreshed(is_changed=True, rows=4, days=1, persons=1)


def test_a_late_event_leaves_the_other_months_files_alone(lake: Lake, feed: Feed):
    feed.send(said("app:ann"), said("app:ann", day=40))
    refresh(lake)
    before = set(lake.open(PERSON_DAY).delta.file_uris())
    feed.send(said("app:bob", day=40))
    refresh(lake)
    kept = before & set(lake.open(PERSON_DAY).delta.file_uris())
    assert ["month=2025-03-01" in uri for uri in kept] == [True]


def test_nothing_new_recomputes_nothing(lake: Lake, feed: Feed):
    feed.send(said("app:ann"))
    refresh(lake)
    version = lake.open(PERSON_DAY).version
    assert refresh(lake) == Refreshed(is_changed=False, rows=1, days=0)
    assert lake.open(PERSON_DAY).version == version


def test_other_code_recomputes_every_day(lake: Lake, feed: Feed, monkeypatch: pytest.MonkeyPatch):
    feed.send(said("app:ann"), said("app:ann", day=40))
    refresh(lake)
    set_code(monkeypatch, person_day=2)
    assert refresh(lake).days == 2


def test_other_code_recomputes_every_day_also_when_no_mark_is_left(
    lake: Lake, feed: Feed, monkeypatch: pytest.MonkeyPatch
):
    feed.send(said("app:ann"), said("app:ann", day=40))
    refresh(lake)
    lake.replace(lake.open(TOUCHED), pl.DataFrame(schema=TOUCHED.schema), {})
    set_code(monkeypatch, person_day=2)
    assert refresh(lake).days == 2


def test_a_compaction_of_the_inputs_recomputes_nothing(lake: Lake, feed: Feed):
    feed.send(said("app:ann"))
    feed.send(said("app:bob"))
    resolve(lake)
    content = lake.open(IDENTITY).content
    lake.open(EVENTS).to_write().optimize.compact()
    assert resolve(lake) == Refreshed(is_changed=False, rows=0)
    assert lake.open(IDENTITY).content == content


def test_a_merge_recomputes_all_days_of_the_accounts_whose_person_changed(lake: Lake, feed: Feed):
    feed.send(said("app:ann"), said("shop:ann", day=9), said("shop:bob", day=5))
    refresh(lake)
    feed.send(link("app:ann", "shop:ann", id="link"))
    resolve(lake)
    changed = max("app:ann", "shop:ann", key=PSEUDONYMS.of)
    assert refresh(lake).days == (2 if changed == "shop:ann" else 1)
    assert stored(lake, PERSON_DAY).equals(recomputed(lake, PERSON_DAY.name))


def test_a_merge_found_after_the_fact_was_refreshed_is_not_missed(lake: Lake, feed: Feed):
    feed.send(said("app:ann"), said("shop:ann", day=9), link("app:ann", "shop:ann", id="link"))
    refresh(lake)
    resolve(lake)
    refresh(lake)
    assert stored(lake, PERSON_DAY)["person_id"].n_unique() == 1


def test_persons_are_resolved_also_when_no_mark_is_left(lake: Lake, feed: Feed):
    feed.send(said("app:ann"), said("shop:ann"), link("app:ann", "shop:ann", id="link"))
    lake.replace(lake.open(TOUCHED), pl.DataFrame(schema=TOUCHED.schema), {})
    resolve(lake)
    assert stored(lake, IDENTITY)["person_id"].n_unique() == 1


def test_a_link_that_an_earlier_copy_takes_back_parts_the_persons_again(lake: Lake, feed: Feed):
    feed.send(said("app:ann"), said("shop:ann"))
    feed.send(link("app:ann", "shop:ann", id="link"), kafka_time=NOON + dt.timedelta(days=1))
    resolve(lake)
    refresh(lake)
    feed.send(link("app:ann", "shop:other", id="link", time="2025-01-01T00:00:00Z"))
    resolve(lake)
    refresh(lake)
    assert stored(lake, PERSON_DAY).equals(recomputed(lake, PERSON_DAY.name))
    assert stored(lake, PERSON_DAY)["person_id"].n_unique() == 2


ACCOUNTS = st.sampled_from(["app:a", "app:b", "shop:a", "shop:b"])
NAMES = st.sampled_from(["1", "2", "3", "4"])
EVENT = st.one_of(
    st.builds(said, ACCOUNTS, st.sampled_from([0, 1, 2, 40]), NAMES),
    st.builds(lambda one, other, name: link(one, other, id=f"link {name}"), ACCOUNTS, ACCOUNTS, NAMES),
)
STEP = st.tuples(st.lists(EVENT, max_size=4), st.integers(0, 3), st.booleans(), st.booleans())
"""A batch of events, the day Kafka got it, and whether identity and the facts are refreshed after it."""


@examples(10)
@given(st.lists(STEP, min_size=1, max_size=4))
@example([([said("app:a"), said("shop:a"), link("app:a", "shop:a")], 0, False, True), ([], 0, True, True)])
def test_facts_by_day_equal_a_full_recomputation_after_any_batches(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[dict[str, Any]], int, bool, bool]]
):
    lake = Lake(str(tmp_path_factory.mktemp("refresh")))
    feed = Feed(lake)
    for events, day, is_resolved, is_refreshed in [*steps, ([], 0, True, True)]:
        if events:
            feed.send(*events, kafka_time=NOON + dt.timedelta(days=day))
        if is_resolved:
            resolve(lake)
        if is_refreshed:
            for fact in FACTS:
                refresh(lake, fact)
    for fact, (table, _) in FACTS.items():
        assert stored(lake, table).equals(recomputed(lake, fact))


def first_seen(*days: int) -> pl.LazyFrame:
    rows = [
        {"person_id": "ann", "group_id": f"app:{day}", "first_time": NOON, "first_day": MONDAY - dt.timedelta(day)}
        for day in days
    ]
    return pl.LazyFrame(rows, schema=FIRST_SEEN.schema)


def test_a_whole_fact_is_computed_once_an_input_version(lake: Lake):
    assert refresh_whole(lake, FIRST_SEEN, {"days": 1}, lambda: first_seen(1)) == Refreshed(is_changed=True, rows=1)
    assert refresh_whole(lake, FIRST_SEEN, {"days": 1}, pytest.fail) == Refreshed(is_changed=False, rows=1)


def test_a_whole_fact_is_replaced_when_any_input_moved(lake: Lake):
    refresh_whole(lake, FIRST_SEEN, {"days": 1, "settings": 5}, lambda: first_seen(1, 2))
    refresh_whole(lake, FIRST_SEEN, {"days": 1, "settings": 4}, lambda: first_seen(3))
    assert stored(lake, FIRST_SEEN).equals(first_seen(3).collect())


def test_inputs_that_give_the_same_rows_are_noted_and_rewrite_nothing(lake: Lake):
    refresh_whole(lake, FIRST_SEEN, {"days": 1}, lambda: first_seen(1, 2))
    files = lake.open(FIRST_SEEN).delta.file_uris()
    assert not refresh_whole(lake, FIRST_SEEN, {"days": 2}, lambda: first_seen(2, 1)).is_changed
    assert lake.open(FIRST_SEEN).delta.file_uris() == files
    assert not refresh_whole(lake, FIRST_SEEN, {"days": 2}, pytest.fail).is_changed


def test_a_whole_fact_can_become_empty(lake: Lake):
    refresh_whole(lake, FIRST_SEEN, {"days": 1}, lambda: first_seen(1))
    assert refresh_whole(lake, FIRST_SEEN, {"days": 2}, first_seen) == Refreshed(is_changed=True, rows=0)
    assert stored(lake, FIRST_SEEN).is_empty()


def test_simulated_events_are_known_by_their_source(lake: Lake, feed: Feed):
    assert not has_simulated(lake)
    feed.send(message(source="a simulator/"))
    assert not has_simulated(lake)
    feed.send(message(source="simulator/chat"))
    assert has_simulated(lake)
