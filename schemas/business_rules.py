"""Rules across rows and tables of the warehouse, each as SQL that returns the rows that break it.

`{batch}` is the table of the rule's suite; other tables are named in full, in `staging`. A query returns the key
first, then the numbers that contradict. No query uses JOIN: Great Expectations gives `{batch}` an alias only in queries
without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.kinds import MOST_MINOR

BATCH: Final = "batch"
"""Placeholder for the table of the rule's suite, in queries and in `Rule.by`."""

ONE: Final = "<one>"
"""Placeholder in queries of `Rule.sums` for what a row counts: 1, or -1 for a row that is deleted."""


@dataclass(frozen=True)
class Rule:
    """A rule, and how to check it on the changed rows only.

    Attributes:
        query: Its rows break the rule.
        by: The columns, as SQL, that divide the rows of `BATCH` and of the tables that the query names into parts: the
            rule holds if it holds within each part. Empty: each row is a part.
        whole: Further small tables that the query names and that are not divided, with the columns it reads. If such a
            value is added or removed, all parts are checked.
        refers_to: The table that only needs to have a row for each part; None: all rows of a part count.
        sums: The columns of `BATCH` and of other tables that the query only sums; empty for a table whose rows it only
            counts with `ONE`. If the sum was right before and the changes sum to 0, it is still right. For parts that
            grow with history.
    """

    query: str
    by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refers_to: str | None = None
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def of_all_rows(self) -> str:
        """The query over whole tables, in which each row counts once."""
        return self.query.replace(ONE, "1")


_MEMBER_COUNTS: Final = ("newly_active", "active", "returned", "paused", "disengaged", "lurker")
_MONEY: Final = ("paid_minor", "refunded_minor", "net_minor")


def _names_one(column: str, dimension: str, key: str) -> dict[str, Rule]:
    """Return the rule that a column is null or names a row of a dimension."""
    return {
        f"{column} is one of {dimension}": Rule(
            f"""
    WITH checked AS (SELECT * FROM {{batch}})
    SELECT * FROM checked
    WHERE {column} IS NOT NULL
      AND NOT EXISTS (SELECT FROM staging.{dimension} AS d WHERE d.{key} = checked.{column})
    """,  # noqa: S608 - the names are ours
            by={BATCH: (column,), dimension: (key,)},
            refers_to=dimension,
        )
    }


_KNOWN_GROUP: Final = _names_one("group_id", "dim_group", "group_id")
_KNOWN_PERSON: Final = _names_one("person_id", "dim_person", "person_id")
_KNOWN_CURRENCY: Final = _names_one("currency", "dim_currency", "currency")
_KNOWN_DAY: Final = _names_one("day", "dim_date", "day")

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

EMPTIED: Final = """
    WITH emptied AS (
        SELECT (SELECT count(*) FROM <published>) AS published_rows
        WHERE NOT EXISTS (SELECT FROM staging.<table>) AND NOT EXISTS (SELECT FROM {batch})
    )
    SELECT * FROM emptied WHERE published_rows > 0
"""
"""For any table; `<published>` is its name in `mart`, `<table>` that in `staging`."""

