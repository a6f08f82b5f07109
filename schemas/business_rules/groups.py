"""Rules on tables of groups and of what the company did for them."""

from __future__ import annotations

from typing import Final

from schemas.business_rules.dimensions import KNOWN_CURRENCY, KNOWN_DAY, KNOWN_GROUP, KNOWN_PERSON, names_one
from schemas.business_rules.rule import BATCH, Rule

GROUPS: Final[dict[str, dict[str, Rule]]] = {
    "dim_group": {
        "carrier is the prefix of group_id": Rule("""
            SELECT group_id, carrier FROM {batch}
            WHERE carrier <> split_part(group_id, ':', 1) AND group_id <> 'unattributed'
        """),
        **names_one("carrier", "dim_carrier", "carrier"),
        **names_one("purpose", "dim_purpose", "purpose"),
    },
    "group_day": {
        **KNOWN_DAY,
        "speakers are no more than active_members": Rule("""
            SELECT group_id, day, speakers, active_members FROM {batch} WHERE speakers > active_members
        """),
        **KNOWN_GROUP,
    },
    "group_hour": {
        **KNOWN_GROUP,
    },
    "group_network": {
        **KNOWN_GROUP,
        "the largest part is no more than all, and there are no more pairs than persons make": Rule("""
            SELECT group_id, month, persons, largest, pairs FROM {batch}
            WHERE largest > persons OR 2 * pairs::bigint > persons::bigint * (persons - 1)
        """),
    },
    "excluded_account": {
        **KNOWN_GROUP,
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
        **KNOWN_GROUP,
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
        **KNOWN_GROUP,
    },
    "contact": {
        **KNOWN_GROUP,
        **KNOWN_PERSON,
        "nobody wrote more than all": Rule("""
            SELECT group_id, person_id, wrote, of_messages FROM {batch} WHERE wrote > of_messages
        """),
    },
    "intervention": {
        **KNOWN_DAY,
        **KNOWN_GROUP,
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
        **KNOWN_CURRENCY,
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
}
