"""One company spoken through several carriers: canonical events, and the payloads that would have told of them.

A writer turns a canonical event whose keys are those of its platform into a payload, as its platform sends it. What a
platform has no payload for it leaves out; the carrier's `kinds` say the same.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from schemas import kinds

Event = dict[str, Any]
Payload = tuple[Any, dict[str, str]]
"""What stands in the record's value, and its headers."""


@dataclass
class Names:
    """Numbers of groups, members and messages of the simulator, by which platforms call them.

    Attributes:
        sent_at: When a message was sent, seconds; of messages that nobody saw sent there is none.
    """

    sent_at: dict[str, int] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _next: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def number(self, name: str) -> int:
        """Give the number of a name, always the same."""
        if name not in self._numbers:
            self._numbers[name] = next(self._next)
        return self._numbers[name]


@dataclass(frozen=True)
class Writer:
    """How one platform calls things, and what it sends.

    Attributes:
        platform: Of its keys.
        group: A group's number as the platform has it; likewise `member`, of a number and a role.
        message: A message's number and second as the platform has them.
        payload: Of an event with native ids; None where there is none.
    """

    platform: str
    group: Callable[[int], str]
    member: Callable[[int, str], str]
    message: Callable[[int, int], str]
    payload: Callable[[Event, int], Any]

    def native(self, event: Event, names: Names) -> Event:
        """The canonical event with the platform's own ids, its time in whole seconds."""
        data = dict(event["data"])
        role = data.get("role", "member")
        data["member_id"] = f"{self.platform}:{self.member(names.number(data['member_id']), role)}"
        for name in ("message_id", "reply_to"):
            if data.get(name):
                data[name] = self.message(names.number(data[name]), names.sent_at.get(data[name], 0))
        if event["type"] in (kinds.MESSAGE_SENT, kinds.MESSAGE_EDITED):
            # All is said in words: an image or a product is a text here.
            data |= {"text_length": data.get("text_length") or 20, "links": 0, "mentions": 0, "product_id": None}
            data["message_kind"] = "text" if event["type"] == kinds.MESSAGE_SENT else None
        data = {field_name: value for field_name, value in data.items() if value is not None}
        subject = f"{self.platform}:{self.group(names.number(event['subject']))}"
        data["group_id"] = subject
        return {**event, "subject": subject, "time": f"{moment(event):%Y-%m-%dT%H:%M:%SZ}", "data": data}


def moment(event: Event) -> dt.datetime:
    """When it happened, in whole seconds."""
    return dt.datetime.fromisoformat(event["time"]).replace(microsecond=0)


def _parts(event: Event) -> tuple[str, dict[str, Any], str, str, int, str]:
    data = event["data"]
    group, member = event["subject"].split(":", 1)[1], data["member_id"].split(":", 1)[1]
    return event["type"], data, group, member, int(moment(event).timestamp()), "x" * (data.get("text_length") or 0)


def _telegram(event: Event, number: int) -> Any:
    kind, data, group, member, at, text = _parts(event)
    chat = {"id": int(group), "type": "supergroup", "title": "Tea"}
    who = {"id": int(member), "is_bot": data["role"] == "bot"}
    said = {"date": at, "chat": chat, "from": who}
    message = {**said, "message_id": int(data.get("message_id") or number), "text": text}
    if data.get("reply_to"):
        message["reply_to_message"] = {"message_id": int(data["reply_to"]), "date": at, "chat": chat}
    one = [{"type": "emoji", "emoji": "👍"}]
    reaction = {"chat": chat, "message_id": message["message_id"], "user": who, "date": at}
    updates = {
        kinds.MESSAGE_SENT: {"message": message},
        kinds.MESSAGE_EDITED: {"edited_message": {**message, "edit_date": at}},
        kinds.MEMBER_JOINED: {"message": {**said, "message_id": 10**8 + number, "new_chat_members": [who]}},
        kinds.MEMBER_LEFT: {"message": {**said, "message_id": 10**8 + number, "left_chat_member": who}},
        kinds.REACTION_ADDED: {"message_reaction": {**reaction, "old_reaction": [], "new_reaction": one}},
        kinds.REACTION_REMOVED: {"message_reaction": {**reaction, "old_reaction": one, "new_reaction": []}},
    }
    return {"update_id": number, **updates[kind]} if kind in updates else None


