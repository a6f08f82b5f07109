"""The stream as a reader decodes it: plain Python, on its own."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from emberline.simulator import World
from schemas import kinds

COLUMN_FIELDS = {
    "account_id": ("member_id", "customer_id"),
    "amount_minor": ("total_minor",),
    "linked_account_id": ("linked_id",),
}


@dataclass(frozen=True)
class Event:
    """A distinct event; `position` is where its first copy stands in the stream."""

    position: int
    envelope: kinds.Envelope

    @property
    def order(self):
        return (self.envelope.time, self.position)

    @property
    def account(self):
        return self.envelope.data.member_id or self.envelope.data.customer_id


def decode(value: bytes) -> kinds.Envelope:
    return msgspec.json.decode(value, type=kinds.Envelope)


def lacks(envelope: kinds.Envelope) -> list[str]:
    """What the contract requires and the event does not tell; an unknown kind lacks its kind."""
    if envelope.type not in kinds.REQUIRED:
        return ["type"]
    linked = envelope.data.linked_id
    if linked is not None and linked.partition(":")[2] in kinds.BLOCKED_NATIVE_IDS:
        return ["linked_account_id"]
    return [
        column
        for column in kinds.REQUIRED[envelope.type]
        if all(getattr(envelope.data, field) is None for field in COLUMN_FIELDS.get(column, (column,)))
    ]


def distinct(world: World) -> list[Event]:
    """Events of all valid records, the first copy of each, in the one order of events."""
    seen: dict[tuple[str, str], Event] = {}
    for position, (value, kind) in enumerate(world.records.select("value", "kind").iter_rows()):
        if kind == "broken":
            continue
        envelope = decode(value)
        seen.setdefault((envelope.source, envelope.id), Event(position, envelope))
    return sorted(seen.values(), key=lambda event: event.order)


def persons(events: list[Event]) -> dict[str, str]:
    """The person of every account: accounts that links connect share one."""
    parent: dict[str, str] = {}

    def root(account: str) -> str:
        while parent.setdefault(account, account) != account:
            account = parent[account]
        return account

    for event in events:
        data = event.envelope.data
        if event.envelope.type != kinds.IDENTITY_LINKED or data.linked_id is None or data.member_id is None:
            if event.account is not None:
                root(event.account)
        elif data.linked_id.split(":", 1)[1].lower() not in kinds.BLOCKED_NATIVE_IDS:
            parent[root(data.member_id)] = root(data.linked_id)
    return {account: root(account) for account in parent}


def is_activity(event: Event) -> bool:
    data, kind = event.envelope.data, event.envelope.type
    engaging = kind == kinds.MESSAGE_SENT and data.message_kind not in kinds.NOT_ENGAGEMENT
    return data.role == "member" and (engaging or kind == kinds.REACTION_ADDED)
