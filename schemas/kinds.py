"""The kinds of event and the fields of their payload (docs/definitions.md#events)."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

import msgspec

from schemas.interventions import Action

MEMBER_JOINED: Final = "member.joined"
MEMBER_LEFT: Final = "member.left"
MESSAGE_SENT: Final = "message.sent"
MESSAGE_EDITED: Final = "message.edited"
MESSAGE_RECALLED: Final = "message.recalled"
REACTION_ADDED: Final = "reaction.added"
REACTION_REMOVED: Final = "reaction.removed"
LINK_CLICKED: Final = "link.clicked"
PRODUCT_VIEWED: Final = "product.viewed"
CART_ADDED: Final = "cart.added"
ORDER_PLACED: Final = "order.placed"
ORDER_PAID: Final = "order.paid"
ORDER_REFUNDED: Final = "order.refunded"
IDENTITY_LINKED: Final = "identity.linked"
GROUP_CREATED: Final = "group.created"
GROUP_UPDATED: Final = "group.updated"
GROUP_CLOSED: Final = "group.closed"
GROUP_SNAPSHOT: Final = "group.snapshot"
GROUP_INTERVENTION: Final = "group.intervention"
SPEND_RECORDED: Final = "spend.recorded"
FEED_HEARTBEAT: Final = "feed.heartbeat"

OF_CHAT: Final[frozenset[str]] = frozenset({
    MEMBER_JOINED, MEMBER_LEFT, MESSAGE_SENT, MESSAGE_EDITED, MESSAGE_RECALLED, REACTION_ADDED, REACTION_REMOVED,
    GROUP_CREATED, GROUP_UPDATED, GROUP_CLOSED, GROUP_SNAPSHOT,
})  # fmt: skip
"""Kinds that only the connector of a group's chat sends; a shop or a link tracker may name a group, too."""

SAID_BY_PEOPLE: Final[frozenset[str]] = frozenset({GROUP_INTERVENTION, SPEND_RECORDED})
"""Kinds that no source sends: people record them at any time, also for days long past."""

OF_AN_ACCOUNT: Final[frozenset[str]] = frozenset({
    MEMBER_JOINED, MEMBER_LEFT, REACTION_ADDED, REACTION_REMOVED, LINK_CLICKED, PRODUCT_VIEWED, CART_ADDED,
    IDENTITY_LINKED,
})  # fmt: skip
"""Kinds whose ids are made of the account by most sources, since platforms number messages, orders and groups only.

All of their ids are pseudonyms; see `pipelines.events.event_ids`.
"""

Role = Literal["member", "operator", "bot"]
"""Roles of whoever acts: `operator` and `bot` work for the company and never count as engagement."""

STAFF: Final = ("operator", "bot")

MessageKind = Literal[
    "text", "image", "voice", "video", "file", "link", "product", "red_packet", "broadcast", "system", "other"
]
"""Kinds of message. `red_packet`, `broadcast` and `system` are not engagement.

See docs/definitions.md#engagement.
"""

NOT_ENGAGEMENT: Final[frozenset[str]] = frozenset({"red_packet", "broadcast", "system"})

MOST_COUNT: Final = 2**31 - 1
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_COUNT)]
MOST_MINOR: Final = 2**62
"""Highest amount of one event, in minor units. Sums of amounts need a wider type: `schemas.lake.MONEY_SUM`."""
Minor = Annotated[int, msgspec.Meta(ge=0, le=MOST_MINOR)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", max_length=3)]
"""An ISO 4217 code. The length is checked separately because `$` also matches before a final line break."""
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Key = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_.-]+:.+", max_length=512)]
"""`carrier:native_id` of a group, or the same form for a member or a customer of a shop."""
Note = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
"""What somebody wrote about an event."""

TimeQuality = Literal["exact", "second", "minute", "bound", "arrival"]
"""How well the time of an event is known.

`exact`: to the millisecond or better. `bound`: it happened by then. `arrival`: the source gives no time; it is Kafka's.
"""