def _discord(event: Event, number: int) -> Any:
    kind, data, group, member, at, text = _parts(event)
    user = {"id": member, "bot": data["role"] == "bot"}
    when = dt.datetime.fromtimestamp(at, dt.UTC).isoformat()
    message = {"id": data.get("message_id"), "guild_id": group, "channel_id": group}
    sent = {**message, "author": user, "content": text, "timestamp": when, "type": 0}
    if data.get("reply_to"):
        sent |= {
            "type": 19,
            "message_reference": {"message_id": data["reply_to"], "channel_id": group, "guild_id": group},
        }
    reaction = {"guild_id": group, "message_id": data.get("message_id"), "user_id": member, "emoji": {"name": "👍"}}
    events = {
        kinds.MESSAGE_SENT: ("MESSAGE_CREATE", sent),
        kinds.MESSAGE_EDITED: (
            "MESSAGE_UPDATE",
            {**message, "author": user, "content": text, "edited_timestamp": when},
        ),
        kinds.MESSAGE_RECALLED: ("MESSAGE_DELETE", message),
        kinds.REACTION_ADDED: ("MESSAGE_REACTION_ADD", {**reaction, "member": {"user": user}}),
        kinds.REACTION_REMOVED: ("MESSAGE_REACTION_REMOVE", reaction),
        kinds.MEMBER_JOINED: ("GUILD_MEMBER_ADD", {"guild_id": group, "user": user, "joined_at": when}),
        kinds.MEMBER_LEFT: ("GUILD_MEMBER_REMOVE", {"guild_id": group, "user": user}),
    }
    name, body = events[kind]
    return {"op": 0, "s": number, "t": name, "d": body}


def _slack(event: Event, number: int) -> Any:
    kind, data, group, member, at, text = _parts(event)
    ts, own = f"{at}.{number:06}", data.get("message_id")
    edited = {"user": member, "text": text, "ts": own, "edited": {"user": member, "ts": ts}}
    item = {"user": member, "reaction": "+1", "item": {"type": "message", "channel": group, "ts": own}, "event_ts": ts}
    changed = {"type": "message", "channel": group, "ts": ts, "event_ts": ts}
    moved = {"user": member, "channel": group, "event_ts": ts}
    before = {"user": member, "text": f"{text}-", "ts": own}
    events: dict[str, Any] = {
        kinds.MESSAGE_SENT: {
            "type": "message", "channel": group, "user": member, "text": text, "ts": own,
            **({"thread_ts": data["reply_to"]} if data.get("reply_to") else {}),
        },
        kinds.MESSAGE_EDITED: {**changed, "subtype": "message_changed", "message": edited, "previous_message": before},
        kinds.MESSAGE_RECALLED: {**changed, "subtype": "message_deleted", "deleted_ts": own},
        kinds.REACTION_ADDED: {"type": "reaction_added", **item},
        kinds.REACTION_REMOVED: {"type": "reaction_removed", **item},
        kinds.MEMBER_JOINED: {"type": "member_joined_channel", **moved},
        kinds.MEMBER_LEFT: {"type": "member_left_channel", **moved},
    }  # fmt: skip
    return {"type": "event_callback", "event": events[kind]}


def _onebot11(event: Event, number: int) -> Any:
    kind, data, group, member, at, text = _parts(event)
    head = {"self_id": 5, "time": at, "group_id": int(group), "user_id": int(member)}
    notice = {**head, "post_type": "notice", "message_id": int(data.get("message_id") or 0)}
    reply = [{"type": "reply", "data": {"id": data["reply_to"]}}] if data.get("reply_to") else []
    like = {"notice_type": "group_msg_emoji_like", "likes": [{"emoji_id": "76", "count": 1}]}
    said = {"message_type": "group", "message": [*reply, {"type": "text", "data": {"text": text}}]}
    events: dict[str, Any] = {
        kinds.MESSAGE_SENT: {**notice, "post_type": "message", **said},
        kinds.MESSAGE_RECALLED: {**notice, "notice_type": "group_recall", "operator_id": int(member)},
        kinds.REACTION_ADDED: {**notice, **like, "is_add": True},
        kinds.REACTION_REMOVED: {**notice, **like, "is_add": False},
        kinds.MEMBER_JOINED: {**notice, "notice_type": "group_increase", "sub_type": "approve"},
        kinds.MEMBER_LEFT: {**notice, "notice_type": "group_decrease", "sub_type": "leave"},
    }
    return events.get(kind)


def _matrix(event: Event, number: int) -> Any:
    kind, data, group, member, at, text = _parts(event)
    own = data.get("message_id")
    head = {"event_id": f"$of-{number}", "room_id": group, "sender": member, "origin_server_ts": at * 1000}
    said: dict[str, Any] = {"msgtype": "m.text", "body": text}
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": data["reply_to"]}}} if data.get("reply_to") else {}
    edit = {**said, "m.new_content": said, "m.relates_to": {"rel_type": "m.replace", "event_id": own}}
    match kind:
        case kinds.MESSAGE_SENT:
            return {**head, "event_id": own, "type": "m.room.message", "content": {**said, **reply}}
        case kinds.MESSAGE_EDITED:
            return {**head, "type": "m.room.message", "content": edit}
        case kinds.MESSAGE_RECALLED:
            return {**head, "type": "m.room.redaction", "content": {"redacts": own}}
        case kinds.REACTION_ADDED:
            content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": own, "key": "+"}}
            return {**head, "type": "m.reaction", "content": content}
        case kinds.MEMBER_JOINED | kinds.MEMBER_LEFT:
            joins = kind == kinds.MEMBER_JOINED
            content = {"membership": "join" if joins else "leave"}
            before = {"prev_content": {"membership": "leave" if joins else "join"}}
            return {**head, "type": "m.room.member", "state_key": member, "content": content, "unsigned": before}
    return None


