"""Rules on tables of active persons: retention, lifecycle, segments, members by state."""

from __future__ import annotations

from typing import Final

from schemas.business_rules.dimensions import KNOWN_GROUP, KNOWN_PERSON
from schemas.business_rules.rule import BATCH, Rule

_MEMBER_COUNTS: Final = ("newly_active", "active", "returned", "paused", "disengaged", "lurker")

ENGAGEMENT: Final[dict[str, dict[str, Rule]]] = {
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
        **KNOWN_PERSON,
        "who lurks was never active, and everybody else was": Rule("""
            SELECT group_id, person_id, state, first_active_day
            FROM {batch} WHERE (state = 'lurker') <> (first_active_day IS NULL)
        """),
        **KNOWN_GROUP,
    },
    "group_engagement": {
        **KNOWN_GROUP,
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
}
