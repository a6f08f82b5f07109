"""Tables of paid orders, their lines and refunds, and the credit for each."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from schemas.columns import COLUMNS, MINOR, says
from schemas.mart_columns import TIME, amount, count, metadata, number, restated

ORDER_AMOUNTS: Final = {
    name: COLUMNS[f"{name}_minor"].text for name in ("gross", "discount", "paid", "refunded", "net")
}

order_credit = sa.Table(
    "order_credit",
    metadata,
    sa.Column("credit_id", sa.Text, primary_key=True, comment="model, shop, order, group and message in one key"),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("shop", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("person_id", sa.Text, comment="pseudonym; null: the account is a placeholder"),
    sa.Column("group_id", sa.Text, index=True, comment="null: unattributed"),
    sa.Column("message_id", sa.Text, comment="null: unattributed, or the message is unknown"),
    sa.Column("touched_at", TIME),
    sa.Column("paid_at", TIME, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    count("paid_minor"),
    count("refunded_minor"),
    count("net_minor"),
    *(amount(name, ("model", "currency")) for name in ("paid", "refunded", "net")),
    sa.Index("ix_order_credit_order", "shop", "order_id"),
    comment="Paid orders credited to messages of groups; over a model's rows of an order each amount sums to the "
    "order's.",
    # Refunded and net are no restated figures: a refund may come at any time and is not late.
    info=restated("paid_minor", bearing="sales", start="paid_at"),
)

order_refund = sa.Table(
    "order_refund",
    metadata,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True, comment="CloudEvents id of the refund, unique in its shop"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("refunded_at", TIME, nullable=False, index=True, comment="when the money was paid back, UTC"),
    sa.Column("currency", sa.Text, nullable=False),
    number("refunded_minor", "amount of this refund, in minor units of the currency", MINOR, ("currency",)),
    amount("refunded", ("currency",)),
    sa.Index("ix_order_refund_order", "shop", "order_id"),
    comment="Refunds of paid orders; the refunds of an order sum to its refunded_minor in any model of order_credit.",
)

customer_order = sa.Table(
    "customer_order",
    metadata,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column(
        "person_id",
        sa.Text,
        nullable=False,
        index=True,
        comment="pseudonym of the buyer; 'unknown' if the buyer is unknown",
    ),
    sa.Column("order_number", sa.Integer),
    sa.Column("is_repeat", sa.Boolean, comment="true: the buyer had paid for an order before; null: unknown buyer"),
    sa.Column("paid_at", TIME, nullable=False),
    sa.Column("day", sa.Date, nullable=False, index=True, comment="day of the payment, of the business zone"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("lines", sa.Integer, nullable=False),
    *(
        sa.Column(f"{name}_minor", sa.BigInteger, nullable=False, **says(text, MINOR, ("currency",)))
        for name, text in ORDER_AMOUNTS.items()
    ),
    *(amount(name, ("currency",)) for name in ORDER_AMOUNTS),
    sa.Column("first_refunded_at", TIME),
    sa.Column("days_to_refund", sa.Integer),
    comment="Paid orders: number among the buyer's orders, price, and what was refunded.",
)

order_item = sa.Table(
    "order_item",
    metadata,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False, index=True),
    sa.Column("quantity", sa.BigInteger),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("item_minor", sa.BigInteger),
    amount("item", ("currency",)),
    sa.Column("day", sa.Date, nullable=False, comment="day of the payment, of the business zone"),
    comment="Lines of paid orders.",
)
