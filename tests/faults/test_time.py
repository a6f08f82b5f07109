"""Events that are late, feeds that fall idle, an ingest that stands still: what may be judged, and what is computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl
import pytest
from kafka import KafkaProducer

from pipelines.engagement.person_day import person_day
from pipelines.events.identity import with_person
from pipelines.events.watermark import watermark
from pipelines.groups.birth import births
from pipelines.groups.feed_day import feed_day
from pipelines.groups.group import group_table
from pipelines.groups.group_day import group_day
from pipelines.groups.health import life_days
from pipelines.groups.state import group_state
from pipelines.groups.thresholds import LifeRules
from pipelines.ingest.connection import KafkaConnection
from pipelines.lake import Lake
from pipelines.refresh import refresh_days
from pipelines.time import last_complete_day
from schemas.lake import EVENTS, IDENTITY, PERSON_DAY
from tests.faults.invariant import drain
from tests.pipelines.canonical import NOON, RULES, Event, encoded, message

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)

MakeTopic = Callable[..., str]
Say = Callable[..., None]


@pytest.fixture
def say(connection: KafkaConnection) -> Say:
    """Send events to a partition as if Kafka had them when they happened: `say(topic, *events, partition=0)`."""

    def say_all(topic: str, *events: Event, partition: int = 0) -> None:
        producer: KafkaProducer = connection.producer()
        for event in events:
            stamp = int(dt.datetime.fromisoformat(event["time"]).timestamp() * 1000)
            producer.send(topic, encoded(event), partition=partition, timestamp_ms=stamp)
        producer.close()

    return say_all


def said(account: str, time: dt.datetime, source: str = "bridge") -> Event:
    return message({"member_id": account}, id=f"{account} {time}", time=time.isoformat(), source=source)


def timeline(lake: Lake) -> pl.LazyFrame:
    return with_person(lake.open(EVENTS).scan(), lake.open(IDENTITY).scan())


def test_fault_19_an_event_40_days_late_recomputes_its_day_and_no_other(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, say: Say
):
    name = topic()
    say(name, *(said("app:ann", NOON + number * DAY) for number in range(50)))
    drain(connection, lake, name)
    assert refresh_days(lake, PERSON_DAY, person_day).days == 50
    say(name, said("app:bob", NOON + 9 * DAY))
    drain(connection, lake, name)
    assert refresh_days(lake, PERSON_DAY, person_day).days == 1
    stored = lake.open(PERSON_DAY).scan().sort(PERSON_DAY.key).collect()
    assert stored.equals(person_day(timeline(lake)).sort(PERSON_DAY.key).collect())


def test_fault_21_an_idle_partition_holds_the_watermark_back_until_its_timeout(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, say: Say
):
    name, idle_timeout = topic(partitions=2), 2 * HOUR

    def reached() -> dt.datetime | None:
        drain(connection, lake, name)
        return watermark(lake.open(EVENTS).scan(), dt.timedelta(0), idle_timeout)

    say(name, said("app:ann", NOON, source="busy"))
    say(name, said("app:bob", NOON, source="idle"), partition=1)
    say(name, said("app:ann", NOON + 2 * HOUR, source="busy"))
    assert reached() == NOON
    say(name, said("app:ann", NOON + 3 * HOUR, source="busy"))
    assert reached() == NOON + 3 * HOUR


def states(lake: Lake) -> list[tuple[str, str, dt.date]]:
    """State and last complete day of each group, as the facts compute them with a timeout of a day."""
    events = timeline(lake)
    reached = watermark(events, HOUR, DAY)
    assert reached is not None
    through = last_complete_day(reached, RULES.zone)
    groups = group_table(events, births(events))
    days, people, feeds = group_day(events), person_day(events), feed_day(events)
    life = life_days(days, people, feeds, groups, through, RULES.zone, LifeRules())
    current = group_state(life.lazy()).filter("is_current")
    return [(*row, through) for row in current.select("group_id", "state").collect().rows()]


def conversation(day: int) -> list[Event]:
    """Three members who exchange four messages within minutes: a group is born."""
    names = ("app:ann", "app:bob", "app:cem", "app:ann")
    return [said(name, NOON + day * DAY + minute * HOUR / 60) for minute, name in enumerate(names)]


def test_fault_29_an_outage_of_the_ingest_ages_the_data_and_kills_no_group(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, say: Say
):
    name = topic()
    say(name, *conversation(day=0), *conversation(day=1))
    drain(connection, lake, name)
    before = states(lake)
    assert before == [("app:g", "alive", NOON.date())]
    # The producers go on for sixty days, and nothing of it is read.
    say(name, *(event for day in range(2, 62) for event in conversation(day)))
    assert states(lake) == before
    drain(connection, lake, name)
    assert states(lake) == [("app:g", "alive", NOON.date() + 60 * DAY)]
