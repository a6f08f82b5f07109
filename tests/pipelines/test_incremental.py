"""Whatever arrives in whatever batches, every fact of events is what a computation of all of it from nothing gives."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement import connections as connections_module
from pipelines.engagement.calendar import Unit
from pipelines.engagement.connections import connected, exchanges
from pipelines.engagement.first_seen import first_seen
from pipelines.engagement.lifecycle import lifecycle
from pipelines.engagement.person_day import person_day
from pipelines.engagement.person_value import credited_orders, person_value
from pipelines.engagement.retention_table import retention_table
from pipelines.engagement.revenue_cohorts import revenue_cohorts
from pipelines.engagement.segments import segment_activity, segment_retention
from pipelines.engagement.states import member_state
from pipelines.events.event_ids import pseudonym_of
from pipelines.events.identity import with_person
from pipelines.events.watermark import watermark
from pipelines.funnel.attribution import AttributionRules, order_credit
from pipelines.funnel.conversion_path import conversion_path, conversion_path_sales
from pipelines.funnel.funnel import funnel
from pipelines.funnel.order_facts import numbered, order_items, order_rows
from pipelines.funnel.orders import order_refunds
from pipelines.funnel.person_path import bears_on_paths, person_path
from pipelines.funnel.spend import spend_day
from pipelines.funnel.steps import timeline
from pipelines.groups.birth import births
from pipelines.groups.contacts import ILL, before_fall, contacts
from pipelines.groups.feed_day import feed_day
from pipelines.groups.group import group_table
from pipelines.groups.group_day import group_day
from pipelines.groups.group_hour import group_hour
from pipelines.groups.health import group_health, life_days
from pipelines.groups.intervention import intervention
from pipelines.groups.member_change import member_change, with_derived
from pipelines.groups.network import group_network
from pipelines.groups.staff_act import staff_act
from pipelines.groups.staff_day import staff_day
from pipelines.groups.state import group_state
from pipelines.groups.thresholds import LifeRules, Thresholds
from pipelines.ingest.counts import stored_counts
from pipelines.lake import Lake
from pipelines.lake_months import changed_months
from pipelines.quarantine import rule_on_event
from pipelines.refresh import (
    Refreshed,
    recent_events,
    refresh_contacts,
    refresh_conversion_paths,
    refresh_credit,
    refresh_days,
    refresh_feed_days,
    refresh_first_seen,
    refresh_funnels,
    refresh_group_network,
    refresh_groups,
    refresh_identity,
    refresh_interventions,
    refresh_life,
    refresh_lifecycle,
    refresh_member_changes,
    refresh_member_state,
    refresh_orders,
    refresh_person_paths,
    refresh_person_value,
    refresh_retention,
    refresh_revenue_cohorts,
    refresh_segments,
    refresh_spend_days,
)
from pipelines.refresh import funnel as funnel_module
from pipelines.refresh import members as members_module
from pipelines.refresh import orders as orders_module
from pipelines.refresh import value as value_module
from pipelines.time import last_complete_day
from schemas import kinds
from schemas.funnel import FunnelDefinition, Step, standard
from schemas.lake import (
    CONTACT,
    CONVERSION_PATH,
    CONVERSION_PATH_SALES,
    CUSTOMER_ORDER,
    EVENTS,
    FEED_DAY,
    FIRST_SEEN,
    FUNNEL_ENTRY,
    GROUP,
    GROUP_DAY,
    GROUP_HEALTH,
    GROUP_HOUR,
    GROUP_NETWORK,
    GROUP_STATE,
    IDENTITY,
    INTERVENTION,
    LIFECYCLE,
    MEMBER_CHANGE,
    MEMBER_STATE,
    ORDER_CREDIT,
    ORDER_ITEM,
    ORDER_REFUND,
    PERSON_DAY,
    PERSON_PATH,
    PERSON_VALUE,
    RETENTION,
    REVENUE_COHORT,
    SEGMENT_ACTIVITY,
    SEGMENT_RETENTION,
    SPEND_DAY,
    STAFF_ACT,
    STAFF_DAY,
    LakeTable,
)
from tests.examples import examples
from tests.pipelines.canonical import NOON, PSEUDONYMS, Event, encoded, ingest, land, make_unreadable, message, records

DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)
ATTRIBUTION = AttributionRules()
COHORTS: tuple[Unit, ...] = ("week", "month")
UNITS: tuple[Unit, ...] = ("day", "week", "month")
IDLE = 3 * DAY
LIFE = LifeRules(
    Thresholds(
        dead_after_days=9, baseline_weeks=3, least_baseline_weeks=1, least_messages=1.0, confirm_days=2, silent_days=3
    )
)
FACTS = (
    MEMBER_CHANGE, PERSON_DAY, FIRST_SEEN, RETENTION, LIFECYCLE, MEMBER_STATE, FUNNEL_ENTRY, ORDER_CREDIT,
    ORDER_REFUND, ORDER_ITEM, CUSTOMER_ORDER, PERSON_VALUE, REVENUE_COHORT, PERSON_PATH,
    CONVERSION_PATH, CONVERSION_PATH_SALES, GROUP, GROUP_DAY, FEED_DAY, GROUP_HEALTH,
    GROUP_STATE, GROUP_HOUR, STAFF_DAY, GROUP_NETWORK, SPEND_DAY, SEGMENT_ACTIVITY, SEGMENT_RETENTION, STAFF_ACT,
    INTERVENTION, CONTACT,
)  # fmt: skip


Refreshes = tuple[tuple[tuple[LakeTable, ...], Callable[[], Refreshed | Mapping[str, Refreshed]]], ...]


def with_inputs(facts: Iterable[LakeTable]) -> set[str]:
    """Names of these facts, and all that they are made of or guided by, directly or not."""
    found: set[str] = set()
    waiting = [*facts]
    while waiting:
        table = waiting.pop()
        if table.name not in found:
            found.add(table.name)
            waiting += table.reads
    return found


def by_hour(events: pl.LazyFrame) -> pl.LazyFrame:
    return group_hour(events, "Asia/Shanghai")


@dataclass
class Company:
    """A lake, what is sent into it, and its facts, refreshed as their assets do."""

    lake: Lake
    sent: list[tuple[Event, dt.datetime]] = field(default_factory=list)
    landed: int = 0  # records beside those sent, before them
    out: set[tuple[str, str]] = field(default_factory=set)
    refreshed: dict[str, Refreshed] = field(default_factory=dict)
    funnels: tuple[FunnelDefinition, ...] = (standard(),)
    watermarks: dict[int, dt.datetime] = field(default_factory=dict)  # by version of `events`

    def copied(self, folder: Path) -> Self:
        """The company as it is now, with a lake of its own in a new folder."""
        shutil.copytree(self.lake.uri, folder)
        return replace(self, lake=Lake(str(folder)), sent=[*self.sent], out={*self.out}, refreshed={}, watermarks={})

    def send(self, *events: Event, kafka_time: dt.datetime = NOON) -> None:
        first = self.landed + len(self.sent)
        offsets = range(first, first + len(events))
        self.sent += [(event, kafka_time) for event in events]
        land(self.lake, records([encoded(event) for event in events], offsets=offsets, kafka_time=kafka_time))
        ingest(self.lake)

    def rule(self, event: Event) -> None:
        """Put an event in quarantine, or put it back if it is there; the next batch follows it."""
        key = event["source"], event["id"]
        self.out ^= {key}
        is_out = key in self.out
        pseudonym = pseudonym_of(event["id"], PSEUDONYMS)
        rule_on_event(
            self.lake, *key, is_quarantined=is_out, actor="ann", reason="wrong", now=NOON, pseudonym=pseudonym,
            is_expected=True,
        )  # fmt: skip

    def without(self) -> Lake:
        """A lake of all that was sent but the events in quarantine."""
        lake = Lake(f"{self.lake.uri}-without-{len(self.out)}")
        kept = [
            records([encoded(event)], offsets=[offset], kafka_time=kafka_time)
            for offset, (event, kafka_time) in enumerate(self.sent)
            if (event["source"], event["id"]) not in self.out
        ]
        if kept:
            land(lake, pl.concat(kept))
        ingest(lake)
        return lake

    def reached(self) -> dt.datetime:
        handle = self.lake.open(EVENTS)
        if handle.version not in self.watermarks:  # asked by every refresh, and the same until events arrive
            self.watermarks = {handle.version: watermark(recent_events(handle, IDLE), MINUTE, IDLE) or NOON}
        return self.watermarks[handle.version]

    def through(self) -> dt.date:
        return last_complete_day(self.reached(), "Asia/Shanghai")

    def refresh(self, rules: int = 1, facts: Collection[LakeTable] = FACTS) -> None:
        """Refresh these facts, after those that they are made of or guided by."""
        lake, through, wanted = self.lake, self.through(), with_inputs(facts)
        self.refreshed = {}
        for tables, refresh in self.refreshes(lake, self.reached(), through, rules):
            if wanted.isdisjoint(table.name for table in tables):
                continue
            done = refresh()
            self.refreshed |= {tables[0].name: done} if isinstance(done, Refreshed) else done

    def refreshes(self, lake: Lake, reached: dt.datetime, through: dt.date, rules: int) -> Refreshes:
        """Each refresh and the facts that it computes, after the refreshes of what these are made of."""
        zone, look_back = "Asia/Shanghai", ATTRIBUTION.look_back
        return (
            ((MEMBER_CHANGE,), lambda: refresh_member_changes(lake)),
            ((PERSON_DAY,), lambda: refresh_days(lake, PERSON_DAY, person_day)),
            ((GROUP_DAY,), lambda: refresh_days(lake, GROUP_DAY, group_day)),
            ((GROUP_HOUR,), lambda: refresh_days(lake, GROUP_HOUR, by_hour, rules)),
            ((STAFF_DAY,), lambda: refresh_days(lake, STAFF_DAY, staff_day)),
            ((GROUP_NETWORK,), lambda: refresh_group_network(lake, through, rules)),
            ((SPEND_DAY,), lambda: refresh_spend_days(lake)),
            ((FIRST_SEEN,), lambda: refresh_first_seen(lake)),
            ((RETENTION,), lambda: refresh_retention(lake, COHORTS, through, rules)),
            ((LIFECYCLE,), lambda: refresh_lifecycle(lake, UNITS, through, rules)),
            ((MEMBER_STATE,), lambda: refresh_member_state(lake, through, rules)),
            ((FUNNEL_ENTRY,), lambda: refresh_funnels(lake, self.funnels, reached, rules)),
            ((ORDER_CREDIT,), lambda: refresh_credit(lake, ATTRIBUTION, rules)),
            ((ORDER_REFUND, ORDER_ITEM, CUSTOMER_ORDER), lambda: refresh_orders(lake)),
            ((PERSON_VALUE,), lambda: refresh_person_value(lake, through, zone, rules)),
            ((REVENUE_COHORT,), lambda: refresh_revenue_cohorts(lake, through, rules)),
            ((GROUP,), lambda: refresh_groups(lake)),
            ((FEED_DAY,), lambda: refresh_feed_days(lake)),
            ((STAFF_ACT,), lambda: refresh_days(lake, STAFF_ACT, staff_act)),
            ((INTERVENTION,), lambda: refresh_interventions(lake, zone, LIFE, rules)),
            ((SEGMENT_ACTIVITY, SEGMENT_RETENTION), lambda: refresh_segments(lake, through, rules)),
            ((PERSON_PATH,), lambda: refresh_person_paths(lake, look_back, rules)),
            (
                (CONVERSION_PATH, CONVERSION_PATH_SALES),
                lambda: refresh_conversion_paths(lake, through, zone, look_back, rules),
            ),
            ((GROUP_HEALTH, GROUP_STATE), lambda: refresh_life(lake, through, zone, LIFE, rules)),
            ((CONTACT,), lambda: refresh_contacts(lake)),
        )

    def refresh_one(self, table: LakeTable, rules: int = 1) -> None:
        """One of the facts that joins and leaves decide on, and what it follows beside `member_change`."""
        lake = self.lake
        refresh_days(lake, PERSON_DAY, person_day)
        refresh_first_seen(lake)
        {
            MEMBER_CHANGE: lambda: refresh_member_changes(lake),
            GROUP_DAY: lambda: refresh_days(lake, GROUP_DAY, group_day),
            MEMBER_STATE: lambda: refresh_member_state(lake, self.through(), rules),
            FUNNEL_ENTRY: lambda: refresh_funnels(lake, self.funnels, self.reached(), rules),
            ORDER_CREDIT: lambda: refresh_credit(lake, ATTRIBUTION, rules),
        }[table]()

    def stored(self, table: LakeTable) -> pl.DataFrame:
        return self.lake.open(table).scan().sort(table.key).collect()

    def computed(self, table: LakeTable) -> pl.DataFrame:
        """The fact from nothing, out of all events."""
        return FromNothing(self).of(table)

    def assert_without(self) -> None:
        """The events are those of a lake that the events in quarantine never came into."""
        stored, expected = (
            lake.open(EVENTS).scan().drop("batch").sort(EVENTS.key).collect() for lake in (self.lake, self.without())
        )
        assert stored.equals(expected, null_equal=True)
        counts = stored_counts(self.lake)
        assert counts.events == stored.height
        assert (counts.raw, counts.unaccounted) == (len(self.sent), 0)

    def assert_exact(self, facts: Iterable[LakeTable] = FACTS) -> None:
        from_nothing = FromNothing(self)
        for table in facts:
            stored, computed = self.stored(table), from_nothing.of(table)
            assert stored.equals(computed, null_equal=True), f"{table.name}\nstored {stored}\ncomputed {computed}"


def held(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The same rows, computed once for all that are made of them."""
    return frame.collect().lazy()


