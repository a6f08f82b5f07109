"""Orders of a simulated company as shops tell of them: canonical events, and payloads with their headers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

from pipelines.funnel.orders import ORDER_EVENTS
from schemas import kinds
from tests.conformance.spoken import CHATS, Event, Names, moment

Record = tuple[Any, dict[str, str]]
"""A payload, and the headers of its record."""

BEIJING: Final = ZoneInfo("Asia/Shanghai")


@dataclass
class Shop:
    """One shop: its name, which is that of its carrier, its orders' ids and its payloads.

    Attributes:
        currency: The only one it knows; None where it knows all.
        refunded: What was paid back of an order until now, which Stripe says with each refund.
    """

    name: str
    order: Callable[[int], str]
    records: Callable[[Shop, Event, int], list[Record]]
    currency: str | None = None
    refunded: dict[str, int] = field(default_factory=dict)

    def sells(self, event: Event) -> bool:
        """Whether this is of an order that the shop could have."""
        return event["type"] in ORDER_EVENTS and event["data"]["currency"] == (
            self.currency or event["data"]["currency"]
        )

    def native(self, event: Event, names: Names) -> Event:
        """The canonical event as the shop knows it: its own ids, the keys of groups, whole seconds."""
        data = {name: value for name, value in event["data"].items() if value is not None and name != "product_id"}
        data["order_id"] = self.order(names.number(data["order_id"]))
        data["customer_id"] = f"{self.name}:{names.number(data['customer_id'])}"
        if "group_id" in data:
            writer = CHATS[data["group_id"].split(":")[0]]
            data["group_id"] = f"{writer.platform}:{writer.group(names.number(data['group_id']))}"
        if "message_id" in data:
            data["message_id"] = f"m{names.number(data['message_id'])}"
        return {**event, "source": self.name, "time": f"{moment(event):%Y-%m-%dT%H:%M:%SZ}", "data": data}


def _shopify(_shop: Shop, event: Event, number: int) -> list[Record]:
    data, kind = event["data"], event["type"]
    price, at = f"{data['total_minor'] / 100:.2f}", moment(event).isoformat()
    order = int(data["order_id"])
    if kind == kinds.ORDER_REFUNDED:
        money = {"id": number, "kind": "refund", "status": "success", "amount": price, "currency": data["currency"]}
        refund = {"id": number, "order_id": order, "created_at": at, "transactions": [money]}
        return [(refund, {"X-Shopify-Topic": "refunds/create"})]
    notes = [{"name": name, "value": data[name]} for name in ("group_id", "message_id") if name in data]
    is_paid = kind == kinds.ORDER_PAID
    body = {
        "id": order, "created_at": at, "updated_at": at, "total_price": price, "currency": data["currency"],
        "customer": {"id": int(data["customer_id"].split(":")[1])}, "note_attributes": notes, "line_items": [],
        "financial_status": "paid" if is_paid else "pending",
    }  # fmt: skip
    return [(body, {"X-Shopify-Topic": "orders/paid" if is_paid else "orders/create"})]


def _stripe(shop: Shop, event: Event, number: int) -> list[Record]:
    data, kind = event["data"], event["type"]
    amount, order = data["total_minor"], data["order_id"]
    metadata = {name: data[name] for name in ("group_id", "message_id") if name in data}
    common = {"currency": data["currency"].lower(), "customer": data["customer_id"].split(":")[1], "metadata": metadata}

    def hook(name: str, body: dict[str, Any], before: dict[str, Any] | None = None) -> Record:
        envelope = {"object": "event", "livemode": True, "created": int(moment(event).timestamp()), "type": name}
        return {**envelope, "id": f"evt_{number}_{name}", "data": {"object": {**common, **body}, **(before or {})}}, {}

    session = {"id": f"cs_{order}", "payment_intent": order, "amount_total": amount}
    if kind == kinds.ORDER_PLACED:
        return [hook("checkout.session.completed", {**session, "payment_status": "unpaid"})]
    if kind == kinds.ORDER_PAID:
        return [
            hook("checkout.session.async_payment_succeeded", {**session, "payment_status": "paid"}),
            hook("payment_intent.succeeded", {"id": order, "amount_received": amount}),
        ]
    before = shop.refunded.get(order, 0)
    shop.refunded[order] = before + amount
    charge = {"id": f"ch_{order}", "payment_intent": order, "amount_refunded": before + amount}
    return [hook("charge.refunded", charge, {"previous_attributes": {"amount_refunded": before}})]


def _youzan(_shop: Shop, event: Event, number: int) -> list[Record]:
    data, kind = event["data"], event["type"]
    at = f"{moment(event).astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
    money = f"{data['total_minor'] / 100:.2f}"
    message: dict[str, Any] = {
        "full_order_info": {
            "order_info": {"tid": data["order_id"], "created": at, "pay_time": at},
            "buyer_info": {"yz_open_id": data["customer_id"].split(":")[1]},
            "pay_info": {"payment": money},
            "orders": [],
        }
    }
    if kind == kinds.ORDER_REFUNDED:
        message = {"tid": data["order_id"], "refund_id": str(number), "refunded_fee": money, "modified": at}
    types = {
        kinds.ORDER_PLACED: "trade_TradeCreate",
        kinds.ORDER_PAID: "trade_TradePaid",
        kinds.ORDER_REFUNDED: "trade_refund_RefundSuccess",
    }
    named = {"group_id": data["group_id"]} if "group_id" in data else {}
    return [({"type": types[kind], "test": False, "msg": quote_plus(json.dumps(message)), **named}, {})]


SHOPS: Final = (
    Shop("shopify", lambda n: str(2**53 + n), _shopify),
    Shop("stripe", lambda n: f"pi_{n}", _stripe),
    Shop("youzan", lambda n: f"E2026{n:020}", _youzan, currency="CNY"),
)
"""Three shops of one company."""