def _zulip(event: Event, number: int) -> Any:
    kind, data, group, member, at, text = _parts(event)
    stream, who, own = int(group), int(member), int(data.get("message_id") or 0)
    message = {
        "id": own, "type": "stream", "stream_id": stream, "sender_id": who, "timestamp": at, "content": text,
    }  # fmt: skip
    edit = {"message_id": own, "stream_id": stream, "user_id": who, "edit_timestamp": at, "content": text}
    reaction = {"message_id": own, "user_id": who, "stream_id": stream, "emoji_code": "1f44d"}
    members = {"stream_ids": [stream], "user_ids": [who]}
    deleted = {"message_ids": [own], "message_type": "stream", "stream_id": stream}
    events: dict[str, Any] = {
        kinds.MESSAGE_SENT: {"type": "message", "message": message},
        kinds.MESSAGE_EDITED: {"type": "update_message", **edit},
        kinds.MESSAGE_RECALLED: {"type": "delete_message", **deleted},
        kinds.REACTION_ADDED: {"type": "reaction", "op": "add", **reaction},
        kinds.REACTION_REMOVED: {"type": "reaction", "op": "remove", **reaction},
        kinds.MEMBER_JOINED: {"type": "subscription", "op": "peer_add", **members},
        kinds.MEMBER_LEFT: {"type": "subscription", "op": "peer_remove", **members},
    }
    return {"queue_id": "q", "id": number, **events[kind]}


def _feishu(event: Event, number: int) -> Any:
    kind, data, group, member, at, text = _parts(event)
    own = data.get("message_id")
    who = {"union_id": member}
    where = {"message_id": own, "chat_id": group, "chat_type": "group", "create_time": str(at * 1000)}
    message = {**where, "message_type": "text", "content": '{"text":"' + text + '"}'}
    if data.get("reply_to"):
        message["parent_id"] = data["reply_to"]
    sender = {"sender_id": who, "sender_type": "app" if data["role"] == "bot" else "user"}
    users = {"chat_id": group, "users": [{"user_id": who}]}
    events: dict[str, tuple[str, Any]] = {
        kinds.MESSAGE_SENT: ("im.message.receive_v1", {"message": message, "sender": sender}),
        kinds.MESSAGE_RECALLED: (
            "im.message.recalled_v1",
            {"message_id": own, "chat_id": group, "recall_time": str(at * 1000)},
        ),
        kinds.MEMBER_JOINED: ("im.chat.member.user.added_v1", users),
        kinds.MEMBER_LEFT: ("im.chat.member.user.deleted_v1", users),
    }
    if kind not in events:
        return None
    name, body = events[kind]
    header = {"event_id": f"e{number}", "event_type": name, "create_time": str(at * 1000)}
    return {"schema": "2.0", "header": header, "event": body}


def _wecom_archive(event: Event, number: int) -> Any:
    kind, data, group, member, at, text = _parts(event)
    head = {"action": "send", "from": member, "roomid": group, "tolist": [], "msgtime": at * 1000}
    own = data.get("message_id")
    match kind:
        case kinds.MESSAGE_SENT:
            message = {**head, "msgid": own, "msgtype": "text", "text": {"content": text}}
        case kinds.MESSAGE_RECALLED:
            message = {**head, "msgid": f"r{number}", "msgtype": "revoke", "revoke": {"pre_msgid": own}}
        case _:
            return None
    return {"seq": number, "publickey_ver": 1, "message": message}


def _wecom_member(number: int, role: str) -> str:
    return {"member": f"wm{number:030}", "bot": f"wb{number:030}"}.get(role, f"staff{number}")


def _plain(number: int, _other: object = None) -> str:
    return str(10_000 + number)


CHATS: Final[dict[str, Writer]] = {
    "telegram": Writer("telegram", lambda n: f"-100{1_000_000 + n}", _plain, _plain, _telegram),
    "discord": Writer("discord", _plain, _plain, lambda n, _: str(2**60 + n), _discord),
    "slack": Writer("slack", lambda n: f"C{n}", lambda n, _: f"U{n}", lambda n, at: f"{at}.{n % 10**6:06}", _slack),
    "onebot11": Writer("qq", _plain, _plain, _plain, _onebot11),
    "matrix": Writer("matrix", lambda n: f"!{n}:e", lambda n, _: f"@m{n}:e", lambda n, _: f"${n}", _matrix),
    "zulip": Writer("zulip", _plain, _plain, _plain, _zulip),
    "feishu": Writer("feishu", lambda n: f"oc_{n}", lambda n, _: f"on_{n}", lambda n, _: f"om_{n}", _feishu),
    "wecom_archive": Writer("wecom", lambda n: f"wr{n}", _wecom_member, lambda n, _: f"m{n}", _wecom_archive),
}
"""Writers of what is said, by carrier."""
