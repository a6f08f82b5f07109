"""What comes in two ways, live and in an export, is one event: same identity, group, account, message and time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pipelines.carriers import CARRIERS

SAME = ("source", "event_id", "type", "group_id", "account_id", "message_id", "time")
PAIRS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "a message of Telegram": (
        "telegram",
        {
            "update_id": 1,
            "message": {
                "message_id": 3,
                "date": 1767222120,
                "chat": {"id": -1001234567890, "type": "supergroup"},
                "from": {"id": 2, "is_bot": False},
                "text": "hi",
            },
        },
        "telegram_export",
        {
            "chat": {"id": "-1001234567890", "name": "Tea", "type": "private_supergroup"},
            "time": 1767222120,
            "sender": {"id": "2", "name": "Bo"},
            "message_kind": "text",
            "message": {"id": 3, "type": "message", "from_id": "user2"},
        },
    ),
    "an edit in Telegram": (
        "telegram",
        {
            "update_id": 1,
            "edited_message": {
                "message_id": 3,
                "date": 1767222120,
                "edit_date": 1767222180,
                "chat": {"id": -1001234567890, "type": "supergroup"},
                "from": {"id": 2, "is_bot": False},
                "text": "hi",
            },
        },
        "telegram_export",
        {
            "chat": {"id": "-1001234567890", "name": "Tea", "type": "private_supergroup"},
            "time": 1767222120,
            "edited": 1767222180,
            "sender": {"id": "2", "name": "Bo"},
            "message_kind": "text",
            "message": {"id": 3, "type": "message", "from_id": "user2"},
        },
    ),
    "a join in Telegram": (
        "telegram",
        {
            "update_id": 1,
            "chat_member": {
                "date": 1767222060,
                "chat": {"id": -1001234567890, "type": "supergroup"},
                "old_chat_member": {"user": {"id": 2}, "status": "left"},
                "new_chat_member": {"user": {"id": 2}, "status": "member"},
            },
        },
        "telegram_export",
        {
            "chat": {"id": "-1001234567890", "name": "Tea", "type": "private_supergroup"},
            "time": 1767222060,
            "sender": {"id": "2", "name": "Bo"},
            "members": [],
            "message": {"id": 2, "type": "service", "action": "join_group_by_link", "actor_id": "user2"},
        },
    ),
    "a message of Discord": (
        "discord",
        {
            "op": 0,
            "t": "MESSAGE_CREATE",
            "d": {
                "id": "1456059596144640000",
                "guild_id": "14",
                "channel_id": "15",
                "author": {"id": "10"},
                "timestamp": "2025-12-31T23:01:00.000000+00:00",
                "content": "hi",
                "type": 0,
            },
        },
        "discord_chat_exporter",
        {
            "chat": {"guild": {"id": "14", "name": "Tea"}, "channel": {"id": "15"}},
            "message": {
                "id": "1456059596144640000",
                "type": "Default",
                "timestamp": "2026-01-01T07:01:00+08:00",
                "content": "hi",
                "author": {"id": "10", "isBot": False},
            },
        },
    ),
    "an edit in Discord": (
        "discord",
        {
            "op": 0,
            "t": "MESSAGE_UPDATE",
            "d": {
                "id": "1456059596144640000",
                "guild_id": "14",
                "author": {"id": "10"},
                "edited_timestamp": "2025-12-31T23:02:00.500000+00:00",
                "content": "hi",
            },
        },
        "discord_chat_exporter",
        {
            "chat": {"guild": {"id": "14", "name": "Tea"}, "channel": {"id": "15"}},
            "message": {
                "id": "1456059596144640000",
                "type": "Default",
                "timestamp": "2026-01-01T07:01:00+08:00",
                "timestampEdited": "2026-01-01T07:02:00.5+08:00",
                "content": "hi",
                "author": {"id": "10", "isBot": False},
            },
        },
    ),
    "a message of Slack": (
        "slack",
        {"event": {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "1767222060.000200"}},
        "slack_export",
        {
            "chat": {"id": "C1", "name": "tea"},
            "message": {"type": "message", "user": "U1", "text": "hi", "ts": "1767222060.000200"},
        },
    ),
    "an edit in Slack": (
        "slack",
        {
            "event": {
                "type": "message",
                "subtype": "message_changed",
                "channel": "C1",
                "ts": "1767222130.000500",
                "message": {
                    "user": "U1",
                    "text": "hi",
                    "ts": "1767222060.000200",
                    "edited": {"user": "U1", "ts": "1767222130.000000"},
                },
                "previous_message": {"user": "U1", "text": "h", "ts": "1767222060.000200"},
            }
        },
        "slack_export",
        {
            "chat": {"id": "C1", "name": "tea"},
            "message": {
                "type": "message",
                "user": "U1",
                "text": "hi",
                "ts": "1767222060.000200",
                "edited": {"user": "U1", "ts": "1767222130.000000"},
            },
        },
    ),
    "a join in Slack": (
        "slack",
        {
            "event": {
                "type": "message",
                "subtype": "channel_join",
                "channel": "C1",
                "user": "U1",
                "ts": "1767222000.000100",
            }
        },
        "slack_export",
        {
            "chat": {"id": "C1", "name": "tea"},
            "message": {"type": "message", "subtype": "channel_join", "user": "U1", "ts": "1767222000.000100"},
        },
    ),
    "a message of Zulip": (
        "zulip",
        {
            "type": "message",
            "message": {
                "id": 901,
                "type": "stream",
                "stream_id": 5,
                "sender_id": 10,
                "timestamp": 1767222060,
                "content": "hi",
            },
        },
        "zulip_export",
        {
            "stream": {"id": 5, "name": "tea"},
            "message": {"id": 901, "sender": 10, "seconds": 1767222060, "edited": None, "content": "hi"},
        },
    ),
    "a message of Zulip that names a bot": (
        "zulip",
        {
            "type": "message",
            "message": {
                "id": 901,
                "type": "stream",
                "stream_id": 5,
                "sender_id": 10,
                "timestamp": 1767222060,
                "content": "hi",
            },
        },
        "zulip_webhook",
        {
            "trigger": "mention",
            "message": {
                "id": 901,
                "type": "stream",
                "stream_id": 5,
                "sender_id": 10,
                "timestamp": 1767222060,
                "content": "hi",
            },
        },
    ),
    "a message of Matrix": (
        "matrix",
        {
            "type": "m.room.message",
            "sender": "@ann:e",
            "room_id": "!tea:e",
            "event_id": "$1",
            "origin_server_ts": 1767222060123,
            "content": {"msgtype": "m.text", "body": "hi"},
        },
        "matrix_export",
        {
            "room": {"name": "Tea"},
            "message_kind": "text",
            "event": {
                "type": "m.room.message",
                "sender": "@ann:e",
                "room_id": "!tea:e",
                "event_id": "$1",
                "origin_server_ts": 1767222060123,
                "text": "hi",
            },
        },
    ),
    "a join in Matrix": (
        "matrix",
        {
            "type": "m.room.member",
            "sender": "@ann:e",
            "state_key": "@ann:e",
            "room_id": "!tea:e",
            "event_id": "$2",
            "origin_server_ts": 1767222000000,
            "content": {"membership": "join"},
        },
        "matrix_export",
        {
            "room": {"name": "Tea"},
            "change": "joined",
            "event": {
                "type": "m.room.member",
                "sender": "@ann:e",
                "state_key": "@ann:e",
                "room_id": "!tea:e",
                "event_id": "$2",
                "origin_server_ts": 1767222000000,
            },
        },
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_an_event_that_comes_live_and_in_an_export_is_one(name: str):
    live_name, live, export_name, export = PAIRS[name]
    [event] = CARRIERS[live_name].decode([msgspec.json.encode(live)]).events.select(SAME).to_dicts()
    exported = CARRIERS[export_name].decode([msgspec.json.encode(export)]).events.select(SAME).to_dicts()
    assert event in exported