class FromNothing:
    """Every fact of a company as it is now, out of all its events."""

    def __init__(self, company: Company) -> None:
        self.company, self.through = company, company.through()
        self.people = company.lake.open(IDENTITY).scan()
        self.plain = held(company.lake.open(EVENTS).scan())
        self.events = held(with_person(with_derived(self.plain, member_change(self.plain)), self.people))

    @cached_property
    def days(self) -> pl.LazyFrame:
        return held(person_day(self.events))

    @cached_property
    def groups(self) -> pl.LazyFrame:
        return held(group_table(self.events, births(self.events)))

    @cached_property
    def life(self) -> pl.LazyFrame:
        facts = group_day(self.events), self.days, feed_day(self.events), self.groups
        return life_days(*facts, self.through, "Asia/Shanghai", LIFE).lazy()

    @cached_property
    def orders(self) -> pl.LazyFrame:
        return held(numbered(order_rows(self.events)))

    @cached_property
    def paths(self) -> pl.LazyFrame:
        points = self.events.filter(bears_on_paths()).collect()
        return person_path(points, self.orders.collect(), ATTRIBUTION.look_back).lazy()

    def funnels(self) -> pl.LazyFrame:
        steps, reached = timeline(self.events), watermark(self.events, MINUTE, IDLE) or NOON
        entries = (funnel(steps, one, reached) for one in self.company.funnels)
        return pl.concat([pl.LazyFrame(schema=FUNNEL_ENTRY.schema), *entries])

    def interventions(self) -> pl.LazyFrame:
        facts = staff_act(self.plain), group_day(self.events), feed_day(self.events), self.groups
        return intervention(*facts, "Asia/Shanghai", LIFE)

    def contacts(self) -> pl.LazyFrame:
        is_ill = pl.col("is_current") & pl.col("state").is_in(ILL)
        falls = group_state(self.life).filter(is_ill).select("group_id", "since").collect()
        ends = falls.lazy().select("group_id", end=before_fall(pl.col("since")))
        exchanged = exchanges(self.plain.join(ends, on="group_id"), self.people, pl.col("end"))
        return contacts(self.days, exchanged, order_credit(self.events, ATTRIBUTION), falls).lazy()

    def of(self, table: LakeTable) -> pl.DataFrame:
        events, through = self.events, self.through
        everything = {
            PERSON_DAY.name: lambda: self.days,
            FIRST_SEEN.name: lambda: first_seen(self.days),
            RETENTION.name: lambda: pl.concat(
                retention_table(first_seen(self.days), self.days, unit, through) for unit in COHORTS
            ),
            LIFECYCLE.name: lambda: pl.concat(lifecycle(self.days, unit, through) for unit in UNITS),
            MEMBER_STATE.name: lambda: member_state(
                events, self.days, connected(self.plain, self.people, through), through
            ),
            FUNNEL_ENTRY.name: self.funnels,
            ORDER_CREDIT.name: lambda: order_credit(events, ATTRIBUTION),
            ORDER_REFUND.name: lambda: order_refunds(events),
            ORDER_ITEM.name: lambda: order_items(events),
            CUSTOMER_ORDER.name: lambda: self.orders,
            PERSON_PATH.name: lambda: self.paths,
            CONVERSION_PATH.name: lambda: conversion_path(
                self.paths, self.groups, through, "Asia/Shanghai", ATTRIBUTION.look_back
            ),
            CONVERSION_PATH_SALES.name: lambda: conversion_path_sales(self.paths, self.groups, self.orders),
            PERSON_VALUE.name: lambda: person_value(
                credited_orders(order_credit(events, ATTRIBUTION)), through, "Asia/Shanghai"
            ),
            REVENUE_COHORT.name: lambda: revenue_cohorts(numbered(order_rows(events)), through),
            GROUP.name: lambda: self.groups,
            SEGMENT_ACTIVITY.name: lambda: segment_activity(self.days, self.groups, through),
            SEGMENT_RETENTION.name: lambda: segment_retention(self.days, self.groups, through),
            GROUP_DAY.name: lambda: group_day(events),
            MEMBER_CHANGE.name: lambda: member_change(self.plain),
            GROUP_HOUR.name: lambda: by_hour(events),
            STAFF_DAY.name: lambda: staff_day(events),
            GROUP_NETWORK.name: lambda: group_network(events, through),
            SPEND_DAY.name: lambda: spend_day(events),
            FEED_DAY.name: lambda: feed_day(events),
            STAFF_ACT.name: lambda: staff_act(self.plain),
            INTERVENTION.name: self.interventions,
            CONTACT.name: self.contacts,
            GROUP_HEALTH.name: lambda: group_health(self.life),
            GROUP_STATE.name: lambda: group_state(self.life),
        }
        return everything[table.name]().sort(table.key).collect()


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(Lake(str(tmp_path_factory.mktemp("company"))))


