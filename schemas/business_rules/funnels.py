"""Rules on tables of funnels."""

from __future__ import annotations

from typing import Final

from schemas.business_rules.dimensions import KNOWN_GROUP, KNOWN_PERSON
from schemas.business_rules.rule import BATCH, Rule

FUNNELS: Final[dict[str, dict[str, Rule]]] = {
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
        **KNOWN_PERSON,
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
        **KNOWN_GROUP,
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
        **KNOWN_PERSON,
        **KNOWN_GROUP,
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
}
