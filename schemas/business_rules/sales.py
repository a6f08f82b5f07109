"""Rules on tables of sales, costs, buyers and paths."""

from __future__ import annotations

from typing import Final

from schemas.business_rules.dimensions import KNOWN_CURRENCY, KNOWN_DAY, KNOWN_GROUP, KNOWN_PERSON
from schemas.business_rules.rule import BATCH, Rule

_MONEY: Final = ("paid_minor", "refunded_minor", "net_minor")

_MONEY_OF_GROUPS: Final = Rule(
    """
    WITH both_sides AS (
        SELECT model, group_id, currency, paid_minor, refunded_minor, net_minor FROM {batch}
        UNION ALL
        SELECT model, group_id, currency, -paid_minor, -refunded_minor, -net_minor FROM staging.group_sales
    )
    SELECT model, group_id, currency, sum(paid_minor) AS paid_minor_too_many,
        sum(refunded_minor) AS refunded_minor_too_many, sum(net_minor) AS net_minor_too_many
    FROM both_sides GROUP BY model, group_id, currency
    HAVING sum(paid_minor) <> 0 OR sum(refunded_minor) <> 0 OR sum(net_minor) <> 0
    """,
    sums={BATCH: _MONEY, "group_sales": _MONEY},
)
"""For tables that divide the rows of `group_sales`."""