def happened(kind: str, day: float = 0, minute: float = 0, **payload: Any) -> Event:
    """An event so many days before Monday noon; its id is that of the payload's `id`, or all of what it says."""
    name = payload.pop("id", None) or f"{kind} {day} {minute} {sorted(payload.items())}"
    source = payload.pop("source", "bridge")
    group = payload.pop("group", ...)
    time = (NOON - day * DAY + minute * MINUTE).isoformat()
    data = {"member_id": ..., "message_id": ..., **payload}
    return message(data, id=name, source=source, type=kind, subject=group, time=time)


def spent(day: float, amount: int, group: str | None = "app:g", **payload: Any) -> Event:
    """A cost, so many days before Monday noon."""
    money = {"total_minor": amount, "currency": "CNY"}
    return happened(kinds.SPEND_RECORDED, day, group=group, source="costs", **money | payload)


def said(account: str, day: float = 0, minute: float = 0, group: str = "app:g", **payload: Any) -> Event:
    return happened(kinds.MESSAGE_SENT, day, minute, member_id=account, group=group, message_id="m", **payload)


def ordered(kind: str, order: str, minute: float = 0, **payload: Any) -> Event:
    money = {"order_id": order, "total_minor": 100, "currency": "CNY"}
    return happened(kind, 0, minute, source="shop", **money | payload)


JOINED = happened(kinds.MEMBER_JOINED, 30, member_id="app:a", group="app:g")
ACTIVE = [JOINED, said("app:a", 29), said("app:a", 21)]
PAID = ordered(kinds.ORDER_PAID, "o1", member_id="app:a")
CLICKED = happened(kinds.LINK_CLICKED, 1, member_id="app:a", group="app:g")
LINK = happened(kinds.IDENTITY_LINKED, 3, member_id="app:a", linked_id="shop:a")
LINK_MEMBERS = happened(kinds.IDENTITY_LINKED, member_id="app:a", linked_id="app:b")
TALK = [said(name, 5, minute) for minute, name in enumerate(["app:a", "app:b", "app:c", "app:a"])]

LONG_AGO = [said(name, 40, minute) for minute, name in enumerate(["app:a", "app:b", "app:c", "app:a"])]


DIED = [*LONG_AGO, *(happened(kinds.FEED_HEARTBEAT, day) for day in range(1, 40))]
"""A group that was born and has been silent since, and dead for long."""


def listed(day: float, *members: str, group: str = "app:g") -> Event:
    return happened(kinds.GROUP_SNAPSHOT, day, group=group, members=[{"id": member} for member in members])


OFFER = said("app:op", 6, role="operator", product_id="x")

