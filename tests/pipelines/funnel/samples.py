"""Events as plain dictionaries, for tables in tests, for the oracles and for hypothesis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import strategies as st

from pipelines.funnel.steps import TIMELINE
from schemas import kinds
from schemas.funnel import FunnelDefinition, Step
from schemas.lake import EVENTS, GROUP, UTC_TIME

Event = dict[str, Any]

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = dt.datetime(2024, 1, 1, tzinfo=ZONE).astimezone(dt.UTC)
NO_GROUPS = pl.LazyFrame(schema=GROUP.schema)
EVENT_SCHEMA = {**EVENTS.columns, "earliest_at": UTC_TIME, "person_id": pl.String()}


def at(days: float = 0, minutes: float = 0) -> dt.datetime:
    """The instant so long after a Monday's midnight in the business zone."""
    return MONDAY + dt.timedelta(days=days, minutes=minutes)


def event(kind: str, time: dt.datetime, person: str | None = None, **fields: Any) -> Event:
    base = {
        "type": kind,
        "time": time,
        "person_id": person,
        "account_id": person,
        "role": "member",
        "source": "//test",
    }
    return {**base, "day": time.astimezone(ZONE).date(), **fields}


def numbered(events: Iterable[Event]) -> list[Event]:
    """Give each event an id and a place in one partition, in the order of the list."""
    place = {"topic_id": "T", "partition": 0, "position": 0}
    return [{"event_id": f"e{n}", "offset": n, **place, **e} for n, e in enumerate(events)]


def frame(events: Sequence[Event]) -> pl.LazyFrame:
    return pl.LazyFrame([{name: e.get(name) for name in EVENT_SCHEMA} for e in events], schema=EVENT_SCHEMA)


def key(e: Event) -> tuple[Any, ...]:
    return (e["time"], e["topic_id"], e["partition"], e["offset"], e["position"])


def on_timeline(rows: Sequence[Event]) -> pl.LazyFrame:
    """A timeline out of rows that name columns of it; marks default to false."""
    filled = [
        {name: row.get(name, False if kind == pl.Boolean else None) for name, kind in TIMELINE.items()} for row in rows
    ]
    return pl.LazyFrame(filled, schema=TIMELINE)


def definition(*when: str, window: dt.timedelta = dt.timedelta(days=60), **options: Any) -> FunnelDefinition:
    steps = tuple(Step(f"step_{n}", predicate) for n, predicate in enumerate(when, start=1))
    given = {"name": "sample", "description": "", "mode": "sequential", "count": "persons", **options}
    return FunnelDefinition(window=window, steps=steps, **given)


_KINDS = (
    kinds.MEMBER_JOINED, kinds.MEMBER_LEFT, kinds.MESSAGE_SENT, kinds.MESSAGE_SENT, kinds.MESSAGE_SENT,
    kinds.REACTION_ADDED, kinds.LINK_CLICKED, kinds.ORDER_PLACED, kinds.ORDER_PAID, kinds.ORDER_PAID,
    kinds.ORDER_REFUNDED, kinds.FEED_HEARTBEAT,
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn, size: int = 25, of: Sequence[str] = _KINDS) -> list[Event]:
    """Events of few persons, groups and products at few instants, three a record: they tie, repeat and overlap."""
    drawn = draw(st.lists(_events(of), max_size=size))
    places = draw(st.permutations(range(len(drawn))))
    placed = [
        {
            **e,
            "event_id": f"e{n}",
            "topic_id": "TU"[record % 2],
            "partition": record % 3,
            "offset": record,
            "position": position,
        }
        for n, (e, (record, position)) in enumerate(zip(drawn, (divmod(place, 3) for place in places), strict=True))
    ]
    return draw(st.permutations(placed))


@st.composite
def _events(draw: st.DrawFn, of: Sequence[str]) -> Event:
    kind = draw(st.sampled_from(of))
    time = at(
        days=draw(st.sampled_from([0, 0.25, 0.5, 1, 6, 6.75, 7, 8, 14, 21])),
        minutes=draw(st.sampled_from([0, 1])),
    )
    person = draw(st.sampled_from(["p", "p", "q", None]))
    fields: Event = {"role": draw(st.sampled_from(["member"] * 4 + ["operator", None]))}
    needs_group = kinds.GROUP in kinds.REQUIRED[kind]
    fields["group_id"] = draw(st.sampled_from(["qq:g", "qq:h"] if needs_group else ["qq:g", "qq:h", None, None]))
    if kind in {kinds.MESSAGE_SENT, kinds.LINK_CLICKED}:
        fields["message_id"] = draw(st.sampled_from(["m1", "m2", None]))
    if kind == kinds.MESSAGE_SENT:
        fields["product_id"] = draw(st.sampled_from(["x", "y", None]))
        fields["message_kind"] = draw(st.sampled_from([None, "text", "red_packet"]))
    if kind.startswith("order."):
        fields["source"] = draw(st.sampled_from(["//shop", "//shop", "//other"]))
        fields["order_id"] = draw(st.sampled_from(["o1", "o2", "o3"]))
        fields["currency"] = draw(st.sampled_from(["CNY", "CNY", "USD"]))
        fields["amount_minor"] = draw(st.integers(0, 5))
        person = person or "p" if kind != kinds.ORDER_REFUNDED else person
    return event(kind, time, person, **fields)
