"""Control totals of WeCom from `raw` into the lake, and what is said of messages that did not arrive."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import polars as pl

from pipelines.carriers import CARRIERS
from pipelines.erasure import person_of, record_erasure
from pipelines.events.control_totals import COMPARED
from pipelines.ingest.control_totals import put_totals_together, record_totals
from pipelines.ingest.missing import Lateness
from pipelines.ingest.short import compared_totals, incomparable_sentence, short_by_owner, short_sentence
from pipelines.lake import Lake
from schemas.lake import CONTROL_TOTAL, EVENTS
from tests.pipelines.canonical import NOON, PSEUDONYMS, ingest, land, rebuild, records
from tests.pipelines.ingest.test_events import dying_before

TOPICS = {
    "raw.archive": CARRIERS["wecom_archive"],
    "raw.groups": CARRIERS["wecom_external_chat"],
    "raw.totals": CARRIERS["wecom_group_statistics"],
}
MIDNIGHT = dt.datetime(2026, 1, 1, 16, tzinfo=dt.UTC)
"""Of Beijing; days are numbered from the one that begins here."""
HOUR = dt.timedelta(hours=1)
SOON = Lateness(dt.timedelta(0), 24 * HOUR)


def seconds(day: int, hour: int = 0) -> int:
    return int((MIDNIGHT + dt.timedelta(days=day, hours=hour)).timestamp())


def message(number: int, group: str, day: int, hour: int = 12) -> dict[str, Any]:
    return {
        "msgid": f"m{number}", "action": "send", "from": "lena", "roomid": group, "msgtype": "text",
        "msgtime": 1000 * seconds(day, hour), "text": {"content": "Tea?"},
    }  # fmt: skip


def group(name: str, owner: str = "lena", day: int = -40) -> dict[str, Any]:
    return {"errcode": 0, "group_chat": {"chat_id": name, "owner": owner, "create_time": seconds(day)}}


def totals(messages: int, groups: int = 1, day: int = 0, owner: str = "lena") -> dict[str, Any]:
    items = [{"stat_time": seconds(day), "data": {"msg_total": messages, "chat_total": groups}}]
    return {"errcode": 0, "owner": owner, "items": items}


class Feed:
    """Writes records of the three topics to `raw` late on a day, and decodes them."""

    def __init__(self, lake: Lake, today: int = 2) -> None:
        self.lake, self._offsets = lake, dict.fromkeys(TOPICS, 0)
        self._now = MIDNIGHT + dt.timedelta(days=today, hours=23)

    def land(self, topic: str, *payloads: dict[str, Any]) -> None:
        start = self._offsets[topic]
        self._offsets[topic] += len(payloads)
        batch = records([json.dumps(one).encode() for one in payloads], offsets=range(start, start + len(payloads)))
        minutes = pl.int_range(pl.len()) + sum(self._offsets.values()) - len(payloads)
        arrived = pl.lit(self._now) + pl.duration(minutes=minutes)
        land(self.lake, batch.with_columns(kafka_time=arrived, topic=pl.lit(topic), topic_id=pl.lit(topic)))

    def decode(self) -> None:
        ingest(self.lake, carriers=TOPICS)

    def short(self) -> list[tuple[int, int | None]]:
        """Messages that arrived, and that did not, of each day."""
        return compared_totals(self.lake, SOON).select("arrived", "short").rows()


def test_what_did_not_arrive_is_short_until_it_does(lake: Lake):
    feed = Feed(lake)
    feed.land("raw.groups", group("a"))
    feed.land("raw.archive", message(1, "a", 0), message(2, "a", 0), message(9, "a", 2))
    feed.land("raw.totals", totals(3))
    feed.decode()
    assert feed.short() == [(2, 1)]
    feed.land("raw.archive", message(2, "a", 0), message(3, "a", 0))
    feed.decode()
    assert feed.short() == [(3, 0)]


def test_a_run_that_dies_and_a_rebuild_compare_the_same(lake: Lake):
    feed = Feed(lake)
    feed.land("raw.groups", group("a"))
    feed.land("raw.archive", message(1, "a", 0), message(9, "a", 2))
    feed.land("raw.totals", totals(3))
    with dying_before(lake, EVENTS) as dying:
        ingest(dying, carriers=TOPICS)
    feed.decode()
    assert feed.short() == [(1, 2)]
    rebuild(lake, carriers=TOPICS)
    assert feed.short() == [(1, 2)]
    rebuild(lake, carriers={**TOPICS, "raw.totals": CARRIERS["wecom_data_zone"]})
    assert feed.short() == []


def test_a_day_is_not_compared_while_a_group_of_the_owner_is_unknown(lake: Lake):
    feed = Feed(lake)
    feed.land("raw.groups", group("a"), group("c", owner="mia"), group("later", day=1))
    feed.land("raw.archive", message(1, "a", 0), message(9, "a", 2))
    feed.land("raw.totals", totals(3, groups=2))
    feed.decode()
    assert feed.short() == [(1, None)]
    feed.land("raw.groups", group("b"))
    feed.decode()
    assert feed.short() == [(1, 2)]


def test_a_day_that_is_not_complete_is_not_compared_nor_one_of_long_ago(lake: Lake):
    feed = Feed(lake, today=31)
    feed.land("raw.groups", group("a"))
    feed.land("raw.archive", message(9, "a", 31, hour=23))
    feed.land("raw.totals", totals(3, day=31), totals(4, day=30), totals(5, day=3), totals(6, day=2))
    feed.decode()
    assert feed.short() == [(0, 5), (0, 4)]


def test_totals_settled_later_count_and_replaced_ones_go(lake: Lake):
    feed = Feed(lake)
    feed.land("raw.groups", group("a"))
    feed.land("raw.archive", message(1, "a", 0), message(9, "a", 2))
    feed.land("raw.totals", totals(9), totals(1))
    feed.decode()
    assert feed.short() == [(1, 0)]
    stored = lake.open(CONTROL_TOTAL).scan().collect()
    record_totals(lake, stored)
    put_totals_together(lake, 1)
    assert (stored.height, lake.open(CONTROL_TOTAL).scan().collect().height) == (5, 3)
    assert feed.short() == [(1, 0)]


def test_owners_are_pseudonyms_and_erased_ones_are_dropped(lake: Lake):
    feed = Feed(lake)
    feed.land("raw.groups", group("a"))
    feed.land("raw.totals", totals(1))
    feed.decode()
    owners = lake.open(CONTROL_TOTAL).scan().collect()["owner_id"].unique().to_list()
    assert owners == [PSEUDONYMS.of("wecom:lena")]
    lena = person_of(lake, "wecom:lena", PSEUDONYMS, TOPICS, [])
    record_erasure(lake, lena, PSEUDONYMS, actor="dpo", reason="request 17", now=NOON)
    for arrives_again in (totals(2), totals(3)):
        feed.decode()
        assert lake.open(CONTROL_TOTAL).scan().collect().is_empty()
        feed.land("raw.totals", arrives_again)


def test_a_lake_without_totals_lacks_nothing_and_gets_no_table(lake: Lake):
    assert compared_totals(lake, SOON).schema == COMPARED
    assert not lake.has(CONTROL_TOTAL)


def test_what_is_short_is_summed_by_owner_and_said():
    rows = [
        ("wecom", "0a", MIDNIGHT, 5, 2, ["a", "b"], 2, 3),
        ("wecom", "0a", MIDNIGHT + 24 * HOUR, 5, 1, ["a"], 4, 1),
        ("wecom", "0a", MIDNIGHT + 48 * HOUR, 5, 1, ["a"], 5, 0),
        ("wecom", "0b", MIDNIGHT, 5, 3, ["c"], 2, None),
    ]
    [found] = short_by_owner(pl.DataFrame(rows, schema=COMPARED, orient="row")).to_dicts()
    expected = "4 messages of the 2 groups of owner 0a (wecom) on 2 days from 2026-01-01 16:00 to 2026-01-03 16:00 UTC."
    assert short_sentence(found) == expected
    assert incomparable_sentence(1).startswith("Not compared: totals of 1 day of an owner")
