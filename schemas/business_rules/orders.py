"""Rules on tables of paid orders and of the credit for them."""

from __future__ import annotations

from typing import Final

from schemas.business_rules.dimensions import KNOWN_CURRENCY, KNOWN_DAY, KNOWN_GROUP, KNOWN_PERSON, names_one
from schemas.business_rules.rule import BATCH, Rule
from schemas.kinds import MOST_MINOR

ORDERS: Final[dict[str, dict[str, Rule]]] = {
    "order_credit": {
        "net_minor of an order is paid less refunded, and not below 0": Rule(
            """
            SELECT model, shop, order_id, sum(paid_minor) AS paid_minor, sum(refunded_minor) AS refunded_minor,
                sum(net_minor) AS net_minor
            FROM {batch} GROUP BY model, shop, order_id
            HAVING sum(net_minor) <> greatest(0, sum(paid_minor) - sum(refunded_minor))
        """,
            by={BATCH: ("shop", "order_id")},
        ),
        "every model credits the same money of an order": Rule(
            """
            WITH models AS (
                SELECT shop, order_id, model, sum(paid_minor) AS paid_minor, sum(refunded_minor) AS refunded_minor
                FROM {batch} GROUP BY shop, order_id, model
            )
            SELECT shop, order_id, min(paid_minor) AS least_paid_minor, max(paid_minor) AS most_paid_minor,
                min(refunded_minor) AS least_refunded_minor, max(refunded_minor) AS most_refunded_minor
            FROM models GROUP BY shop, order_id
            HAVING min(paid_minor) <> max(paid_minor) OR min(refunded_minor) <> max(refunded_minor)
                OR count(*) <> (SELECT count(DISTINCT model) FROM staging.group_sales)
        """,
            by={BATCH: ("shop", "order_id")},
            whole={"group_sales": ("model",)},
        ),
        **KNOWN_GROUP,
        **KNOWN_CURRENCY,
        **KNOWN_PERSON,
    },
    "order_refund": {
        **KNOWN_CURRENCY,
        "refunds of an order sum to its refunded_minor in order_credit": Rule(
            """
            WITH both_sides AS (
                SELECT shop, order_id, currency, refunded_minor, 0 AS credited_minor FROM {batch}
                UNION ALL
                SELECT shop, order_id, currency, 0, refunded_minor FROM staging.order_credit
                WHERE model = (SELECT min(model) FROM staging.group_sales)
            )
            SELECT shop, order_id, currency, sum(refunded_minor) AS refunded_minor,
                sum(credited_minor) AS credited_minor
            FROM both_sides GROUP BY shop, order_id, currency
            HAVING least(sum(refunded_minor), <most_minor>) <> sum(credited_minor)
        """.replace("<most_minor>", str(MOST_MINOR)),
            by={BATCH: ("shop", "order_id"), "order_credit": ("shop", "order_id")},
            whole={"group_sales": ("model",)},
        ),
    },
    "customer_order": {
        **KNOWN_PERSON,
        **KNOWN_DAY,
        **KNOWN_CURRENCY,
        "net_minor is paid less refunded, and not below 0": Rule("""
            SELECT shop, order_id, paid_minor, refunded_minor, net_minor FROM {batch}
            WHERE net_minor <> greatest(0, paid_minor - refunded_minor)
        """),
        "gross_minor less discount_minor is what was paid": Rule("""
            SELECT shop, order_id, gross_minor, discount_minor, paid_minor FROM {batch}
            WHERE gross_minor - discount_minor <> paid_minor
        """),
        "the orders of a buyer are numbered from 1": Rule(
            """
            SELECT person_id, count(*) AS orders, min(order_number) AS first_number, max(order_number) AS last_number
            FROM {batch} WHERE order_number IS NOT NULL GROUP BY person_id
            HAVING min(order_number) <> 1 OR max(order_number) <> count(*)
                OR count(DISTINCT order_number) <> count(*)
        """,
            by={BATCH: ("person_id",)},
        ),
        "is_repeat and order_number are null exactly where nobody knows who bought": Rule("""
            SELECT shop, order_id, person_id, order_number, is_repeat FROM {batch}
            WHERE (person_id = 'unknown') <> (order_number IS NULL) OR is_repeat IS DISTINCT FROM (order_number > 1)
        """),
        "each order is credited with what was paid": Rule(
            """
            WITH both_sides AS (
                SELECT shop, order_id, paid_minor, refunded_minor, 0 AS credited_minor, 0 AS credited_back_minor
                FROM {batch}
                UNION ALL
                SELECT shop, order_id, 0, 0, paid_minor, refunded_minor FROM staging.order_credit
                WHERE model = (SELECT min(model) FROM staging.group_sales)
            )
            SELECT shop, order_id, sum(paid_minor) AS paid_minor, sum(credited_minor) AS credited_minor,
                sum(refunded_minor) AS refunded_minor, sum(credited_back_minor) AS credited_back_minor
            FROM both_sides GROUP BY shop, order_id
            HAVING sum(paid_minor) <> sum(credited_minor) OR sum(refunded_minor) <> sum(credited_back_minor)
        """,
            by={BATCH: ("shop", "order_id"), "order_credit": ("shop", "order_id")},
            whole={"group_sales": ("model",)},
        ),
    },
    "order_item": {
        **names_one("product_id", "dim_item", "product_id"),
        **KNOWN_CURRENCY,
        "an order has as many lines as its column lines says": Rule(
            """
            WITH both_sides AS (
                SELECT shop, order_id, 1 AS lines_there, 0 AS lines FROM {batch}
                UNION ALL
                SELECT shop, order_id, 0, lines FROM staging.customer_order
            )
            SELECT shop, order_id, sum(lines_there) AS lines_there, sum(lines) AS lines
            FROM both_sides GROUP BY shop, order_id HAVING sum(lines_there) <> sum(lines)
        """,
            by={BATCH: ("shop", "order_id"), "customer_order": ("shop", "order_id")},
        ),
    },
}
