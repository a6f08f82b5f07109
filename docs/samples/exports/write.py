"""Write the exports beside this file, from a simulated company: no such groups and people exist.

    python docs/samples/exports/write.py

The same groups for eleven months, of which some have died, as three clients write them: a whole account of Telegram
Desktop, a folder of WeChat groups in ChatLab's format, and QQ's text export of all groups.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from emberline.simulator import Scenario, simulate
from schemas import kinds

COMPANY: Final = Scenario(
    seed=5, days=330, groups=96, members=960, carriers=("telegram", "wechat", "qq"), silent_carrier=None, chatter=0.1,
    dying=0.8, ending=0, never_born=0, broadcast_only=0.05, second_group=0, unseen_joins=0, duplicates=0, conflicts=0,
    late=0, broken=0,
)  # fmt: skip
ZONE: Final = ZoneInfo(COMPANY.zone)
SHOP: Final = "Shop"
WRITTEN: Final = (kinds.MEMBER_JOINED, kinds.MEMBER_LEFT, kinds.MESSAGE_SENT)

Event = dict[str, Any]
Groups = dict[str, list[Event]]


def write(folder: Path) -> None:
    """Write all exports into a folder."""
    groups, names = _groups()
    (folder / "telegram.json").write_text(_telegram(groups, names), encoding="utf-8")
    (folder / "qq.txt").write_text(_qq(groups, names), encoding="utf-8", newline="")
    (folder / "chatlab").mkdir(exist_ok=True)
    for number, (group, events) in enumerate(groups.items(), start=1):
        (folder / "chatlab" / f"{number:02}.jsonl").write_text(_chatlab(group, names[group], events), encoding="utf-8")


def _groups() -> tuple[Groups, dict[str, str]]:
    """What people do in the groups of one platform of the company, and the groups' names."""
    groups: Groups = {}
    names: dict[str, str] = {}
    for value in simulate(COMPANY).records["value"]:
        event = json.loads(value)
        group = event.get("subject")
        if event["type"] == kinds.GROUP_CREATED:
            names[group] = event["data"]["name"]
        if (
            str(group).startswith("telegram:")
            and event["type"] in WRITTEN
            and (not _is_staff(event) or _is_some_offer(event))
        ):
            groups.setdefault(group, []).append(event)
    return groups, names


def _is_some_offer(event: Event) -> bool:
    """Of what the company says an eighth of its offers is enough to look at."""
    return event["data"].get("product_id") is not None and _number(event["data"]["message_id"]) % 8 == 0


def _is_staff(event: Event) -> bool:
    return event["data"]["role"] != "member"


def _number(key: str | None) -> int:
    """The number at the end of an id of the simulator."""
    return int("".join(character for character in str(key) if character.isdigit()))


def _seconds(event: Event) -> int:
    return int(dt.datetime.fromisoformat(event["time"]).timestamp())


def _local(event: Event) -> dt.datetime:
    return dt.datetime.fromtimestamp(_seconds(event), ZONE)


def _name(event: Event) -> str:
    return SHOP if _is_staff(event) else f"Member {_number(event['data']['member_id'])}"


def _text(event: Event) -> str:
    data = event["data"]
    if product := data.get("product_id"):
        return f"New: https://example.com/{product}"
    return " ".join(["simulated"] * (1 + _seconds(event) % 3))


def _telegram(groups: Groups, names: dict[str, str]) -> str:
    chats = [
        {
            "name": names[group],
            "type": "private_supergroup",
            "id": 1_000_000_000 + _number(group),
            "messages": list(_telegram_messages(1_000_000_000 + _number(group), events)),
        }
        for group, events in groups.items()
    ]
    head = json.dumps({"about": "Constructed by docs/samples/exports/write.py: no such groups and people exist."})
    lines = []
    for chat in chats:
        messages = ",\n".join(json.dumps(message) for message in chat.pop("messages"))
        lines.append(json.dumps(chat)[:-1] + ', "messages": [\n' + messages + "\n]}")
    return head[:-1] + ', "chats": {"list": [\n' + ",\n".join(lines) + "\n]}}\n"


def _telegram_messages(chat: int, events: list[Event]) -> Iterator[Event]:
    ids = {event["data"].get("message_id"): number for number, event in enumerate(events, start=1)}
    for number, event in enumerate(events, start=1):
        data = event["data"]
        # Staff writes in the group's own name: so the export itself says who works for the company.
        who = f"channel{chat}" if _is_staff(event) else f"user{_number(data['member_id'])}"
        when = {"id": number, "date": _local(event).isoformat()[:19], "date_unixtime": str(_seconds(event))}
        if event["type"] == kinds.MESSAGE_SENT:
            answered = ids.get(data.get("reply_to"))
            reply = {"reply_to_message_id": answered} if answered else {}
            said = {"from": _name(event), "from_id": who, "text": _text(event)}
            yield {**when, "type": "message", **said, **reply}
            continue
        joins = event["type"] == kinds.MEMBER_JOINED
        action = {"action": "join_group_by_link"} if joins else {"action": "remove_members", "members": [_name(event)]}
        yield {**when, "type": "service", "actor": _name(event), "actor_id": who, **action, "text": ""}


def _chatlab(group: str, name: str, events: list[Event]) -> str:
    def member(event: Event) -> str:
        return "wxid_shop" if _is_staff(event) else f"wxid_{_number(event['data']['member_id'])}"

    head = {
        "platform": "wechat",
        "type": "group",
        "name": name,
        "groupId": f"{10_000_000_000 + _number(group)}@chatroom",
    }
    about = {"version": "0.0.2", "exportedAt": _seconds(events[-1]), "description": "constructed"}
    lines: list[Event] = [{"_type": "header", "chatlab": about, "meta": head}]
    members = {member(event): _name(event) for event in events}
    lines += [{"_type": "member", "platformId": native, "accountName": shown} for native, shown in members.items()]
    for event in events:
        data = event["data"]
        who = {"sender": member(event), "accountName": _name(event)}
        said: Event = {"type": 0, "content": _text(event)}
        if event["type"] != kinds.MESSAGE_SENT:
            who = {"sender": "system", "accountName": "system"}
            joins = event["type"] == kinds.MEMBER_JOINED
            sentence = f'"{SHOP}" invited "{_name(event)}" to the group chat' if joins else f'"{_name(event)}" left.'
            said = {"type": 80, "content": sentence}
        elif answered := data.get("reply_to"):
            said = {**said, "type": 25, "replyToMessageId": answered}
        identity = {"platformMessageId": data["message_id"]} if "message_id" in data else {}
        lines.append({"_type": "message", **identity, **who, "timestamp": _seconds(event), **said})
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def _qq(groups: Groups, names: dict[str, str]) -> str:
    ruler = "=" * 64
    lines = ["\ufeff消息记录（此消息记录为文本格式，不支持重新导入）", ""]  # noqa: RUF001
    for group, events in groups.items():
        lines += [ruler, "消息分组:我的群聊", ruler, f"消息对象:{names[group]}", ruler, ""]
        for event in events:
            who = f"{_name(event)}({10_009 if _is_staff(event) else 20_000 + _number(event['data']['member_id'])})"
            text = _text(event)
            if event["type"] != kinds.MESSAGE_SENT:
                who = "系统消息(1000000)"
                text = _name(event) + ("加入本群。" if event["type"] == kinds.MEMBER_JOINED else "退出本群。")
            at = _local(event)
            lines += [f"{at:%Y-%m-%d} {at.hour}:{at:%M:%S} {who}", text, ""]
    return "\r\n".join(lines)


if __name__ == "__main__":
    write(Path(__file__).parent)