REACHING = {
    "an offer reaches a member who does nothing": (
        ACTIVE,
        [said("app:op", 10, role="operator", product_id="x")],
        FUNNEL_ENTRY,
    ),
    "a refund names nobody": ([PAID], [ordered(kinds.ORDER_REFUNDED, "o1")], ORDER_CREDIT),
    "a refund has a date": ([PAID], [ordered(kinds.ORDER_REFUNDED, "o1")], ORDER_REFUND),
    "a payment in another currency proves to be the first": (
        [PAID, ordered(kinds.ORDER_REFUNDED, "o1")],
        [ordered(kinds.ORDER_PAID, "o1", -9, member_id="app:a", currency="JPY")],
        ORDER_REFUND,
    ),
    "an earlier order is placed late": (
        [PAID, ordered(kinds.ORDER_PAID, "o2", 5, member_id="app:a")],
        [ordered(kinds.ORDER_PAID, "o3", -5, member_id="app:a")],
        CUSTOMER_ORDER,
    ),
    "a link makes one buyer of two": (
        [PAID, ordered(kinds.ORDER_PAID, "o2", 5, member_id="shop:a")],
        [LINK],
        CUSTOMER_ORDER,
    ),
    "what was ordered becomes known late": (
        [PAID],
        [ordered(kinds.ORDER_PLACED, "o1", -9, member_id="app:a", items=[{"product_id": "tea", "amount_minor": 120}])],
        ORDER_ITEM,
    ),
    "a late click": ([PAID], [CLICKED], ORDER_CREDIT),
    "an offer reaches a buyer": ([*ACTIVE, PAID], [said("app:op", 3, role="operator", product_id="x")], ORDER_CREDIT),
    "an offer at the end of a day reaches a buyer a week later": (
        [*ACTIVE, PAID],
        [said("app:op", 7, role="operator", product_id="x")],
        ORDER_CREDIT,
    ),
    "a late joining shows a buyer an offer": (
        [said("app:op", 3, role="operator", product_id="x"), PAID],
        [JOINED],
        ORDER_CREDIT,
    ),
    "a late leaving hides an offer from a buyer": (
        [*ACTIVE, said("app:op", 3, role="operator", product_id="x"), PAID],
        [happened(kinds.MEMBER_LEFT, 4, member_id="app:a", group="app:g")],
        ORDER_CREDIT,
    ),
    "a link joins a member to a buyer who saw nothing": (
        [
            *ACTIVE,
            said("app:op", 3, role="operator", product_id="x"),
            ordered(kinds.ORDER_PAID, "o1", member_id="shop:a"),
        ],
        [LINK],
        ORDER_CREDIT,
    ),
    "a link makes an offer the buyer's own": (
        [*ACTIVE, said("shop:a", 2, product_id="x"), PAID],
        [LINK],
        ORDER_CREDIT,
    ),
    "a late placing by another account": (
        [PAID],
        [ordered(kinds.ORDER_PLACED, "o1", -9, member_id="app:b", group="app:h")],
        ORDER_CREDIT,
    ),
    "a link joins a buyer to a clicker": (
        [CLICKED, ordered(kinds.ORDER_PAID, "o1", member_id="shop:a")],
        [LINK],
        ORDER_CREDIT,
    ),
    "a link joins a member to a buyer": ([*ACTIVE, said("shop:a", 2, group="app:h")], [LINK], FUNNEL_ENTRY),
    "a link takes a speaker away": ([said("app:a"), said("shop:a"), said("shop:a", 1)], [LINK], PERSON_DAY),
    "a late first message": ([said("app:a")], [said("app:a", 60)], FIRST_SEEN),
    "a late word before the birth": ([*TALK[:3], said("app:b", 4)], [TALK[3]], GROUP),
    "a link undoes a birth": (
        TALK,
        [happened(kinds.IDENTITY_LINKED, member_id="app:a", linked_id="app:b")],
        GROUP,
    ),
    "a late message before the end of the newest complete day": (
        [said("app:a"), said("app:b", 3)],
        [said("app:b", 60)],
        MEMBER_STATE,
    ),
    "a link makes one member of two": (
        [said("app:a"), said("app:b", 3), said("app:a", 9)],
        [LINK_MEMBERS],
        MEMBER_STATE,
    ),
    "a late word in one of two groups": (
        [said("app:a", 40), said("app:a", 33, group="app:h"), said("app:b", 2)],
        [said("app:a", 36)],
        SEGMENT_ACTIVITY,
    ),
    "a group gets another purpose": (
        [*LONG_AGO, said("app:b", 2)],
        [happened(kinds.GROUP_UPDATED, 2, group="app:g", purpose="sales")],
        SEGMENT_RETENTION,
    ),
    "a late name": (TALK, [happened(kinds.GROUP_UPDATED, 2, group="app:g", name="tea")], GROUP),
    "a late heartbeat shows that a group was silent": (
        [*LONG_AGO, happened(kinds.FEED_HEARTBEAT, source="other")],
        [happened(kinds.FEED_HEARTBEAT, day) for day in range(30, 40)],
        GROUP_STATE,
    ),
    "late heartbeats make a silence that an operator ended": (
        [*LONG_AGO, said("app:op", 20, role="operator"), said("app:a", 0, group="app:h")],
        [happened(kinds.FEED_HEARTBEAT, day) for day in range(30, 34)],
        INTERVENTION,
    ),
    "a late word makes a silence too short": (
        [
            *LONG_AGO,
            *(happened(kinds.FEED_HEARTBEAT, day) for day in range(22, 34)),
            said("app:op", 20, role="operator"),
        ],
        [said("app:a", 21)],
        INTERVENTION,
    ),
    "a late word in a group that died": ([*DIED, said("app:b", 0, group="app:h")], [said("app:a", 45)], CONTACT),
    "a late answer in a group that died": (
        [*DIED, said("app:hub", 44), said("app:b", 0, group="app:h")],
        [said(name, 44, 9, reply_to="m") for name in ("app:a", "app:b")],
        CONTACT,
    ),
    "a group that died sells": ([*DIED, said("app:b", 0, group="app:h")], [CLICKED, PAID], CONTACT),
    "a group that died revives": (DIED, [said("app:a", 1), said("app:b")], CONTACT),
    "a late note": (
        [*LONG_AGO, said("app:a")],
        [happened(kinds.GROUP_INTERVENTION, 9, group="app:g", intervention="call", intervention_note="rang")],
        INTERVENTION,
    ),
    "a late word of a group": ([*LONG_AGO, said("app:b", 5, 0, "app:h")], [said("app:a", 35)], GROUP_HEALTH),
    "a late snapshot from which a buyer was missing": (
        [listed(9, "app:a"), said("app:a", 8.5), listed(4, "app:a"), OFFER, PAID],
        [listed(8, "app:b")],
        ORDER_CREDIT,
    ),
    "a snapshot joins who then does nothing": (
        [listed(9, "app:a"), said("app:a", 1)],
        [listed(8, "app:a", "app:b")],
        MEMBER_STATE,
    ),
    "a late word within the bounds of a join": (
        [listed(29, "app:b"), said("app:b", 28.5), listed(20, "app:a"), listed(9, "app:b")],
        [said("app:b", 15)],
        FUNNEL_ENTRY,
    ),
    "a late join of who is listed later on": (
        [listed(9, "app:b"), listed(2, "app:a", "app:b")],
        [happened(kinds.MEMBER_JOINED, 5, member_id="app:a", group="app:g")],
        GROUP_DAY,
    ),
    "a late cost": ([*TALK, spent(60, 5)], [spent(60, 7), spent(61, 3, group=None)], SPEND_DAY),
    "a late leaving": ([said("app:a")], [happened(kinds.MEMBER_LEFT, 1, member_id="app:a", group="app:g")], GROUP_DAY),
}


EVERY_FACT = pytest.mark.parametrize(
    "is_every_fact", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["one fact", "every fact"]
)
"""A case costs as much as the facts that it refreshes."""


@EVERY_FACT
@pytest.mark.parametrize(("before", "late", "table"), REACHING.values(), ids=REACHING)
def test_what_reaches_further_than_its_own_account(
    company: Company, before: list[Event], late: list[Event], table: LakeTable, is_every_fact: bool
):
    facts = FACTS if is_every_fact else (table,)
    company.send(*before)
    refresh_identity(company.lake)
    company.refresh(facts=facts)
    stored = company.stored(table)
    company.send(*late)
    refresh_identity(company.lake)
    company.refresh(facts=facts)
    assert not company.stored(table).equals(stored)
    company.assert_exact(facts)


TAKEN_BACK = {
    "an offer": (ACTIVE, said("app:op", 10, role="operator", product_id="x", id="copy"), said("app:op", 10, id="copy")),
    "a refund that names nobody": (
        [PAID, ordered(kinds.ORDER_PAID, "o2", member_id="app:b")],
        ordered(kinds.ORDER_REFUNDED, "o1", id="copy"),
        ordered(kinds.ORDER_REFUNDED, "o2", id="copy"),
    ),
    "a link": (
        [*ACTIVE, said("shop:a", 2, group="app:h")],
        {**LINK, "id": "copy"},
        {**LINK, "id": "copy", "data": {"member_id": "app:b", "linked_id": "shop:b"}},
    ),
    "the only event of a group": ([JOINED], said("app:a", 1, group="app:h", id="copy"), said("app:a", 1, id="copy")),
}