Instant = Annotated[dt.datetime, msgspec.Meta(tz=True)]


class Item(msgspec.Struct, frozen=True, gc=False):
    """A line of an order: product, quantity, and price of the whole line in minor units of the order's currency."""

    product_id: Id
    quantity: Count | None = None
    amount_minor: Minor | None = None


class Member(msgspec.Struct, frozen=True, gc=False):
    """A member of a group at the instant of a snapshot."""

    id: Key
    role: Role = "member"


class Data(msgspec.Struct, frozen=True, gc=False):
    """The payload of a canonical event: every field any kind may carry, each strictly typed.

    `REQUIRED` lists which of them a kind must have. Unknown fields are ignored: producers may add to the contract.
    Money is an integer in minor units with an ISO 4217 code.
    """

    member_id: Key | None = None
    customer_id: Key | None = None
    role: Role = "member"
    group_id: Key | None = None
    message_id: Id | None = None
    message_kind: MessageKind | None = None
    reply_to: Id | None = None
    text_length: Count | None = None
    links: Count | None = None
    mentions: Count | None = None
    product_id: Id | None = None
    order_id: Id | None = None
    total_minor: Minor | None = None
    items: list[Item] | None = None
    currency: Currency | None = None
    linked_id: Key | None = None
    name: str | None = None
    purpose: Id | None = None
    operators: list[Key] | None = None
    members: list[Member] | None = None
    planned_end: Instant | None = None
    campaign: Id | None = None
    intervention: Action | None = None
    intervention_note: Note | None = None


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """CloudEvents 1.0, structured JSON mode. `source` + `id` is the identity of an event."""

    specversion: Literal["1.0"]
    id: Id
    source: Id
    type: str
    time: Instant
    subject: Key | None = None
    data: Data = msgspec.field(default_factory=Data)


GROUP: Final = "group_id"
ACCOUNT: Final = "account_id"

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    MEMBER_JOINED: (GROUP, ACCOUNT),
    MEMBER_LEFT: (GROUP, ACCOUNT),
    MESSAGE_SENT: (GROUP, ACCOUNT, "message_id"),
    MESSAGE_EDITED: (GROUP, "message_id"),
    MESSAGE_RECALLED: (GROUP, "message_id"),
    REACTION_ADDED: (GROUP, ACCOUNT, "message_id"),
    REACTION_REMOVED: (GROUP, ACCOUNT, "message_id"),
    LINK_CLICKED: (ACCOUNT,),
    PRODUCT_VIEWED: (ACCOUNT, "product_id"),
    CART_ADDED: (ACCOUNT, "product_id"),
    ORDER_PLACED: (ACCOUNT, "order_id", "amount_minor", "currency"),
    ORDER_PAID: (ACCOUNT, "order_id", "amount_minor", "currency"),
    ORDER_REFUNDED: ("order_id", "amount_minor", "currency"),
    IDENTITY_LINKED: (ACCOUNT, "linked_account_id"),
    GROUP_CREATED: (GROUP,),
    GROUP_UPDATED: (GROUP,),
    GROUP_CLOSED: (GROUP,),
    GROUP_SNAPSHOT: (GROUP, "members"),
    GROUP_INTERVENTION: (GROUP, "intervention"),
    SPEND_RECORDED: ("amount_minor", "currency"),
    FEED_HEARTBEAT: (),
}
"""By kind, for all kinds: the columns of the event schema (`schemas.lake.EVENTS`) that may not be empty."""

BLOCKED_NATIVE_IDS: Final[frozenset[str]] = frozenset(
    {
        *("-1", "null", "(null)", "none", "undefined", "nan", "nil", "n/a", "[object object]", "true", "false"),
        *("anonymous", "guest", "unknown", "not_authenticated", "distinct_id", "distinctid", "id", "email"),
    }
)
"""Placeholder ids, in lower case: native ids that identify nobody, as do ids of zeros only.

See docs/definitions.md#traps, trap 12. The second line is PostHog's list of placeholders (plugin-server,
`isDistinctIdIllegal`), and `unknown`.
"""
