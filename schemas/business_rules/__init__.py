"""Rules across rows and tables of the warehouse, each as SQL that returns the rows that break it.

`{batch}` is the table of the rule's suite; other tables are named in full, in `staging`. A query returns the key
first, then the numbers that contradict. No query uses JOIN: Great Expectations gives `{batch}` an alias only in queries
without it.
"""

from __future__ import annotations

from typing import Final

from schemas.business_rules.engagement import ENGAGEMENT
from schemas.business_rules.funnels import FUNNELS
from schemas.business_rules.groups import GROUPS
from schemas.business_rules.orders import ORDERS
from schemas.business_rules.rule import BATCH, ONE, Rule
from schemas.business_rules.sales import SALES

__all__ = ["BATCH", "EMPTIED", "ONE", "RULES", "Rule"]

EMPTIED: Final = """
    WITH emptied AS (
        SELECT (SELECT count(*) FROM <published>) AS published_rows
        WHERE NOT EXISTS (SELECT FROM staging.<table>) AND NOT EXISTS (SELECT FROM {batch})
    )
    SELECT * FROM emptied WHERE published_rows > 0
"""
"""For any table; `<published>` is its name in `mart`, `<table>` that in `staging`."""

RULES: Final[dict[str, dict[str, Rule]]] = {**GROUPS, **ENGAGEMENT, **FUNNELS, **ORDERS, **SALES}
"""By table: what must hold, in words, and the rule."""