@pytest.mark.parametrize(("others", "first", "winner"), TAKEN_BACK.values(), ids=TAKEN_BACK)
def test_what_an_earlier_copy_takes_back_is_gone_from_every_fact(
    company: Company, others: list[Event], first: Event, winner: Event
):
    company.send(*others, first, kafka_time=NOON + DAY)
    refresh_identity(company.lake)
    company.refresh()
    company.send(winner)
    refresh_identity(company.lake)
    company.refresh()
    company.assert_exact()


def test_a_late_snapshot_changes_what_the_next_one_implies_in_its_group_alone(company: Company):
    company.send(
        listed(9, "app:a"), listed(3, "app:a", "app:b"), listed(9, "app:a", group="app:h"), listed(3, group="app:h")
    )
    company.refresh(facts=(MEMBER_CHANGE,))
    before = company.stored(MEMBER_CHANGE)
    company.send(listed(6, "app:b"))
    refresh_identity(company.lake)
    company.refresh(facts=(MEMBER_CHANGE,))
    after = company.stored(MEMBER_CHANGE)
    assert (before.height, after.height) == (1, 3)
    assert company.refreshed[MEMBER_CHANGE.name].groups == 1
    company.assert_exact((MEMBER_CHANGE,))


ONE_OF_EACH = {
    "a snapshot": ([listed(9, "app:a"), listed(3, "app:a", "app:b")], listed(6, "app:b")),
    **{name: (others, {**first, "id": name}) for name, (others, first, _) in TAKEN_BACK.items()},
    "a payment": ([*ACTIVE, CLICKED], PAID),
    "the first message of a member": ([said("app:b", 3)], said("app:b", 60)),
    "the newest event": (TALK, said("app:a", 0)),
    "the only event": ([], said("app:a", 0)),
    "a note": (
        [*LONG_AGO, said("app:a", 0)],
        happened(kinds.GROUP_INTERVENTION, 3, group="app:g", intervention="call"),
    ),
    "an operator who writes first": (LONG_AGO, said("app:op", 20, role="operator")),
    "a heartbeat": (LONG_AGO, happened(kinds.FEED_HEARTBEAT, source="other")),
    "a cost": ([*TALK, spent(2, 5)], spent(2, 7)),
}


WRONG = list({wrong["id"]: wrong for _, wrong in ONE_OF_EACH.values()}.values())
OTHERS = [event for others, _ in ONE_OF_EACH.values() for event in others if event not in WRONG]


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        pytest.param(OTHERS, WRONG, id="one of each"),
        pytest.param([], [ONE_OF_EACH["the only event"][1]], id="the only event"),
        *(pytest.param(others, [one], id=f"{name} alone", marks=pytest.mark.soak)
          for name, (others, one) in ONE_OF_EACH.items()),
    ],
)  # fmt: skip
def test_events_in_quarantine_are_gone_from_every_fact_and_back_when_put_back(
    company: Company, others: list[Event], wrong: list[Event]
):
    company.send(*others, *wrong)
    refresh_identity(company.lake)
    company.refresh()
    before = {table.name: company.stored(table) for table in FACTS}
    for _ in ("taken out", "put back"):
        for event in wrong:
            company.rule(event)
        ingest(company.lake)
        refresh_identity(company.lake)
        company.refresh()
        company.assert_exact()
        company.assert_without()
    for table in FACTS:
        assert company.stored(table).equals(before[table.name], null_equal=True), table.name


def test_one_late_event_recomputes_one_person(company: Company):
    company.send(*ACTIVE, said("app:b", 9), said("app:c", 9))
    company.refresh()
    company.send(said("app:b", 40))
    company.refresh()
    counts = {name: (outcome.persons, outcome.days, outcome.groups) for name, outcome in company.refreshed.items()}
    assert counts == {
        PERSON_DAY.name: (1, 1, 0),
        GROUP_DAY.name: (0, 1, 1),
        GROUP_HOUR.name: (0, 1, 1),
        STAFF_DAY.name: (0, 1, 1),
        GROUP_NETWORK.name: (0, 0, 1),
        SPEND_DAY.name: (0, 1, 0),
        PERSON_PATH.name: (1, 0, 0),
        CONVERSION_PATH.name: (0, 0, 0),
        CONVERSION_PATH_SALES.name: (0, 0, 0),
        FIRST_SEEN.name: (1, 0, 0),
        RETENTION.name: (0, 2, 0),
        LIFECYCLE.name: (0, 2, 0),
        MEMBER_STATE.name: (1, 0, 1),
        FUNNEL_ENTRY.name: (1, 0, 0),
        ORDER_CREDIT.name: (1, 0, 0),
        ORDER_REFUND.name: (0, 0, 0),
        ORDER_ITEM.name: (0, 0, 0),
        CUSTOMER_ORDER.name: (0, 0, 0),
        PERSON_VALUE.name: (0, 0, 0),
        REVENUE_COHORT.name: (0, 0, 0),
        GROUP.name: (0, 0, 1),
        STAFF_ACT.name: (0, 1, 1),
        INTERVENTION.name: (0, 0, 1),
        MEMBER_CHANGE.name: (0, 0, 0),
        FEED_DAY.name: (0, 1, 0),
        SEGMENT_ACTIVITY.name: (1, 0, 0),
        SEGMENT_RETENTION.name: (1, 0, 0),
        # On that day the feed now proves to have flowed: that measures all groups anew.
        GROUP_HEALTH.name: (0, 0, 0),
        GROUP_STATE.name: (0, 0, 0),
        CONTACT.name: (0, 0, 1),
    }


def test_a_late_event_on_a_day_that_was_measured_judges_one_group_anew(company: Company):
    company.send(
        *LONG_AGO, *(said(name, 9, number, "app:h") for number, name in enumerate(["app:a", "app:b"])), said("app:a")
    )
    company.refresh(facts=(GROUP_HEALTH, GROUP_STATE))
    company.send(said("app:b", 9))
    company.refresh(facts=(GROUP_HEALTH, GROUP_STATE))
    assert [company.refreshed[table.name].groups for table in (GROUP_HEALTH, GROUP_STATE)] == [1, 1]
    company.assert_exact((GROUP_HEALTH, GROUP_STATE))


def test_units_of_who_is_new_are_counted_without_the_months_before(company: Company):
    company.send(*LONG_AGO, said("app:n", 3), said("app:a"))
    company.refresh(facts=(RETENTION, LIFECYCLE))
    company.send(said("app:n", 2), said("app:n", 3, -1))
    refresh_days(company.lake, PERSON_DAY, person_day)
    refresh_first_seen(company.lake)
    for file in Path(company.lake.table_uri(PERSON_DAY)).glob("month=2025-01-01/*.parquet"):
        make_unreadable(file)
    refresh_retention(company.lake, COHORTS, company.through(), 1)
    refresh_lifecycle(company.lake, ("day",), company.through(), 1)
    assert company.stored(RETENTION).equals(company.computed(RETENTION))
    assert company.stored(LIFECYCLE).equals(company.computed(LIFECYCLE).filter(unit="day"))


ANSWERS = [said(f"app:{'abcde'[n % 5]}", 3, 1 + n, reply_to="m") for n in range(25)]
"""Enough to connect who wrote what they answer."""


def test_a_late_answer_connects_a_member_who_did_nothing(company: Company):
    liked_long_ago = happened(kinds.REACTION_ADDED, 60, member_id="app:hub", group="app:g", message_id="x")
    company.send(liked_long_ago, said("app:hub", 3), *ANSWERS[:-1], said("app:a"))
    company.refresh(facts=(MEMBER_STATE,))
    before = company.stored(MEMBER_STATE)
    company.send(ANSWERS[-1])
    company.refresh(facts=(MEMBER_STATE,))
    after = company.stored(MEMBER_STATE)
    assert (before["connected_windows"].sum(), after["connected_windows"].sum()) == (0, 1)
    assert company.refreshed[MEMBER_STATE.name].persons == 1
    company.assert_exact((MEMBER_STATE,))


