"""A message of a Zulip stream is a message sent in a group."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from pipelines.carriers.zulip import Zulip, archive_values
from tests.pipelines.canonical import encoded

ADAPTER = Zulip()
SENT: dict[str, Any] = {
    "id": 412,
    "stream_id": 7,
    "display_recipient": "general",
    "sender_id": 31,
    "timestamp": 1_600_000_000,
}


def zulip(**message: Any) -> bytes:
    whole = {name: value for name, value in (SENT | message).items() if value is not ...}
    return encoded({"type": "message", "id": 3, "message": whole})


def fields(value: bytes) -> dict[str, Any]:
    """The columns of an event that are not null."""
    decoded = ADAPTER.decode([value])
    assert decoded.rejected.is_empty()
    return {name: cell for name, cell in decoded.events.row(0, named=True).items() if cell is not None}


def rejection(value: bytes) -> tuple[str, str]:
    [(_, reason, detail)] = ADAPTER.decode([value]).rejected.rows()
    return reason, detail


def test_a_message_fills_the_columns_of_the_contract():
    assert fields(zulip(content="hé llo", type="stream", subject="a topic")) == {
        "row": 0,
        "source": "zulip",
        "event_id": "message/412",
        "type": "message.sent",
        "time": dt.datetime(2020, 9, 13, 12, 26, 40, tzinfo=dt.UTC),
        "carrier": "zulip",
        "group_id": "zulip:7",
        "group_name": "general",
        "account_id": "zulip:31",
        "role": "member",
        "message_id": "412",
        "text_length": 6,
        "time_quality": "second",
        "position": 0,
    }


def test_measures_stand_in_for_a_text_that_was_withheld():
    row = fields(zulip(text_length=80, links=2, mentions=0))
    assert (row["text_length"], row["links"], row["mentions"]) == (80, 2, 0)


def test_a_text_is_measured_also_where_measures_came_with_it():
    assert fields(zulip(content="", text_length=80))["text_length"] == 0


def test_a_bot_is_no_member():
    assert fields(zulip(is_bot=True))["role"] == "bot"


def test_a_message_in_a_renamed_stream_is_the_same_event():
    moved = fields(zulip(stream_id=8, display_recipient="renamed"))
    assert (moved["source"], moved["event_id"]) == ("zulip", fields(zulip())["event_id"])


def test_a_sender_known_by_name_is_an_account_too():
    assert fields(zulip(sender_id="a1b2"))["account_id"] == "zulip:a1b2"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (zulip(id=...), "`id`"),
        (zulip(id="412"), "$.message.id"),
        (zulip(sender_id=""), "$.message.sender_id"),
        (zulip(sender_id=None), "$.message.sender_id"),
        (zulip(display_recipient=[{"id": 1}]), "$.message.display_recipient"),
        (zulip(timestamp=-1), "$.message.timestamp"),
        (zulip(timestamp=1.5), "$.message.timestamp"),
        (zulip(timestamp=1_600_000_000_000), "$.message.timestamp"),
        (zulip(text_length=2**31), "$.message.text_length"),
        (encoded({"type": "reaction", "op": "add"}), "$.type"),
        (encoded({"type": "message"}), "`message`"),
    ],
    ids=[
        "no id", "id is text", "empty sender", "null sender", "direct message", "time below zero", "time with fraction",
        "time in milliseconds", "length beyond 32 bits", "another kind of event", "no message",
    ],
)  # fmt: skip
def test_what_is_no_message_of_a_stream_is_rejected_with_the_field(value: bytes, named: str):
    reason, detail = rejection(value)
    assert reason == "invalid_field"
    assert named in detail


def test_an_archive_row_is_the_event_zulip_would_have_sent():
    archive = pl.DataFrame(
        {
            "stream_id": [7, 7],
            "stream": ["general", 'with "quotes" and ☃'],
            "msg_id": [412, 413],
            "sender": ["a1", "b2"],
            "ts": [1_600_000_000, 1_600_000_001],
            "is_bot": [False, True],
            "text_len": [5, 0],
            "n_links": [1, 0],
            "n_mentions": [0, 3],
        }
    )
    values = archive_values(archive)
    assert values.dtype == pl.Binary
    decoded = ADAPTER.decode(values.to_list())
    assert decoded.rejected.is_empty()
    columns = ("event_id", "group_name", "account_id", "role", "text_length", "links", "mentions")
    assert decoded.events.select(columns).rows() == [
        ("message/412", "general", "zulip:a1", "member", 5, 1, 0),
        ("message/413", 'with "quotes" and ☃', "zulip:b2", "bot", 0, 0, 3),
    ]
