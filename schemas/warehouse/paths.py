"""Tables of the paths of persons before an order, and without one."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from schemas.columns import ALWAYS, COLUMNS, MINOR, ORDINAL, says
from schemas.mart_columns import amount, metadata, money_sum, number

_MONTH_OF_PATH: Final = "month in which it ended, with the payment or the last touchpoint; of the business zone"

_PATH: Final = (
    "touchpoints in order: click and the purpose of the group, view, cart; 'none': an order without any; 'longer': "
    "more than 5"
)

conversion_path = sa.Table(
    "conversion_path",
    metadata,
    sa.Column("month", sa.Date, primary_key=True, comment=_MONTH_OF_PATH),
    sa.Column("path", sa.Text, primary_key=True, comment=_PATH),
    sa.Column("touchpoints", sa.Integer, nullable=False, **says("touchpoints of the path; 6: more than 5", ORDINAL)),
    number("persons", "persons with such a path in the month", "persons"),
    number("orders", "paths that led to a paid order", "orders", ALWAYS),
    number("lost", "paths, one per person and week, that no order followed within the look-back time", "paths", ALWAYS),
    number("open", "paths that no order has followed yet; one still may", "paths", ALWAYS),
    number("seconds_to_order", "sum of the times from the first touchpoint to the payment", "seconds", ALWAYS),
    comment="What persons clicked, viewed and put into the cart before an order, and without one, by month and path.",
)

conversion_path_sales = sa.Table(
    "conversion_path_sales",
    metadata,
    sa.Column("month", sa.Date, primary_key=True, comment=_MONTH_OF_PATH),
    sa.Column("path", sa.Text, primary_key=True, comment=_PATH),
    sa.Column("currency", sa.Text, primary_key=True),
    number("orders", "paths that led to a paid order", "orders", ALWAYS),
    *(
        money_sum(name, **says(COLUMNS[name].text, MINOR, ("currency",)))
        for name in ("paid_minor", "refunded_minor", "net_minor")
    ),
    *(amount(name, ("currency",)) for name in ("paid", "refunded", "net")),
    comment="What the orders of each path brought, by month, path and currency.",
)