def test_changes_older_than_what_connects_leave_connections_as_they_are(
    company: Company, monkeypatch: pytest.MonkeyPatch
):
    company.send(said("app:hub", 3), *ANSWERS, said("app:hub", 3, 0, "app:h"), said("app:a"))
    company.refresh(facts=(MEMBER_STATE,))
    asked: list[int] = []

    def noted(events: pl.LazyFrame, *others: Any) -> pl.LazyFrame:
        asked.append(events.collect().height)
        return connected(events, *others)

    monkeypatch.setattr(members_module, "connected", noted)
    for day, group in ((58, "app:g"), (57, "app:h")):
        company.send(said("app:hub", day, 0, group))
        company.refresh(facts=(MEMBER_STATE,))
        company.assert_exact((MEMBER_STATE,))
    assert asked == [0, 2]
    assert company.stored(MEMBER_STATE).filter(connected_windows=1)["group_id"].to_list() == ["app:g"]


def test_members_judged_while_their_days_lag_behind_are_judged_again(company: Company):
    company.send(said("app:hub", 3), *ANSWERS[:-1], said("app:a"))
    company.refresh(facts=(MEMBER_STATE,))
    company.send(happened(kinds.REACTION_ADDED, 9, member_id="app:b", group="app:g", message_id="x"))
    refresh_days(company.lake, PERSON_DAY, person_day)
    refresh_member_changes(company.lake)
    company.send(ANSWERS[-1], said("app:c", 60))
    early = refresh_member_state(company.lake, company.through(), 1)
    assert company.stored(MEMBER_STATE)["connected_windows"].sum() == 1
    company.refresh(facts=(MEMBER_STATE,))
    assert (early.persons, company.refreshed[MEMBER_STATE.name].persons) == (3, 2)
    company.assert_exact((MEMBER_STATE,))


def test_what_happens_today_judges_nobody_anew(company: Company):
    company.send(*LONG_AGO, said("app:a"))
    company.refresh(facts=(GROUP_HEALTH, GROUP_STATE))
    company.send(said("app:b", 0, 1))
    company.refresh(facts=(GROUP_HEALTH, GROUP_STATE))
    assert [company.refreshed[table.name].groups for table in (GROUP_HEALTH, GROUP_STATE)] == [0, 0]
    company.assert_exact((GROUP_HEALTH, GROUP_STATE))


def test_what_happens_today_is_counted_in_no_segment_until_the_day_is_complete(company: Company):
    company.send(*LONG_AGO, said("app:a"))
    company.refresh(facts=(SEGMENT_ACTIVITY, SEGMENT_RETENTION))
    company.send(said("app:b", 0, 1), said("app:new", 0, 1))
    company.refresh(facts=(SEGMENT_ACTIVITY, SEGMENT_RETENTION))
    assert [company.refreshed[table.name].persons for table in (SEGMENT_ACTIVITY, SEGMENT_RETENTION)] == [0, 0]
    company.assert_exact((SEGMENT_ACTIVITY, SEGMENT_RETENTION))
    company.send(said("app:a", -40))
    company.refresh(facts=(SEGMENT_ACTIVITY, SEGMENT_RETENTION))
    company.assert_exact((SEGMENT_ACTIVITY, SEGMENT_RETENTION))


def test_an_entry_matures_with_the_watermark_and_is_not_computed_again(company: Company):
    company.send(JOINED)
    company.refresh(facts=(FUNNEL_ENTRY,))
    company.send(said("app:b", -40), kafka_time=NOON + 40 * DAY)
    company.refresh(facts=(FUNNEL_ENTRY,))
    assert company.refreshed[FUNNEL_ENTRY.name].persons == 1
    assert company.stored(FUNNEL_ENTRY).sort("entered_at")["is_mature"].to_list() == [True, False]
    company.assert_exact((FUNNEL_ENTRY,))


