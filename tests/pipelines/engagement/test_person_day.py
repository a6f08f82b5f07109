"""Person days count members' own messages and reactions, and nothing else."""

import polars as pl
import pytest
from hypothesis import given

from pipelines.engagement.person_day import person_day
from schemas.lake import PERSON_DAY
from tests.pipelines.engagement import oracle
from tests.pipelines.engagement.frames import Row, at, complete, event_rows, events, rows_of

NOON = at("2025-03-03 12:00")
COUNTS = ("person_id", "messages", "replies", "reactions")


def test_messages_replies_and_reactions_are_counted_apart():
    day = person_day(
        events(
            {"account_id": "ann", "time": NOON},
            {"account_id": "ann", "time": NOON, "reply_to": "m"},
            {"account_id": "ann", "time": NOON, "type": "reaction.added", "reply_to": "m"},
        )
    )
    assert rows_of(day, *COUNTS) == {("ann", 2, 1, 1)}


@pytest.mark.parametrize(
    "silent",
    [
        {"role": "operator"},
        {"role": "bot"},
        {"message_kind": "red_packet"},
        {"message_kind": "broadcast"},
        {"message_kind": "system"},
        {"type": "message.edited"},
        {"type": "reaction.removed"},
        {"type": "reaction.added", "role": "operator"},
        {"type": "member.joined"},
    ],
    ids=str,
)
def test_what_is_no_engagement_makes_no_day(silent: Row):
    assert rows_of(person_day(events({"account_id": "ann", "time": NOON, **silent}))) == set()


def test_two_accounts_of_one_person_share_a_day():
    day = person_day(
        events(
            {"account_id": "wechat", "person_id": "ann", "time": NOON},
            {"account_id": "qq", "person_id": "ann", "time": NOON},
        )
    )
    assert rows_of(day, *COUNTS) == {("ann", 2, 0, 0)}


def test_a_night_over_midnight_of_the_business_zone_is_two_days():
    day = person_day(
        events(
            {"account_id": "ann", "time": at("2025-02-28 23:59")},
            {"account_id": "ann", "time": at("2025-03-01 00:00")},
        )
    )
    assert [str(month) for (month,) in sorted(rows_of(day, "month"))] == [
        "2025-02-01",
        "2025-03-01",
    ]


def test_the_schema_is_that_of_the_table():
    assert person_day(events()).collect().schema == PERSON_DAY.schema


@given(event_rows())
def test_person_days_equal_the_oracle_in_any_row_order(rows: list[Row]):
    days: pl.LazyFrame = person_day(events(*rows))
    assert rows_of(days) == oracle.person_day(complete(rows))
