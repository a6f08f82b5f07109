"""A group is born when 3 members exchange 4 messages within 20 minutes."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given

from pipelines.groups.birth import births
from schemas.lake import UTC_TIME
from tests.examples import examples
from tests.pipelines.engagement.frames import Row, at, complete, event_rows, events, rows_of
from tests.pipelines.groups import group_oracle

START = at("2025-03-03 10:00")


def said(*words: tuple[float, str], **more: object) -> list[Row]:
    """Messages from (minutes after the start, who)."""
    return [{"account_id": who, "time": START + dt.timedelta(minutes=minutes), **more} for minutes, who in words]


def born_after(*rows: Row) -> float | None:
    """Minutes from the start to the birth of the only group, none where it was not born."""
    found = births(events(*rows)).collect()
    return None if found.is_empty() else (found["born_at"][0] - START) / dt.timedelta(minutes=1)


def test_the_message_that_completes_the_four_gives_the_instant():
    assert born_after(*said((0, "a"), (1, "b"), (2, "c"), (3, "a"), (4, "b"))) == 3


def test_just_less_than_twenty_minutes_is_within():
    last = 20 - 1 / 60e6
    assert born_after(*said((0, "a"), (1, "b"), (2, "c"), (last, "a"))) == pytest.approx(20)


def test_twenty_minutes_are_too_long():
    assert born_after(*said((0, "a"), (1, "b"), (2, "c"), (20, "a"))) is None


def test_the_third_member_may_have_spoken_before_the_last_four_messages():
    assert born_after(*said((0, "c"), (1, "a"), (2, "a"), (3, "a"), (4, "a"), (5, "b"))) == 5


def test_the_third_member_has_to_have_spoken_less_than_twenty_minutes_ago():
    assert born_after(*said((0, "c"), (18, "a"), (19, "b"), (20, "a"), (20, "b"))) is None


def test_a_late_window_counts_like_the_first():
    late = said((0, "a"), (1, "b"), (60, "a"), (61, "b"), (62, "b"), (63, "c"))
    assert born_after(*late) == 63


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)], ids=str)
def test_messages_of_one_instant_complete_each_other_in_any_order(order: tuple[int, ...]):
    rows = said((0, "a"), (0, "a"), (0, "b"), (0, "c"))
    assert born_after(*(rows[place] for place in order)) == 0


@pytest.mark.parametrize(
    "rows",
    [
        said((0, "a"), (1, "b"), (2, "c")),
        said((0, "a"), (1, "b"), (2, "a"), (3, "b"), (4, "a")),
        said((0, "a"), (1, "b"), (2, "c"), (3, "a"), role="operator"),
        said((0, "a"), (1, "b"), (2, "c"), (3, "a"), message_kind="red_packet"),
        said((0, "a"), (1, "b"), (2, "c"), (3, "a"), type="reaction.added"),
        said((0, "a"), (1, "b"), (2, "c")) + said((0, "a"), (1, "b"), (2, "c"), group_id="app:h"),
    ],
    ids=["three messages", "two members", "operators", "red packets", "reactions", "two groups"],
)
def test_less_than_an_exchange_is_no_birth(rows: list[Row]):
    assert born_after(*rows) is None


def test_two_accounts_of_one_person_are_one_member():
    rows = said((0, "a"), (1, "b"), (2, "a2"), (3, "b"))
    rows[2]["person_id"] = "a"
    assert born_after(*rows) is None


def test_the_columns_have_their_types():
    assert births(events()).collect().schema == {"group_id": pl.String(), "born_at": UTC_TIME}


@examples(300)
@given(event_rows())
def test_births_equal_the_oracle_in_any_row_order(rows: list[Row]):
    expected = group_oracle.births(complete(rows))
    assert rows_of(births(events(*rows))) == set(expected.items())