def test_a_funnel_built_in_parts_is_the_same(company: Company, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(funnel_module, "_EVENTS_AT_ONCE", 2)
    company.send(*ACTIVE, *TALK, PAID, CLICKED, said("app:op", 10, role="operator", product_id="x"))
    company.refresh(facts=(FUNNEL_ENTRY,))
    assert company.stored(FUNNEL_ENTRY).height > 1
    company.assert_exact((FUNNEL_ENTRY,))


def test_credit_built_in_parts_is_the_same(company: Company, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(orders_module, "_ORDERS_AT_ONCE", 1)
    company.send(*ACTIVE, CLICKED, said("app:op", 3, role="operator", product_id="x"))
    company.send(*(ordered(kinds.ORDER_PAID, f"o{n}", n, member_id=f"app:{'ab'[n % 2]}") for n in range(5)))
    company.send(ordered(kinds.ORDER_PAID, "o1", 9, member_id="app:a"), ordered(kinds.ORDER_REFUNDED, "o2"))
    company.refresh(facts=(ORDER_CREDIT,))
    assert company.stored(ORDER_CREDIT)["order_id"].n_unique() == 5
    company.assert_exact((ORDER_CREDIT,))


def test_an_offer_recomputes_only_orders_of_its_time(company: Company, monkeypatch: pytest.MonkeyPatch):
    company.send(*ACTIVE, PAID)
    company.refresh(facts=(ORDER_CREDIT,))
    recomputed: list[pl.DataFrame] = []

    def noted(*arguments: Any) -> pl.DataFrame:
        recomputed.append(credit(*arguments))
        return recomputed[-1]

    credit = orders_module._credit
    monkeypatch.setattr(orders_module, "_credit", noted)
    for day in (40, 3):
        company.send(said("app:op", day, role="operator", product_id="x"))
        company.refresh(facts=(ORDER_CREDIT,))
        company.assert_exact((ORDER_CREDIT,))
    assert [rows["order_id"].n_unique() for rows in recomputed] == [0, 1]


def test_what_buyers_are_worth_is_computed_again_for_orders_of_complete_days_alone(
    company: Company, monkeypatch: pytest.MonkeyPatch
):
    computed: list[dt.date] = []

    def watched(orders: pl.LazyFrame, day: dt.date, zone: str) -> pl.LazyFrame:
        computed.append(day)
        return person_value(orders, day, zone)

    monkeypatch.setattr(value_module, "person_value", watched)
    paid = [shopped(order, days_ago, f"app:{who}") for order, days_ago, who in (("1", 9, "a"), ("2", 0, "b"))]
    later = [
        [shopped("3", 0, "app:a")],
        [shopped("4", 3, "app:a")],
        [shopped("1", 1, "app:a", kinds.ORDER_REFUNDED)],
        [shopped("1", 0, "app:a")],
    ]
    counts = []
    for events in ([*paid, said("app:b", 0)], *later):
        company.send(*events)
        company.refresh(facts=(PERSON_VALUE,))
        company.assert_exact((PERSON_VALUE,))
        counts.append(len(computed))
    assert counts == [1, 1, 2, 3, 3]


def shopped(order: str, days_ago: float, who: str, kind: str = kinds.ORDER_PAID) -> Event:
    money = {"total_minor": 100, "currency": "CNY"}
    return happened(kind, days_ago, source="shop", order_id=order, member_id=who, **money)


def talking(name: str, then: str = "type = 'link.clicked'") -> FunnelDefinition:
    """A funnel of two steps, the first of them speaking."""
    steps = (Step("spoke", "type = 'message.sent'"), Step("then", then))
    return FunnelDefinition(name, "", "sequential", "persons", 10 * DAY, steps)


def built_anew(company: Company, monkeypatch: pytest.MonkeyPatch, *funnels: FunnelDefinition) -> list[str]:
    """The funnels that a refresh with these definitions builds anew; the entries are right after it."""
    built: list[str] = []
    rebuild = funnel_module._rebuilt

    def watched(sources: Any, definitions: Any, watermark: dt.datetime) -> Any:
        built.extend(one.name for one in definitions)
        return rebuild(sources, definitions, watermark)

    with monkeypatch.context() as patched:
        patched.setattr(funnel_module, "_rebuilt", watched)
        company.funnels = funnels
        company.refresh(facts=(FUNNEL_ENTRY,))
    company.assert_exact((FUNNEL_ENTRY,))
    assert set(company.stored(FUNNEL_ENTRY)["funnel"]) <= {one.name for one in funnels}
    return built


def test_a_changed_definition_builds_its_funnel_anew_and_no_other(company: Company, monkeypatch: pytest.MonkeyPatch):
    company.send(*ACTIVE, *TALK, CLICKED)
    assert built_anew(company, monkeypatch, standard(), talking("talk")) == ["standard", "talk"]
    assert built_anew(company, monkeypatch, standard(), talking("talk", "type = 'message.sent'")) == ["talk"]
    assert built_anew(company, monkeypatch, talking("other"), standard()) == ["other"]


def test_a_funnel_taken_out_is_gone_and_back_with_what_it_missed(company: Company, monkeypatch: pytest.MonkeyPatch):
    company.send(*ACTIVE)
    built_anew(company, monkeypatch, standard(), talking("talk"))
    assert built_anew(company, monkeypatch, standard()) == []
    company.send(*TALK, CLICKED)
    company.refresh(facts=(FUNNEL_ENTRY,))
    assert built_anew(company, monkeypatch, standard(), talking("talk")) == ["talk"]
    assert company.stored(FUNNEL_ENTRY).filter(funnel="talk").height == 3


def test_a_funnel_that_nobody_had_entered_is_back_with_whoever_enters(
    company: Company, monkeypatch: pytest.MonkeyPatch
):
    nobody = talking("talk")
    company.send(JOINED)
    built_anew(company, monkeypatch, standard(), nobody)
    built_anew(company, monkeypatch, standard())
    company.send(*TALK)
    company.refresh(facts=(FUNNEL_ENTRY,))
    built_anew(company, monkeypatch, standard(), nobody)
    assert company.stored(FUNNEL_ENTRY).filter(funnel="talk").height == 3


def test_late_events_reach_every_funnel(company: Company, monkeypatch: pytest.MonkeyPatch):
    company.send(*ACTIVE)
    both = (standard(), talking("talk"))
    built_anew(company, monkeypatch, *both)
    company.send(said("app:a", 20), said("app:b", 3))
    assert built_anew(company, monkeypatch, *both) == []
    assert company.refreshed[FUNNEL_ENTRY.name].persons == 2


def test_without_any_funnel_there_are_no_entries(company: Company, monkeypatch: pytest.MonkeyPatch):
    company.send(*ACTIVE)
    built_anew(company, monkeypatch, standard())
    built_anew(company, monkeypatch)
    assert company.stored(FUNNEL_ENTRY).is_empty()


def test_nothing_new_wakes_nobody(company: Company):
    company.send(*TALK)
    company.refresh()
    versions = {table.name: company.lake.open(table).version for table in FACTS}
    company.refresh()
    assert {table.name: company.lake.open(table).version for table in FACTS} == versions


ACCOUNTS = st.sampled_from(["app:a", "app:b", "app:c", "shop:a", "shop:b", "shop:null"])
GROUPS = st.sampled_from(["app:g", "app:h"])
_MONEY = {"currency": "CNY"}


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event of any kind; few ids, so that copies say something else and an earlier one takes back a later one."""
    kind = draw(st.sampled_from(sorted(kinds.REQUIRED)))
    required = kinds.REQUIRED[kind]
    payload: dict[str, Any] = {"role": draw(st.sampled_from(["member", "member", "member", "operator"]))}
    if "account_id" in required or draw(st.booleans()):
        payload["member_id"] = draw(ACCOUNTS)
    if "group_id" in required or draw(st.booleans()):
        payload["group"] = draw(GROUPS)
    if "amount_minor" in required:
        payload |= {"total_minor": draw(st.integers(0, 9)), **_MONEY}
    if "order_id" in required:
        payload["order_id"] = draw(st.sampled_from(["o1", "o2"]))
    if kind in {kinds.PRODUCT_VIEWED, kinds.CART_ADDED} or draw(st.integers(0, 3)) == 0:
        payload["product_id"] = draw(st.sampled_from(["x", "y"]))
    if "message_id" in required:
        payload["message_id"] = draw(st.sampled_from(["m1", "m2"]))
    if kind == kinds.IDENTITY_LINKED:
        payload["linked_id"] = draw(ACCOUNTS)
    if kind == kinds.GROUP_SNAPSHOT:
        payload["members"] = [{"id": account} for account in draw(st.sets(ACCOUNTS, max_size=3))]
    if kind == kinds.GROUP_INTERVENTION:
        payload["intervention"] = draw(st.sampled_from(["call", "offer"]))
    if kind.startswith("group.") and draw(st.booleans()):
        payload["name"] = draw(st.sampled_from(["tea", "rice"]))
    if draw(st.booleans()):
        payload["id"] = f"copy {draw(st.integers(1, 3))}"
    return happened(kind, draw(st.sampled_from([0, 1, 2, 8, 40, 70])), draw(st.integers(0, 12)), **payload)


@st.composite
def conversations(draw: st.DrawFn) -> list[Event]:
    """Minutes in which three accounts talk, so that groups are born; which of them later turn out to be one person?"""
    day, group = draw(st.sampled_from([0, 2, 40])), draw(GROUPS)
    return [said(name, day, minute, group) for minute, name in enumerate(["app:a", "app:b", "app:c", "app:a"])]


BATCH_OF_EVENTS = st.one_of(st.lists(events(), max_size=8), conversations())
RULINGS = st.lists(st.integers(0, 40), max_size=2)
"""Which of the events sent so far are put in quarantine, or put back."""
STEP = st.tuples(BATCH_OF_EVENTS, st.integers(0, 3), RULINGS, st.booleans(), st.booleans())
"""Events, the day on which Kafka got them, rulings, and whether identity and the facts are refreshed after them."""


@examples(12)
@given(st.lists(STEP, min_size=1, max_size=5))
def test_every_fact_equals_a_computation_from_nothing_after_any_batches_and_rulings(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[Event], int, list[int], bool, bool]]
):
    company = Company(Lake(str(tmp_path_factory.mktemp("company"))), funnels=(standard(), talking("talk")))
    for batch, day, ruled, is_resolved, is_refreshed in [*steps, ([], 0, [], True, True)]:
        for number in ruled:
            if company.sent:
                company.rule(company.sent[number % len(company.sent)][0])
        if batch:
            company.send(*batch, kafka_time=NOON + day * DAY)
        else:
            ingest(company.lake)
        if is_resolved:
            refresh_identity(company.lake)
        if is_refreshed:
            company.refresh()
    company.assert_exact()
    company.assert_without()


MEMBERS = st.sampled_from(["app:a", "app:b", "app:c"])


@st.composite
def memberships(draw: st.DrawFn) -> Event:
    """Who is in one group, by snapshots more than by joins and leaves; what members say there, and what they buy."""
    kind = draw(st.sampled_from([*[kinds.GROUP_SNAPSHOT] * 4, *_OF_MEMBERS]))
    day, minute = draw(st.sampled_from([1, 2, 3, 8, 9, 16])), draw(st.integers(0, 3))
    if kind == kinds.GROUP_SNAPSHOT:
        roles = ["member", "member", "member", "operator"]
        members = [{"id": one, "role": draw(st.sampled_from(roles))} for one in sorted(draw(st.sets(MEMBERS)))]
        return happened(kind, day, minute, group="app:g", members=members)
    if kind == kinds.IDENTITY_LINKED:
        return happened(kind, day, minute, member_id=draw(MEMBERS), linked_id=draw(MEMBERS))
    if kind == kinds.ORDER_PAID:
        return happened(
            kind, day, minute, source="shop", member_id=draw(MEMBERS), order_id="o", total_minor=9, **_MONEY
        )
    if kind == kinds.MESSAGE_SENT and draw(st.booleans()):
        return said("app:op", day, minute, role="operator", product_id="x")
    return happened(kind, day, minute, group="app:g", member_id=draw(MEMBERS), message_id="m")


_OF_MEMBERS = (kinds.MESSAGE_SENT, kinds.MESSAGE_SENT, kinds.MEMBER_JOINED, kinds.MEMBER_LEFT, kinds.ORDER_PAID,
               kinds.IDENTITY_LINKED)  # fmt: skip
JOINING = (MEMBER_CHANGE, GROUP_DAY, MEMBER_STATE, FUNNEL_ENTRY, ORDER_CREDIT)


@examples(60)
@given(st.lists(st.tuples(st.lists(memberships(), min_size=1, max_size=6), st.booleans()), min_size=1, max_size=4))
def test_what_joins_and_leaves_decide_on_equals_a_computation_from_nothing_after_any_snapshots(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[Event], bool]]
):
    entered_twice = replace(standard(), name="again", count="entries")
    company = Company(Lake(str(tmp_path_factory.mktemp("company"))), funnels=(standard(), entered_twice))
    for batch, lags_behind in [*steps, ([], False)]:
        if batch:
            company.send(*batch)
        refresh_identity(company.lake)
        for table in JOINING[lags_behind:]:
            company.refresh_one(table)
    for table in JOINING:
        assert company.stored(table).equals(company.computed(table), null_equal=True), table.name


@st.composite
def shopping(draw: st.DrawFn) -> Event:
    """A touchpoint or a payment of few persons, on days about which a look-back, a week or a month ends."""
    kind = draw(st.sampled_from(_OF_PATHS))
    day, minute = draw(st.sampled_from([0, 1, 7, 8, 9, 14, 30, 31, 37, 38, 62])), draw(st.integers(0, 2))
    if kind == kinds.IDENTITY_LINKED:
        return happened(kind, day, member_id=draw(MEMBERS), linked_id=draw(MEMBERS))
    if kind == kinds.GROUP_UPDATED:
        return happened(kind, day, group=draw(GROUPS), purpose=draw(st.sampled_from(["sales", "service"])))
    group = {"group": draw(GROUPS)} if kind == kinds.LINK_CLICKED or draw(st.integers(0, 2)) == 0 else {}
    who = {"member_id": draw(MEMBERS), **group}
    if kind in {kinds.LINK_CLICKED, kinds.PRODUCT_VIEWED}:
        return happened(kind, day, minute, product_id="x", **who)
    order = {"order_id": draw(st.sampled_from(["o1", "o2", "o3"])), "total_minor": draw(st.integers(1, 9)), **_MONEY}
    return happened(kind, day, minute, source=draw(st.sampled_from(["shop", "other"])), **order, **who)


_OF_PATHS = (kinds.LINK_CLICKED, kinds.LINK_CLICKED, kinds.PRODUCT_VIEWED, kinds.ORDER_PAID, kinds.ORDER_PAID,
             kinds.ORDER_PLACED, kinds.ORDER_REFUNDED, kinds.IDENTITY_LINKED, kinds.GROUP_UPDATED)  # fmt: skip
PATHS = (PERSON_PATH, CONVERSION_PATH, CONVERSION_PATH_SALES)


@examples(15)
@given(st.lists(st.tuples(st.lists(shopping(), min_size=1, max_size=6), st.booleans()), min_size=2, max_size=4))
def test_paths_equal_those_of_a_computation_from_nothing_after_any_batches(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[Event], bool]]
):
    company, look_back = Company(Lake(str(tmp_path_factory.mktemp("company")))), ATTRIBUTION.look_back
    for batch, lags_behind in [*steps, ([], False)]:
        if batch:
            company.send(*batch)
        refresh_identity(company.lake)
        refresh_groups(company.lake)
        if not lags_behind:
            refresh_orders(company.lake)
        refresh_person_paths(company.lake, look_back, 1)
        refresh_conversion_paths(company.lake, company.through(), "Asia/Shanghai", look_back, 1)
    from_nothing = FromNothing(company)
    for table in PATHS:
        assert company.stored(table).equals(from_nothing.of(table), null_equal=True), table.name


def test_only_the_persons_and_months_of_new_touchpoints_are_followed_again(company: Company):
    company.send(*(shopped(f"o{n}", 40 * n, "app:a") for n in range(3)), shopped("o9", 40, "app:b"))
    company.refresh(facts=(PERSON_PATH,))
    before = company.lake.open(PERSON_PATH)
    company.send(happened(kinds.LINK_CLICKED, 1, member_id="app:a", group="app:g"))
    company.refresh(facts=(PERSON_PATH,))
    assert company.refreshed[PERSON_PATH.name].persons == 1
    assert changed_months(before, company.lake.open(PERSON_PATH)).to_list() == [NOON.date().replace(day=1)]
    company.assert_exact((PERSON_PATH,))


@st.composite
def talks(draw: st.DrawFn) -> Event:
    """A message, an answer or, seldom, a link, on days about which answers and what they answer begin to count."""
    account, day, minute = draw(MEMBERS), draw(st.sampled_from([1, 2, 3, 28, 29, 57, 58])), draw(st.integers(0, 12))
    if draw(st.integers(0, 9)) == 0:
        return happened(kinds.IDENTITY_LINKED, day, member_id=account, linked_id=draw(MEMBERS))
    what = {"member_id": account, "group": "app:g", "message_id": draw(st.sampled_from(["m1", "m2", "m3"]))}
    if draw(st.booleans()):
        return happened(kinds.REACTION_ADDED, day, minute, **what)
    reply = {"reply_to": draw(st.sampled_from(["m1", "m2", "m3"]))} if draw(st.booleans()) else {}
    return happened(kinds.MESSAGE_SENT, day, minute, **what, **reply)


OFTEN = st.sampled_from([True, True, False])
TALK_STEP = st.tuples(st.lists(talks(), min_size=1, max_size=6), OFTEN, OFTEN)
"""Talk, and whether the days and the members are refreshed after it."""


@examples(30)
@given(st.lists(TALK_STEP, min_size=2, max_size=4))
def test_connections_equal_those_of_a_computation_from_nothing_after_any_talk(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[Event], bool, bool]]
):
    company = Company(Lake(str(tmp_path_factory.mktemp("company"))))
    with pytest.MonkeyPatch.context() as patched:
        # Of so few members, any who answered or were answered are connected.
        patched.setattr(connections_module, "ENOUGH_EXCHANGES", 1)
        patched.setattr(connections_module, "ENOUGH_MEMBERS", 1)
        for batch, has_days, is_judged in [([said("app:a")], True, True), *steps, ([], True, True)]:
            if batch:
                company.send(*batch)
            if has_days:
                refresh_identity(company.lake)
                refresh_days(company.lake, PERSON_DAY, person_day)
            if is_judged:
                refresh_member_state(company.lake, company.through(), 1)
        assert company.stored(MEMBER_STATE).equals(company.computed(MEMBER_STATE), null_equal=True)
