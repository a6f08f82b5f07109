"""Frames of events and facts from a few words, and strategies that make them collide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import strategies as st

from schemas.lake import EVENTS, PERSON_DAY

ZONE = "Asia/Shanghai"
MONDAY = dt.date(2025, 3, 3)

Row = dict[str, Any]


def at(local: str) -> dt.datetime:
    """The instant of a local time of the business zone, for example `2025-03-03 10:00`."""
    return dt.datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(ZONE)).astimezone(dt.UTC)


def day_of(time: dt.datetime) -> dt.date:
    """The day of the business zone an instant falls on."""
    return time.astimezone(ZoneInfo(ZONE)).date()


def complete(rows: Iterable[Row]) -> list[Row]:
    """Each row as a whole event: unless told else, a member's message in `app:g`."""
    return [
        {
            "source": "test",
            "event_id": str(number),
            "type": "message.sent",
            "role": "member",
            "group_id": "app:g",
            "topic_id": "t",
            "partition": 0,
            "offset": number,
            "position": 0,
            "person_id": row.get("account_id"),
            "day": day_of(row["time"]),
            **row,
        }
        for number, row in enumerate(rows)
    ]


def events(*rows: Row) -> pl.LazyFrame:
    """Events with the columns of `EVENTS` and `person_id` from rows that `complete` fills up."""
    schema = {**EVENTS.columns, "person_id": pl.String()}
    return pl.LazyFrame(complete(rows), schema=schema)


def person_days(*rows: tuple[str, str, dt.date]) -> pl.LazyFrame:
    """Person days from (person, group, day), each with one message at noon."""
    days = [
        {
            "person_id": person,
            "group_id": group,
            "day": day,
            "messages": 1,
            "replies": 0,
            "reactions": 0,
            "first_time": at(f"{day} 12:00"),
            "last_time": at(f"{day} 12:00"),
            "month": day.replace(day=1),
        }
        for person, group, day in rows
    ]
    return pl.LazyFrame(days, schema=PERSON_DAY.schema)


def rows_of(frame: pl.LazyFrame, *columns: str) -> set[tuple[Any, ...]]:
    """The distinct rows of a frame, of all columns where none is named; two equal rows fail."""
    table = (frame.select(columns) if columns else frame).collect().rows()
    assert len(table) == len(set(table))
    return set(table)


@st.composite
def event_rows(draw: st.DrawFn) -> list[Row]:
    """Rows around one midnight whose times, groups, persons and kinds collide, in no order."""
    midnight = at("2025-03-04 00:00")
    row: st.SearchStrategy[Row] = st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                [
                    "message.sent",
                    "message.sent",
                    "message.sent",
                    "message.edited",
                    "reaction.added",
                    "reaction.removed",
                    "member.joined",
                    "member.left",
                    "link.clicked",
                ]
            ),
            "role": st.sampled_from(["member", "member", "member", "operator", "bot"]),
            "message_kind": st.sampled_from([None, None, "text", "red_packet", "broadcast"]),
            "group_id": st.sampled_from(["app:g", "app:h", None]),
            "reply_to": st.sampled_from([None, "m"]),
            "coverage": st.sampled_from([None, "full", "mentions", "mentions", "metadata", "aggregate"]),
            "membership": st.sampled_from([None, "events", "snapshots", "joins_only", "none"]),
            "product_id": st.sampled_from([None, "p"]),
            "account_id": st.sampled_from(["ann", "ann'", "bob", "cem", "dan"]),
            "time": st.integers(-6, 6).map(lambda n: midnight + dt.timedelta(minutes=5 * n)),
        }
    )
    rows = draw(st.lists(row, max_size=24))
    places = draw(st.permutations(range(len(rows))))
    for place, each in zip(places, rows, strict=True):
        each["offset"], each["position"] = divmod(place, 3)
        each["person_id"] = each["account_id"].rstrip("'")
        if each["type"] in {"message.sent", "reaction.added"} and each["group_id"] is None:
            each["group_id"] = "app:g"
    return rows


def activity_days(span: int) -> st.SearchStrategy[list[tuple[str, str, dt.date]]]:
    """Distinct (person, group, day) of three persons in two groups within `span` days."""
    day = st.integers(0, span).map(lambda n: MONDAY + dt.timedelta(days=n))
    return st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["app:g", "app:h"]), day),
        max_size=14,
        unique=True,
    )


def last_complete_days(span: int) -> st.SearchStrategy[dt.date | None]:
    """No complete day, or the last one, from before the first activity to after the last."""
    return st.none() | st.integers(-20, span + 40).map(lambda n: MONDAY + dt.timedelta(days=n))