SALES: Final[dict[str, dict[str, Rule]]] = {
    "revenue_cohort": {
        **KNOWN_CURRENCY,
        "buyers are no more than cohort_size, nor than orders": Rule("""
            SELECT cohort, period, currency, buyers, cohort_size, orders FROM {batch}
            WHERE buyers > cohort_size OR buyers > orders
        """),
    },
    "conversion_path": {
        "there are as many orders in a month as in customer_order": Rule(
            """
            WITH both_sides AS (
                SELECT month, orders FROM {batch}
                UNION ALL
                SELECT date_trunc('month', day)::date, -1 FROM staging.customer_order
            )
            SELECT month, sum(orders) AS orders_too_many FROM both_sides GROUP BY month HAVING sum(orders) <> 0
            """,
            by={BATCH: ("month",), "customer_order": ("date_trunc('month', day)::date",)},
        ),
        "there is a path for every row": Rule("""
            SELECT month, path, persons, orders, lost, open FROM {batch}
            WHERE orders + lost + open = 0 OR persons > orders + lost + open OR (path = 'none' AND lost + open > 0)
        """),
    },
    "conversion_path_sales": {
        **KNOWN_CURRENCY,
        "orders sum to conversion_path": Rule(
            """
            WITH both_sides AS (
                SELECT month, path, orders FROM {batch}
                UNION ALL
                SELECT month, path, -orders FROM staging.conversion_path
            )
            SELECT month, path, sum(orders) AS orders_too_many
            FROM both_sides GROUP BY month, path HAVING sum(orders) <> 0
            """,
            by={BATCH: ("month", "path"), "conversion_path": ("month", "path")},
        ),
        "money of a month is that of customer_order": Rule(
            """
            WITH both_sides AS (
                SELECT month, currency, paid_minor, refunded_minor, net_minor FROM {batch}
                UNION ALL
                SELECT date_trunc('month', day)::date, currency, -paid_minor, -refunded_minor, -net_minor
                FROM staging.customer_order
            )
            SELECT month, currency, sum(paid_minor) AS paid_minor_too_many,
                sum(refunded_minor) AS refunded_minor_too_many, sum(net_minor) AS net_minor_too_many
            FROM both_sides GROUP BY month, currency
            HAVING sum(paid_minor) <> 0 OR sum(refunded_minor) <> 0 OR sum(net_minor) <> 0
            """,
            by={BATCH: ("month", "currency"), "customer_order": ("date_trunc('month', day)::date", "currency")},
        ),
    },
    "group_sales": {
        **KNOWN_GROUP,
        **KNOWN_CURRENCY,
        "money equals order_credit by model, group and currency": Rule(
            """
            WITH both_sides AS (
                SELECT model, group_id, currency, paid_minor, refunded_minor, net_minor FROM {batch}
                UNION ALL
                SELECT model, coalesce(group_id, 'unattributed'), currency, -paid_minor, -refunded_minor, -net_minor
                FROM staging.order_credit
            )
            SELECT model, group_id, currency, sum(paid_minor) AS paid_minor_too_many,
                sum(refunded_minor) AS refunded_minor_too_many, sum(net_minor) AS net_minor_too_many
            FROM both_sides GROUP BY model, group_id, currency
            HAVING sum(paid_minor) <> 0 OR sum(refunded_minor) <> 0 OR sum(net_minor) <> 0
        """,
            sums={BATCH: _MONEY, "order_credit": _MONEY},
        ),
    },
    "group_sales_day": {
        **KNOWN_GROUP,
        **KNOWN_DAY,
        "money of the days sums to group_sales": _MONEY_OF_GROUPS,
    },
    "spend_day": {
        **KNOWN_GROUP,
        **KNOWN_DAY,
        **KNOWN_CURRENCY,
    },
    "spend_return": {
        **KNOWN_GROUP,
        **KNOWN_DAY,
        **KNOWN_CURRENCY,
        "net_minor is that of group_sales_day": Rule(
            """
            WITH both_sides AS (
                SELECT model, group_id, day, currency, net_minor FROM {batch}
                UNION ALL
                SELECT model, group_id, day, currency, -net_minor FROM staging.group_sales_day
                WHERE group_id <> 'unattributed' AND currency IN (SELECT currency FROM staging.spend_day)
            )
            SELECT model, group_id, day, currency, sum(net_minor) AS net_minor_too_many
            FROM both_sides GROUP BY model, group_id, day, currency HAVING sum(net_minor) <> 0
            """,
            by={
                BATCH: ("model", "group_id", "day", "currency"),
                "group_sales_day": ("model", "group_id", "day", "currency"),
            },
            whole={"spend_day": ("currency",)},
        ),
        "each model has the money of spend_day": Rule(
            """
            WITH models AS (SELECT DISTINCT model FROM staging.group_sales),
            both_sides AS (
                SELECT model, group_id, day, currency, spend_minor FROM {batch}
                UNION ALL
                SELECT m.model, s.group_id, s.day, s.currency, -s.spend_minor FROM staging.spend_day AS s, models AS m
            )
            SELECT group_id, day, currency, model, sum(spend_minor) AS spend_minor_too_many
            FROM both_sides GROUP BY group_id, day, currency, model HAVING sum(spend_minor) <> 0
            """,
            by={BATCH: ("group_id", "day", "currency"), "spend_day": ("group_id", "day", "currency")},
            whole={"group_sales": ("model",)},
        ),
    },
    "message_sales": {
        **KNOWN_GROUP,
        **KNOWN_CURRENCY,
        "money equals group_sales": _MONEY_OF_GROUPS,
    },
    "segment_sales": {
        **KNOWN_CURRENCY,
        "money of each breakdown sums to group_sales": Rule(
            """
            WITH both_sides AS (
                SELECT model, breakdown, currency, paid_minor, refunded_minor, net_minor FROM {batch}
                UNION ALL
                SELECT model, breakdown, currency, -paid_minor, -refunded_minor, -net_minor
                FROM staging.group_sales, (VALUES ('purpose'), ('carrier')) AS breakdowns (breakdown)
            )
            SELECT model, breakdown, currency, sum(paid_minor) AS paid_minor_too_many,
                sum(refunded_minor) AS refunded_minor_too_many, sum(net_minor) AS net_minor_too_many
            FROM both_sides GROUP BY model, breakdown, currency
            HAVING sum(paid_minor) <> 0 OR sum(refunded_minor) <> 0 OR sum(net_minor) <> 0
        """,
            by={BATCH: ("model", "currency"), "group_sales": ("model", "currency")},
        ),
    },
    "person_value": {
        **KNOWN_PERSON,
        **KNOWN_CURRENCY,
        "p_alive and expected_purchases are null exactly where unmodelled says why": Rule("""
            SELECT person_id, currency, p_alive, expected_purchases, unmodelled FROM {batch}
            WHERE (p_alive IS NULL) <> (unmodelled IS NOT NULL)
                OR (expected_purchases IS NULL) <> (unmodelled IS NOT NULL)
        """),
    },
}
