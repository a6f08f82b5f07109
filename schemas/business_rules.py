"""What must hold between the rows and tables of the warehouse, as SQL that returns the rows breaking it.

`{batch}` is the staging table of the rule's suite; other tables are named in full, in `staging`. A query
returns the key first, then the numbers that contradict. None says JOIN: Great Expectations gives
`{batch}` an alias only in queries without it.
"""

from __future__ import annotations

from typing import Final

from schemas.kinds import MOST_MINOR

_KNOWN_GROUP: Final = """
    WITH checked AS (SELECT * FROM {batch})
    SELECT * FROM checked
    WHERE group_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM staging.dim_group AS g WHERE g.group_id = checked.group_id)
"""

EMPTIED: Final = """
    WITH staged AS (SELECT count(*) AS staged_rows FROM {batch}),
        published AS (SELECT count(*) AS published_rows FROM <published>)
    SELECT * FROM staged, published WHERE staged_rows = 0 AND published_rows > 0
"""
"""For any table; `<published>` is its name in `mart`."""

RULES: Final[dict[str, dict[str, str]]] = {
    "dim_group": {
        "carrier is the prefix of group_id": """
            SELECT group_id, carrier FROM {batch} WHERE carrier <> split_part(group_id, ':', 1)
        """,
    },
    "group_day": {
        "speakers are no more than active_members": """
            SELECT group_id, day, speakers, active_members FROM {batch} WHERE speakers > active_members
        """,
        "group_id is one of dim_group": _KNOWN_GROUP,
    },
    "group_state": {
        "a group's spells neither overlap nor leave a gap": """
            WITH spells AS (
                SELECT group_id, since, until, lead(since) OVER (PARTITION BY group_id ORDER BY since) AS next_since
                FROM {batch}
            )
            SELECT * FROM spells WHERE until IS DISTINCT FROM next_since
        """,
        "a group has exactly one current spell": """
            SELECT group_id, count(*) FILTER (WHERE is_current) AS current_spells
            FROM {batch} GROUP BY group_id HAVING count(*) FILTER (WHERE is_current) <> 1
        """,
        "is_current marks the spell that is not over": """
            SELECT group_id, since, until, is_current FROM {batch} WHERE is_current <> (until IS NULL)
        """,
        "group_id is one of dim_group": _KNOWN_GROUP,
    },
    "group_risk": {
        "a longer time is no smaller a risk": """
            SELECT group_id, day, risk_28, risk_56 FROM {batch} WHERE risk_28 > risk_56
        """,
        "the risks of a day are of one model": """
            SELECT day, count(DISTINCT model) AS models FROM {batch} GROUP BY day HAVING count(DISTINCT model) > 1
        """,
        "group_id is one of dim_group": _KNOWN_GROUP,
    },
    "retention": {
        "active is no more than cohort_size": """
            SELECT unit, cohort, period, active, cohort_size FROM {batch} WHERE active > cohort_size
        """,
        "active is null exactly while the period is incomplete": """
            SELECT unit, cohort, period, active, is_complete FROM {batch} WHERE is_complete = (active IS NULL)
        """,
    },
    "lifecycle": {
        "active follows from the unit before": """
            WITH units AS (
                SELECT unit, start, active, dormant, new, resurrecting,
                    lag(active, 1, 0::bigint) OVER (PARTITION BY unit ORDER BY start) AS active_before
                FROM {batch}
            )
            SELECT * FROM units WHERE active <> active_before - dormant + new + resurrecting
        """,
        "active is new, returning and resurrecting together": """
            SELECT unit, start, active, new, "returning", resurrecting
            FROM {batch} WHERE active <> new + "returning" + resurrecting
        """,
    },
    "member_state": {
        "who lurks was never active, and everybody else was": """
            SELECT group_id, person_id, state, first_active_day
            FROM {batch} WHERE (state = 'lurker') <> (first_active_day IS NULL)
        """,
        "group_id is one of dim_group": _KNOWN_GROUP,
    },
    "group_engagement": {
        "the states together are the rows of member_state": """
            WITH both_sides AS (
                SELECT group_id, day,
                    newly_active + active + returned + paused + disengaged + lurker AS members, 0 AS rows_there
                FROM {batch}
                UNION ALL
                SELECT group_id, day, 0, 1 FROM staging.member_state
            )
            SELECT group_id, day, sum(members) AS members, sum(rows_there) AS rows_there
            FROM both_sides GROUP BY group_id, day HAVING sum(members) <> sum(rows_there)
        """,
    },
    "funnel_step": {
        "reached never rises from step to step": """
            WITH steps AS (
                SELECT funnel, step_number, reached,
                    lag(reached) OVER (PARTITION BY funnel ORDER BY step_number) AS reached_before
                FROM {batch}
            )
            SELECT * FROM steps WHERE reached > reached_before
        """,
        "reached counts the mature rows of funnel_entry": """
            WITH steps AS (
                SELECT checked.funnel, checked.step_number, checked.reached, (
                    SELECT count(*) FROM staging.funnel_entry AS e
                    WHERE e.funnel = checked.funnel AND e.is_mature AND e.steps_reached >= checked.step_number
                ) AS entries
                FROM (SELECT * FROM {batch}) AS checked
            )
            SELECT * FROM steps WHERE reached <> entries
        """,
    },
    "funnel_entry": {
        "steps_reached is a step of the funnel": """
            WITH checked AS (SELECT * FROM {batch})
            SELECT funnel, person_id, entry, entered_at, steps_reached FROM checked
            WHERE NOT EXISTS (
                SELECT FROM staging.funnel_step AS s
                WHERE s.funnel = checked.funnel AND s.step_number = checked.steps_reached
            )
        """,
        "group_id is one of dim_group": _KNOWN_GROUP,
        "an entry has a row of funnel_match for each step it reached": """
            WITH both_sides AS (
                SELECT funnel, person_id, entry, steps_reached, 0 AS matches FROM {batch}
                UNION ALL
                SELECT funnel, person_id, entry, 0, 1 FROM staging.funnel_match
            )
            SELECT funnel, person_id, entry, sum(steps_reached) AS steps_reached, sum(matches) AS matches
            FROM both_sides GROUP BY funnel, person_id, entry
            HAVING sum(steps_reached) <> sum(matches)
        """,
    },
    "funnel_match": {
        "group_id is one of dim_group": _KNOWN_GROUP,
    },
    "funnel_breakdown": {
        "the total is that of funnel_step": """
            WITH checked AS (SELECT * FROM {batch} WHERE segment_kind = 'total')
            SELECT funnel, by, touch, step_number, reached, reached_immature FROM checked
            WHERE NOT EXISTS (
                SELECT FROM staging.funnel_step AS s
                WHERE s.funnel = checked.funnel AND s.step_number = checked.step_number
                    AND s.reached = checked.reached AND s.reached_immature = checked.reached_immature
            )
        """,
        "an entry is in one segment, or by all_steps in one or more": """
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
        "reached never rises from step to step": """
            WITH steps AS (
                SELECT funnel, by, touch, segment_kind, segment, step_number, reached, lag(reached) OVER (
                    PARTITION BY funnel, by, touch, segment_kind, segment ORDER BY step_number
                ) AS reached_before
                FROM {batch}
            )
            SELECT * FROM steps WHERE reached > reached_before
        """,
    },
    "funnel_time_to_convert": {
        "bins count the entries of funnel_step": """
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
    },
    "funnel_curve": {
        "conversion never falls": """
            WITH points AS (
                SELECT funnel, step_number, seconds, conversion, lag(conversion) OVER (
                    PARTITION BY funnel, step_number ORDER BY seconds
                ) AS conversion_before
                FROM {batch}
            )
            SELECT * FROM points WHERE conversion < conversion_before
        """,
        "conversion is within its interval": """
            SELECT funnel, step_number, seconds, conversion_low, conversion, conversion_high
            FROM {batch} WHERE conversion NOT BETWEEN conversion_low AND conversion_high
        """,
    },
    "funnel_trend": {
        "reached is null exactly while the unit is not mature": """
            SELECT funnel, unit, start, step_number, reached, is_mature
            FROM {batch} WHERE is_mature = (reached IS NULL)
        """,
        "units count the entries of funnel_entry": """
            WITH units AS (
                SELECT checked.funnel, checked.unit, checked.step_number,
                    sum(checked.reached_so_far) AS in_units, (
                        SELECT count(*) FROM staging.funnel_entry AS e
                        WHERE e.funnel = checked.funnel AND e.steps_reached >= checked.step_number
                    ) AS entries
                FROM (SELECT * FROM {batch}) AS checked
                GROUP BY checked.funnel, checked.unit, checked.step_number
            )
            SELECT * FROM units WHERE in_units <> entries
        """,
    },
    "order_credit": {
        "net_minor of an order is paid less refunded, and not below 0": """
            SELECT model, shop, order_id, sum(paid_minor) AS paid_minor, sum(refunded_minor) AS refunded_minor,
                sum(net_minor) AS net_minor
            FROM {batch} GROUP BY model, shop, order_id
            HAVING sum(net_minor) <> greatest(0, sum(paid_minor) - sum(refunded_minor))
        """,
        "every model credits the same money of an order": """
            WITH models AS (
                SELECT shop, order_id, model, sum(paid_minor) AS paid_minor, sum(refunded_minor) AS refunded_minor
                FROM {batch} GROUP BY shop, order_id, model
            )
            SELECT shop, order_id, min(paid_minor) AS least_paid_minor, max(paid_minor) AS most_paid_minor,
                min(refunded_minor) AS least_refunded_minor, max(refunded_minor) AS most_refunded_minor
            FROM models GROUP BY shop, order_id
            HAVING min(paid_minor) <> max(paid_minor) OR min(refunded_minor) <> max(refunded_minor)
                OR count(*) <> (SELECT count(DISTINCT model) FROM models)
        """,
        "group_id is one of dim_group": _KNOWN_GROUP,
        "currency is one of dim_currency": """
            WITH checked AS (SELECT * FROM {batch})
            SELECT * FROM checked
            WHERE NOT EXISTS (SELECT FROM staging.dim_currency AS c WHERE c.currency = checked.currency)
        """,
    },
    "order_refund": {
        "refunds of an order sum to its refunded_minor in order_credit": """
            WITH both_sides AS (
                SELECT shop, order_id, currency, refunded_minor, 0 AS credited_minor FROM {batch}
                UNION ALL
                SELECT shop, order_id, currency, 0, refunded_minor FROM staging.order_credit
                WHERE model = (SELECT min(model) FROM staging.order_credit)
            )
            SELECT shop, order_id, currency, sum(refunded_minor) AS refunded_minor,
                sum(credited_minor) AS credited_minor
            FROM both_sides GROUP BY shop, order_id, currency
            HAVING least(sum(refunded_minor), <most_minor>) <> sum(credited_minor)
        """.replace("<most_minor>", str(MOST_MINOR)),
    },
    "group_sales": {
        "money is that of order_credit by model, group and currency": """
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
    },
    "message_sales": {
        "money is that of group_sales": """
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
    },
    "segment_sales": {
        "money of each breakdown is that of group_sales": """
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
    },
    "person_value": {
        "p_alive and expected_purchases are null exactly where unmodelled says why": """
            SELECT person_id, currency, p_alive, expected_purchases, unmodelled FROM {batch}
            WHERE (p_alive IS NULL) <> (unmodelled IS NOT NULL)
                OR (expected_purchases IS NULL) <> (unmodelled IS NOT NULL)
        """,
    },
}
"""By table: what holds, in words, and the query whose rows break it."""
