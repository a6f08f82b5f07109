"""The planted truth against counts of its own kind, and against brute force over the decoded events."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from emberline.simulator import Scenario, World
from schemas import kinds
from tests.emberline.simulator import oracle
from tests.emberline.simulator.decoded import Event, is_activity, persons

STEPS = ("joined", "activated", "retained", "exposed", "clicked", "ordered", "paid", "repurchased")


@pytest.fixture(scope="module")
def chains(events: list[Event], scenario: Scenario) -> dict[str, tuple[int, dt.datetime | None]]:
    return oracle.best_chains(events, scenario.zone)


@pytest.fixture(scope="module")
def lives(events: list[Event], scenario: Scenario, world: World) -> dict[str, oracle.Life]:
    return oracle.group_lives(events, scenario.zone, world.truth.complete_through)


def account_of(members: list[str], customer: str | None) -> str:
    return members[0] if members else str(customer)


def test_the_funnel_is_what_brute_force_finds(world: World, chains: dict[str, tuple]):
    found = {step: sum(level >= n for level, _ in chains.values()) for n, step in enumerate(STEPS, 1)}
    assert world.truth.funnel == found


def test_the_mature_funnel_is_what_brute_force_finds(world: World, chains: dict[str, tuple]):
    over = world.truth.watermark - oracle.WINDOW
    mature = [level for level, entered in chains.values() if entered is not None and entered <= over]
    assert world.truth.funnel_mature == {step: sum(level >= n for level in mature) for n, step in enumerate(STEPS, 1)}


def test_every_person_reaches_its_planted_level_from_its_planted_entry(
    world: World, events: list[Event], chains: dict[str, tuple]
):
    person_of = persons(events)
    table = world.truth.levels.select("members", "customer_id", "level", "entered_at")
    wrong = [
        (members, level, entered)
        for members, customer, level, entered in table.iter_rows()
        if chains[person_of[account_of(members, customer)]] != (level, entered)
    ]
    assert wrong == []


def test_all_accounts_of_a_planted_person_are_linked(world: World, events: list[Event]):
    person_of = persons(events)
    apart = [
        members
        for members, customer in world.truth.levels.select("members", "customer_id").iter_rows()
        if len({person_of[account] for account in (*members, customer) if account is not None}) != 1
    ]
    assert apart == []


def test_the_funnel_counts_the_levels(world: World):
    level = world.truth.levels["level"]
    assert world.truth.funnel == {step: int((level >= n).sum()) for n, step in enumerate(STEPS, 1)}


def test_persons_stop_at_every_level(world: World):
    assert set(world.truth.levels["level"].to_list()) == set(range(9))


def test_persons_below_a_step_make_events_of_it_that_do_not_count(world: World, events: list[Event]):
    person_of = persons(events)
    level = {
        person_of[account_of(members, customer)]: reached
        for members, customer, reached in world.truth.levels.select("members", "customer_id", "level").iter_rows()
    }
    not_counted = {
        event.envelope.type
        for event in events
        for kind, step in ((kinds.LINK_CLICKED, 5), (kinds.ORDER_PLACED, 6), (kinds.ORDER_PAID, 7))
        if event.envelope.type == kind and level[person_of[str(event.account)]] < step
    }
    assert not_counted == {kinds.LINK_CLICKED, kinds.ORDER_PLACED, kinds.ORDER_PAID}


def test_groups_are_born_when_brute_force_finds_them_born(world: World, lives: dict[str, oracle.Life]):
    planted = dict(world.truth.groups.select("group_id", "born_at").iter_rows())
    assert planted == {group: life.born for group, life in lives.items()}


def test_the_last_active_days_are_those_of_the_events(world: World, lives: dict[str, oracle.Life]):
    planted = dict(world.truth.groups.select("group_id", "last_active_day").iter_rows())
    assert planted == {group: life.last_active_day for group, life in lives.items()}


def test_a_group_is_dead_exactly_when_28_days_went_by_without_its_members(world: World, lives: dict[str, oracle.Life]):
    mortal = world.truth.groups.filter(pl.col("fate").is_in(["lives", "dies"]))
    planted = {group: [day] if day else [] for group, day in mortal.select("group_id", "dead_since").iter_rows()}
    assert planted == {group: lives[group].deaths for group in planted}


def test_only_dying_groups_are_dead(world: World):
    fates = world.truth.groups.filter(pl.col("dead_since").is_not_null())["fate"]
    assert set(fates) == {"dies"}


def test_some_groups_die_while_broadcasts_and_red_packets_go_on(world: World, events: list[Event]):
    dead = dict(world.truth.groups.drop_nulls("dead_since").select("group_id", "last_active_day").iter_rows())
    in_silence = [
        event.envelope.data
        for event in events
        if event.envelope.type == kinds.MESSAGE_SENT
        and event.envelope.data.group_id in dead
        and event.envelope.time.date() > dead[event.envelope.data.group_id]
    ]
    assert {data.message_kind for data in in_silence} >= {"broadcast", "red_packet"}


def test_members_send_red_packets_that_are_no_activity(events: list[Event]):
    packets = [e for e in events if e.envelope.data.message_kind == "red_packet" and e.envelope.data.role == "member"]
    assert packets
    assert not any(is_activity(packet) for packet in packets)


def test_groups_with_an_end_are_silent_after_it(events: list[Event]):
    ends = {e.envelope.data.group_id: e.envelope.data.planned_end for e in events if e.envelope.data.planned_end}
    late = [
        e
        for e in events
        if is_activity(e) and e.envelope.time >= ends.get(e.envelope.data.group_id, e.envelope.time + oracle.WEEK)
    ]
    assert ends
    assert late == []


def test_sales_are_what_brute_force_attributes(world: World, events: list[Event]):
    planted = {(group, currency): tuple(sums) for group, currency, *sums in world.truth.sales.iter_rows()}
    assert planted == oracle.sales(events)


def test_costs_are_what_the_events_add_up_to(world: World, events: list[Event]):
    costs = [event.envelope.data for event in events if event.envelope.type == kinds.SPEND_RECORDED]
    sums: Counter[tuple[str | None, ...]] = Counter()
    for cost in costs:
        sums[cost.group_id, cost.campaign, cost.currency] += cost.total_minor or 0
    assert {row[:3]: row[3] for row in world.truth.spend.iter_rows()} == sums


def test_a_refund_of_more_than_was_paid_leaves_nothing(world: World):
    sums = world.truth.sales.select(pl.col("net_minor", "paid_minor", "refunded_minor").sum()).row(0, named=True)
    assert sums["net_minor"] > sums["paid_minor"] - sums["refunded_minor"]


def test_the_watermark_is_the_oldest_live_source_less_an_hour(world: World, events: list[Event]):
    newest: dict[str, dt.datetime] = {}
    for event in (one for one in events if one.envelope.type not in kinds.SAID_BY_PEOPLE):
        newest[event.envelope.source] = max(event.envelope.time, newest.get(event.envelope.source, event.envelope.time))
    live = [time for time in newest.values() if time >= max(newest.values()) - dt.timedelta(days=1)]
    assert world.truth.watermark == min(live) - dt.timedelta(hours=1)


def test_the_last_complete_day_is_over_at_the_watermark_and_the_next_is_not(world: World, scenario: Scenario):
    through = world.truth.complete_through
    ends = [
        dt.datetime.combine(through + dt.timedelta(days=days), dt.time(), ZoneInfo(scenario.zone)) for days in (1, 2)
    ]
    assert ends[0] <= world.truth.watermark < ends[1]


def test_the_silent_carrier_does_not_hold_the_watermark_back(world: World, events: list[Event], scenario: Scenario):
    if scenario.silent_carrier is None:
        pytest.skip("all feeds of this scenario live")
    source = f"simulator/{scenario.silent_carrier}"
    newest = max(event.envelope.time for event in events if event.envelope.source == source)
    assert newest < world.truth.watermark - dt.timedelta(days=1)
