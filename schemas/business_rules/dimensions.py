"""Rules that a column names a row of a dimension."""

from __future__ import annotations

from typing import Final

from schemas.business_rules.rule import BATCH, Rule


def names_one(column: str, dimension: str, key: str) -> dict[str, Rule]:
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


KNOWN_GROUP: Final = names_one("group_id", "dim_group", "group_id")
KNOWN_PERSON: Final = names_one("person_id", "dim_person", "person_id")
KNOWN_CURRENCY: Final = names_one("currency", "dim_currency", "currency")
KNOWN_DAY: Final = names_one("day", "dim_date", "day")