RULES: Final[dict[str, dict[str, Rule]]] = {
    "dim_group": {
        "carrier is the prefix of group_id": Rule("""
            SELECT group_id, carrier FROM {batch}
            WHERE carrier <> split_part(group_id, ':', 1) AND group_id <> 'unattributed'
        """),
        **_names_one("carrier", "dim_carrier", "carrier"),
        **_names_one("purpose", "dim_purpose", "purpose"),
    },
    "group_day": {
        **_KNOWN_DAY,
        "speakers are no more than active_members": Rule("""
            SELECT group_id, day, speakers, active_members FROM {batch} WHERE speakers > active_members
        """),
        **_KNOWN_GROUP,
    },
    "group_hour": {
        **_KNOWN_GROUP,
    },
    "group_network": {
        **_KNOWN_GROUP,
        "the largest part is no more than all, and there are no more pairs than persons make": Rule("""
            SELECT group_id, month, persons, largest, pairs FROM {batch}
            WHERE largest > persons OR 2 * pairs::bigint > persons::bigint * (persons - 1)
        """),
    },
    "excluded_account": {
        **_KNOWN_GROUP,
        "since is no later than last_on": Rule("""
            SELECT group_id, account_id, reason, since, last_on FROM {batch} WHERE since > last_on
        """),
    },
    "group_state": {
        "a group's spells neither overlap nor leave a gap": Rule(
            """
            WITH spells AS (
                SELECT group_id, since, until, lead(since) OVER (PARTITION BY group_id ORDER BY since) AS next_since
                FROM {batch}
            )
            SELECT * FROM spells WHERE until IS DISTINCT FROM next_since
        """,
            by={BATCH: ("group_id",)},
        ),
        "a group has exactly one current spell": Rule(
            """
            SELECT group_id, count(*) FILTER (WHERE is_current) AS current_spells
            FROM {batch} GROUP BY group_id HAVING count(*) FILTER (WHERE is_current) <> 1
        """,
            by={BATCH: ("group_id",)},
        ),
        "is_current marks the spell that is not over": Rule("""
            SELECT group_id, since, until, is_current FROM {batch} WHERE is_current <> (until IS NULL)
        """),
        **_KNOWN_GROUP,
    },
    "group_risk": {
        "a longer time is no smaller a risk": Rule("""
            SELECT group_id, day, risk_28, risk_56 FROM {batch} WHERE risk_28 > risk_56
        """),
        "the risks of a day come from one model": Rule(
            """
            SELECT day, count(DISTINCT model) AS models FROM {batch} GROUP BY day HAVING count(DISTINCT model) > 1
        """,
            by={BATCH: ("day",)},
        ),
        **_KNOWN_GROUP,
    },
    "contact": {
        **_KNOWN_GROUP,
        **_KNOWN_PERSON,
        "nobody wrote more than all": Rule("""
            SELECT group_id, person_id, wrote, of_messages FROM {batch} WHERE wrote > of_messages
        """),
    },
    "intervention": {
        **_KNOWN_DAY,
        **_KNOWN_GROUP,
        "what is seen has no note": Rule("""
            SELECT group_id, intervention_id, origin FROM {batch} WHERE origin = 'seen' AND note IS NOT NULL
        """),
    },
    "intervention_effect": {
        "alive_again is no more than cases": Rule("""
            SELECT action, purpose, alive_again, cases FROM {batch} WHERE alive_again > cases
        """),
        "difference lies in its interval": Rule("""
            SELECT action, purpose, difference, difference_low, difference_high FROM {batch}
            WHERE difference NOT BETWEEN difference_low AND difference_high
        """),
        "is_effect exactly where the interval leaves 0 out": Rule("""
            SELECT action, purpose, difference_low, difference_high, is_effect FROM {batch}
            WHERE is_effect <> (difference_low > 0 OR difference_high < 0)
        """),
    },
    "intervention_sales": {
        **_KNOWN_CURRENCY,
        "selling_cases is no more than cases": Rule("""
            SELECT action, purpose, model, currency, selling_cases, cases FROM {batch} WHERE selling_cases > cases
        """),
        "difference_minor lies in its interval": Rule("""
            SELECT action, purpose, model, currency, difference_minor, difference_low_minor, difference_high_minor
            FROM {batch} WHERE difference_minor NOT BETWEEN difference_low_minor AND difference_high_minor
        """),
        "is_effect exactly where the interval leaves 0 out": Rule("""
            SELECT action, purpose, model, currency, difference_low_minor, difference_high_minor, is_effect FROM {batch}
            WHERE is_effect <> coalesce(difference_low_minor > 0 OR difference_high_minor < 0, false)
        """),
    },
    "retention": {
        "active is no more than cohort_size": Rule("""
            SELECT unit, cohort, period, active, cohort_size FROM {batch} WHERE active > cohort_size
        """),
        "active is null exactly while the period is incomplete": Rule("""
            SELECT unit, cohort, period, active, is_complete FROM {batch} WHERE is_complete = (active IS NULL)
        """),
    },
    "lifecycle": {
        "active follows from the period before": Rule(
            """
            WITH units AS (
                SELECT unit, start, active, dormant, new, resurrecting,
                    lag(active, 1, 0::bigint) OVER (PARTITION BY unit ORDER BY start) AS active_before
                FROM {batch}
            )
            SELECT * FROM units WHERE active <> active_before - dormant + new + resurrecting
        """,
            by={BATCH: ("unit",)},
        ),
        "active is new, returning and resurrecting together": Rule("""
            SELECT unit, start, active, new, "returning", resurrecting
            FROM {batch} WHERE active <> new + "returning" + resurrecting
        """),
    },
    "segment_activity": {
        "active is new, returning and resurrecting together": Rule("""
            SELECT breakdown, segment, unit, start, active, new, "returning", resurrecting
            FROM {batch} WHERE active <> new + "returning" + resurrecting
        """),
        "a longer window has no fewer persons": Rule("""
            SELECT breakdown, segment, unit, start, active, active_7d, active_28d
            FROM {batch} WHERE active > active_7d OR active_7d > active_28d
        """),
        "active_7d and active_28d are null exactly where the unit is no day": Rule("""
            SELECT breakdown, segment, unit, start, active_7d, active_28d FROM {batch}
            WHERE (unit = 'day') <> (active_7d IS NOT NULL) OR (unit = 'day') <> (active_28d IS NOT NULL)
        """),
        "the company's persons equal those of lifecycle": Rule(
            """
            WITH checked AS (SELECT * FROM {batch} WHERE breakdown = 'company')
            SELECT breakdown, segment, unit, start, active, new, dormant FROM checked
            WHERE NOT EXISTS (
                SELECT FROM staging.lifecycle AS l
                WHERE l.unit = checked.unit AND l.start = checked.start AND l.active = checked.active
                    AND l.new = checked.new AND l.dormant = checked.dormant
            )
        """,
            by={BATCH: ("unit", "start"), "lifecycle": ("unit", "start")},
        ),
    },
    "segment_retention": {
        "active is no more than cohort_size": Rule("""
            SELECT breakdown, segment, cohort, period, active, cohort_size FROM {batch} WHERE active > cohort_size
        """),
        "a cohort has the same size in each period": Rule(
            """
            SELECT breakdown, segment, cohort, min(cohort_size) AS smallest, max(cohort_size) AS largest
            FROM {batch} GROUP BY breakdown, segment, cohort HAVING min(cohort_size) <> max(cohort_size)
        """,
            by={BATCH: ("breakdown", "segment", "cohort")},
        ),
    },
    "member_state": {
        **_KNOWN_PERSON,
        "who lurks was never active, and everybody else was": Rule("""
            SELECT group_id, person_id, state, first_active_day
            FROM {batch} WHERE (state = 'lurker') <> (first_active_day IS NULL)
        """),
        **_KNOWN_GROUP,
    },
    "group_engagement": {
        **_KNOWN_GROUP,
        "the states sum to the rows of member_state": Rule(
            """
            WITH both_sides AS (
                SELECT group_id, day,
                    newly_active + active + returned + paused + disengaged + lurker AS members, 0 AS rows_there
                FROM {batch}
                UNION ALL
                SELECT group_id, day, 0, <one> FROM staging.member_state
            )
            SELECT group_id, day, sum(members) AS members, sum(rows_there) AS rows_there
            FROM both_sides GROUP BY group_id, day HAVING sum(members) <> sum(rows_there)
        """,
            sums={BATCH: _MEMBER_COUNTS, "member_state": ()},
        ),
    },
    "funnel_step": {
        "reached never rises from step to step": Rule(
            """
            WITH steps AS (
                SELECT funnel, step_number, reached,
                    lag(reached) OVER (PARTITION BY funnel ORDER BY step_number) AS reached_before
                FROM {batch}
            )
            SELECT * FROM steps WHERE reached > reached_before
        """,
            by={BATCH: ("funnel",)},
        ),
        "reached counts the mature rows of funnel_entry": Rule(
            """
            WITH mature AS (
                SELECT funnel, steps_reached, sum(<one>) AS entries FROM staging.funnel_entry
                WHERE is_mature GROUP BY funnel, steps_reached
            ),
            both_sides AS (
                SELECT funnel, step_number, reached, 0 AS entries FROM {batch}
                UNION ALL
                SELECT funnel, step_number, 0, entries FROM mature, generate_series(1, steps_reached) AS step_number
            )
            SELECT funnel, step_number, sum(reached) AS reached, sum(entries) AS entries
            FROM both_sides GROUP BY funnel, step_number HAVING sum(reached) <> sum(entries)
            """,
            sums={BATCH: ("reached",), "funnel_entry": ()},
        ),
    },
    "funnel_entry": {
        **_KNOWN_PERSON,
        "steps_reached is a step of the funnel": Rule(
            """
            WITH checked AS (SELECT * FROM {batch})
            SELECT funnel, person_id, entry, entered_at, steps_reached FROM checked
            WHERE NOT EXISTS (
                SELECT FROM staging.funnel_step AS s
                WHERE s.funnel = checked.funnel AND s.step_number = checked.steps_reached
            )
        """,
            by={BATCH: ("funnel", "steps_reached"), "funnel_step": ("funnel", "step_number")},
            refers_to="funnel_step",
        ),
        **_KNOWN_GROUP,
        "an entry has a row of funnel_match for each step it reached": Rule(
            """
            WITH both_sides AS (
                SELECT funnel, person_id, entry, steps_reached, 0 AS matches FROM {batch}
                UNION ALL
                SELECT funnel, person_id, entry, 0, 1 FROM staging.funnel_match
            )
            SELECT funnel, person_id, entry, sum(steps_reached) AS steps_reached, sum(matches) AS matches
            FROM both_sides GROUP BY funnel, person_id, entry
            HAVING sum(steps_reached) <> sum(matches)
        """,
            by={BATCH: ("funnel", "person_id", "entry"), "funnel_match": ("funnel", "person_id", "entry")},
        ),
    },
    "funnel_match": {
        **_KNOWN_PERSON,
        **_KNOWN_GROUP,
    },
    "funnel_breakdown": {
        "the total equals funnel_step": Rule(
            """
            WITH checked AS (SELECT * FROM {batch} WHERE segment_kind = 'total')
            SELECT funnel, by, touch, step_number, reached, reached_immature FROM checked
            WHERE NOT EXISTS (
                SELECT FROM staging.funnel_step AS s
                WHERE s.funnel = checked.funnel AND s.step_number = checked.step_number
                    AND s.reached = checked.reached AND s.reached_immature = checked.reached_immature
            )
        """,
            by={BATCH: ("funnel",), "funnel_step": ("funnel",)},
        ),
        "an entry is in one segment, or by all_steps in one or more": Rule(
            """
            SELECT funnel, by, touch, step_number,
                sum(reached) FILTER (WHERE segment_kind = 'total') AS in_total,
                coalesce(sum(reached) FILTER (WHERE segment_kind <> 'total'), 0) AS in_segments
            FROM {batch} GROUP BY funnel, by, touch, step_number
            HAVING CASE touch
                WHEN 'all_steps' THEN coalesce(sum(reached) FILTER (WHERE segment_kind <> 'total'), 0)
                    < sum(reached) FILTER (WHERE segment_kind = 'total')
                ELSE coalesce(sum(reached) FILTER (WHERE segment_kind <> 'total'), 0)
                    IS DISTINCT FROM sum(reached) FILTER (WHERE segment_kind = 'total')
            END
        """,
            by={BATCH: ("funnel",)},
        ),
        "reached never rises from step to step": Rule(
            """
            WITH steps AS (
                SELECT funnel, by, touch, segment_kind, segment, step_number, reached, lag(reached) OVER (
                    PARTITION BY funnel, by, touch, segment_kind, segment ORDER BY step_number
                ) AS reached_before
                FROM {batch}
            )
            SELECT * FROM steps WHERE reached > reached_before
        """,
            by={BATCH: ("funnel",)},
        ),
    },
    "funnel_time_to_convert": {
        "bins count the entries of funnel_step": Rule(
            """
            WITH bins AS (
                SELECT funnel, step_number, since, sum(reached) AS in_bins
                FROM {batch} GROUP BY funnel, step_number, since
            )
            SELECT * FROM bins
            WHERE NOT EXISTS (
                SELECT FROM staging.funnel_step AS s
                WHERE s.funnel = bins.funnel AND s.step_number = bins.step_number AND s.reached = bins.in_bins
            )
        """,
            by={BATCH: ("funnel",), "funnel_step": ("funnel",)},
        ),
    },
    "funnel_curve": {
        "conversion never falls": Rule(
            """
            WITH points AS (
                SELECT funnel, step_number, seconds, conversion, lag(conversion) OVER (
                    PARTITION BY funnel, step_number ORDER BY seconds
                ) AS conversion_before
                FROM {batch}
            )
            SELECT * FROM points WHERE conversion < conversion_before
        """,
            by={BATCH: ("funnel",)},
        ),
        "conversion is within its interval": Rule("""
            SELECT funnel, step_number, seconds, conversion_low, conversion, conversion_high
            FROM {batch} WHERE conversion NOT BETWEEN conversion_low AND conversion_high
        """),
    },
    "funnel_trend": {
        "reached is null exactly while the unit is not mature": Rule("""
            SELECT funnel, unit, start, step_number, reached, is_mature
            FROM {batch} WHERE is_mature = (reached IS NULL)
        """),
        "periods count the entries of funnel_entry": Rule(
            """
            WITH entered AS (
                SELECT funnel, steps_reached, sum(<one>) AS entries FROM staging.funnel_entry
                GROUP BY funnel, steps_reached
            ),
            both_sides AS (
                SELECT funnel, unit, step_number, reached_so_far, 0 AS entries FROM {batch}
                UNION ALL
                SELECT funnel, unit, step_number, 0, entries
                FROM entered, generate_series(1, steps_reached) AS step_number,
                    (VALUES ('day'), ('week'), ('month')) AS units (unit)
            )
            SELECT funnel, unit, step_number, sum(reached_so_far) AS in_units, sum(entries) AS entries
            FROM both_sides GROUP BY funnel, unit, step_number HAVING sum(reached_so_far) <> sum(entries)
            """,
            sums={BATCH: ("reached_so_far",), "funnel_entry": ()},
        ),
    },
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
        **_KNOWN_GROUP,
        **_KNOWN_CURRENCY,
        **_KNOWN_PERSON,
    },
    "order_refund": {
        **_KNOWN_CURRENCY,
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
        **_KNOWN_PERSON,
        **_KNOWN_DAY,
        **_KNOWN_CURRENCY,
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
        **_names_one("product_id", "dim_item", "product_id"),
        **_KNOWN_CURRENCY,
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
    "revenue_cohort": {
        **_KNOWN_CURRENCY,
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
        **_KNOWN_CURRENCY,
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
        **_KNOWN_GROUP,
        **_KNOWN_CURRENCY,
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
        **_KNOWN_GROUP,
        **_KNOWN_DAY,
        "money of the days sums to group_sales": _MONEY_OF_GROUPS,
    },
    "spend_day": {
        **_KNOWN_GROUP,
        **_KNOWN_DAY,
        **_KNOWN_CURRENCY,
    },
    "spend_return": {
        **_KNOWN_GROUP,
        **_KNOWN_DAY,
        **_KNOWN_CURRENCY,
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
        **_KNOWN_GROUP,
        **_KNOWN_CURRENCY,
        "money equals group_sales": _MONEY_OF_GROUPS,
    },
    "segment_sales": {
        **_KNOWN_CURRENCY,
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
        **_KNOWN_PERSON,
        **_KNOWN_CURRENCY,
        "p_alive and expected_purchases are null exactly where unmodelled says why": Rule("""
            SELECT person_id, currency, p_alive, expected_purchases, unmodelled FROM {batch}
            WHERE (p_alive IS NULL) <> (unmodelled IS NOT NULL)
                OR (expected_purchases IS NULL) <> (unmodelled IS NOT NULL)
        """),
    },
}
"""By table: what must hold, in words, and the rule."""
