"""Accounts that work for the company are named, with the reason and since when."""

import datetime as dt

from pipelines.groups.staff_day import staff_day
from pipelines.publish.rows import excluded_rows
from schemas import kinds
from tests.pipelines.funnel.samples import Event, at, event, frame


def acted(
    account: str | None, role: str, days: float, kind: str = kinds.MESSAGE_SENT, group: str | None = "qq:1"
) -> Event:
    return event(kind, at(days), account, role=role, group_id=group)


def test_only_who_writes_or_reacts_for_the_company_is_excluded_and_its_messages_are_counted():
    events = frame([
        acted("ann", "operator", 3),
        acted("ann", "operator", 1, kinds.REACTION_ADDED),
        acted("ann", "operator", 3.1),
        acted("ann", "member", 5),
        acted("echo", "bot", 2),
        acted("echo", "bot", 2, group="qq:2"),
        acted("bob", "member", 2),
        acted("cem", "operator", 2, kinds.MEMBER_JOINED),
        acted(None, "operator", 2),
        acted("dan", "operator", 2, group=None),
    ])  # fmt: skip
    first = dt.date(2024, 1, 1)
    days = [first + dt.timedelta(days=days) for days in range(4)]
    assert excluded_rows(staff_day(events)).sort("group_id", "account_id").collect().rows() == [
        ("qq:1", "ann", "operator", days[1], days[3], 2),
        ("qq:1", "echo", "bot", days[2], days[2], 1),
        ("qq:2", "echo", "bot", days[2], days[2], 1),
    ]


def test_who_both_operates_and_is_a_bot_is_excluded_for_either_reason():
    events = frame([acted("ann", "operator", 1), acted("ann", "bot", 2)])
    assert excluded_rows(staff_day(events)).sort("reason").collect()["reason"].to_list() == ["bot", "operator"]
