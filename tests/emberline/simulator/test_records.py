"""The records of a simulated world: the same bytes every time, valid or broken as they say."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter, defaultdict

import msgspec
import polars as pl
import pytest

from emberline.simulator import Scenario, World, simulate
from schemas import kinds
from tests.emberline.simulator.conftest import SMALL
from tests.emberline.simulator.decoded import Event, decode, lacks

FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def values(world: World, *wanted: str) -> list[bytes]:
    return world.records.filter(pl.col("kind").is_in(wanted))["value"].to_list()


def is_valid(value: bytes) -> bool:
    try:
        envelope = decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return not lacks(envelope) and envelope.time < FAR


def test_the_same_seed_gives_the_same_bytes():
    assert simulate(SMALL).records.equals(simulate(SMALL).records)


def test_another_seed_gives_another_world():
    other = dataclasses.replace(SMALL, seed=8)
    assert not simulate(SMALL).records.equals(simulate(other).records)


def test_every_record_but_the_broken_ones_fulfils_the_contract(world: World):
    invalid = [value for value in values(world, "event", "duplicate", "late", "conflict") if not is_valid(value)]
    assert invalid == []


def test_no_broken_record_is_a_valid_event(world: World):
    assert [value for value in values(world, "broken") if is_valid(value)] == []


def test_every_sort_of_breakage_is_counted(world: World):
    counts = world.truth.counts
    sorts = {name: count for name, count in counts.items() if name.startswith("broken.")}
    assert min(sorts.values()) > 0
    assert sum(sorts.values()) == counts["broken"] == len(values(world, "broken"))


def test_every_kind_of_event_happens(events: list[Event]):
    assert {event.envelope.type for event in events} == set(kinds.REQUIRED) - {
        kinds.GROUP_SNAPSHOT,
        kinds.GROUP_INTERVENTION,
    }


def test_every_source_says_that_it_is_simulated(events: list[Event]):
    assert all(event.envelope.source.startswith("simulator/") for event in events)


def test_every_name_and_id_says_that_it_is_simulated(events: list[Event]):
    shown = set()
    for event in events:
        data = event.envelope.data
        shown |= {data.name, data.member_id, data.group_id, data.customer_id, data.product_id, data.order_id}
    assert [name for name in shown - {None} if "simulated" not in str(name).lower()] == []


def test_events_are_counted_once_whatever_is_sent_again(world: World, events: list[Event]):
    assert world.truth.counts["events"] == len(events)


def test_records_are_counted_by_what_they_are(world: World):
    kind = Counter(world.records["kind"].to_list())
    expected = {
        "records": sum(kind.values()), "late": kind["late"], "duplicates": kind["duplicate"],
        "conflicts": kind["conflict"], "broken": kind["broken"],
    }  # fmt: skip
    assert {name: world.truth.counts[name] for name in expected} == expected


def test_a_duplicate_repeats_the_bytes_of_an_earlier_record(world: World):
    seen: set[bytes] = set()
    for value, kind in world.records.select("value", "kind").iter_rows():
        if kind == "duplicate":
            assert value in seen
        seen.add(value)


def test_a_conflict_follows_an_event_of_the_same_identity_and_another_body(world: World):
    first: dict[tuple[str, str], bytes] = {}
    for value, kind in world.records.filter(pl.col("kind") != "broken").select("value", "kind").iter_rows():
        envelope = decode(value)
        before = first.setdefault((envelope.source, envelope.id), value)
        assert (before != value) == (kind == "conflict")


def test_an_id_means_an_event_only_together_with_its_source(events: list[Event]):
    sources = defaultdict(set)
    for event in events:
        sources[event.envelope.id].add(event.envelope.source)
    assert max(len(names) for names in sources.values()) > 1


def test_the_key_of_a_record_is_the_id_of_its_event(world: World):
    valid = world.records.filter(pl.col("kind") != "broken")
    assert all(decode(value).id.encode() == key for key, value in valid.select("key", "value").iter_rows())


def test_late_events_arrive_after_events_that_happened_days_later(world: World):
    newest, behind = dt.datetime.min.replace(tzinfo=dt.UTC), []
    for value, kind in (
        world.records.filter(pl.col("kind").is_in(["event", "late"])).select("value", "kind").iter_rows()
    ):
        time = decode(value).time
        if kind == "late":
            behind.append(newest - time)
        else:
            newest = max(newest, time)
    assert max(behind) > dt.timedelta(days=30)


def test_some_refunds_are_delivered_before_their_order(events: list[Event]):
    paid, overtaken = {}, 0
    for event in events:
        data = event.envelope.data
        if event.envelope.type == kinds.ORDER_PAID:
            paid[data.order_id] = event.position
        if event.envelope.type == kinds.ORDER_REFUNDED:
            overtaken += event.position < paid.get(data.order_id, 0)
    assert overtaken > 0


@pytest.mark.parametrize("events_wanted", [30_000, 120_000])
def test_a_sized_world_has_about_the_events_asked_for(events_wanted: int):
    assert simulate(Scenario.sized(events_wanted)).truth.counts["events"] == pytest.approx(events_wanted, rel=0.25)
