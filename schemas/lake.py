"""All tables of the lake, each after the tables it is computed from.

Every table is a Delta table under the lake URI. Times are UTC microseconds, days are calendar days of the business
zone. `month` is the first day of `day`'s month and only partitions: daily partitions of years would be too many files.
"""

from __future__ import annotations

from typing import Final

from schemas.table import UTC_TIME, LakeTable, Source
from schemas.tables.contacts import CONTACT
from schemas.tables.engagement import (
    FIRST_SEEN,
    GROUP_ENGAGEMENT,
    LIFECYCLE,
    MEMBER_STATE,
    PERSON_DAY,
    RETENTION,
)
from schemas.tables.funnel import (
    FUNNEL_BREAKDOWN,
    FUNNEL_CURVE,
    FUNNEL_ENTRY,
    FUNNEL_STEP,
    FUNNEL_TIME_TO_CONVERT,
    FUNNEL_TREND,
    MATCHED_EVENT,
)
from schemas.tables.groups import (
    COMPONENTS,
    FEED_DAY,
    GROUP,
    GROUP_DAY,
    GROUP_HEALTH,
    GROUP_HOUR,
    GROUP_NETWORK,
    GROUP_STATE,
    GROUP_STATES,
    STAFF_DAY,
)
from schemas.tables.ingest import (
    CONTROL_TOTAL,
    COORDINATES,
    EVENT_BODY,
    EVENTS,
    FEED,
    GAPS,
    HEADERS,
    IDENTITY,
    IDENTITY_CHANGE,
    IGNORED,
    ITEMS,
    MEMBERS,
    ORDERING_KEY,
    PAYLOAD_CENSUS,
    QUARANTINE,
    QUARANTINED_EVENT,
    RAW,
    REMOVED,
    SEQUENCE_RANGE,
    TOUCHED,
)
from schemas.tables.intervention_effects import INTERVENTION_CASE, INTERVENTION_EFFECT, INTERVENTION_SALES
from schemas.tables.interventions import INTERVENTION, STAFF_ACT
from schemas.tables.members import MEMBER_CHANGE
from schemas.tables.requests import IDENTITY_RULING, QUARANTINE_RULING, REBUILD, SUPPRESSION
from schemas.tables.risk import GROUP_RISK, RISK_MODEL
from schemas.tables.sales import (
    CONVERSION_PATH,
    CONVERSION_PATH_SALES,
    CUSTOMER_ORDER,
    GROUP_SALES,
    GROUP_SALES_DAY,
    MESSAGE_SALES,
    MONEY_SUM,
    ORDER_CREDIT,
    ORDER_ITEM,
    ORDER_REFUND,
    PERSON_PATH,
    PERSON_VALUE,
    REVENUE_COHORT,
    SEGMENT_SALES,
    SPEND_DAY,
    SPEND_RETURN,
)
from schemas.tables.segments import SEGMENT_ACTIVITY, SEGMENT_RETENTION

__all__ = [
    "COMPONENTS",
    "CONTACT",
    "CONTROL_TOTAL",
    "CONVERSION_PATH",
    "CONVERSION_PATH_SALES",
    "COORDINATES",
    "CUSTOMER_ORDER",
    "EVENTS",
    "EVENT_BODY",
    "FACTS",
    "FEED",
    "FEED_DAY",
    "FIRST_SEEN",
    "FUNNEL_BREAKDOWN",
    "FUNNEL_CURVE",
    "FUNNEL_ENTRY",
    "FUNNEL_STEP",
    "FUNNEL_TIME_TO_CONVERT",
    "FUNNEL_TREND",
    "GAPS",
    "GROUP",
    "GROUP_DAY",
    "GROUP_ENGAGEMENT",
    "GROUP_HEALTH",
    "GROUP_HOUR",
    "GROUP_NETWORK",
    "GROUP_RISK",
    "GROUP_SALES",
    "GROUP_SALES_DAY",
    "GROUP_STATE",
    "GROUP_STATES",
    "HEADERS",
    "IDENTITY",
    "IDENTITY_CHANGE",
    "IDENTITY_RULING",
    "IGNORED",
    "INTERVENTION",
    "INTERVENTION_CASE",
    "INTERVENTION_EFFECT",
    "INTERVENTION_SALES",
    "ITEMS",
    "LIFECYCLE",
    "MATCHED_EVENT",
    "MEMBERS",
    "MEMBER_CHANGE",
    "MEMBER_STATE",
    "MESSAGE_SALES",
    "MONEY_SUM",
    "ORDERING_KEY",
    "ORDER_CREDIT",
    "ORDER_ITEM",
    "ORDER_REFUND",
    "PAYLOAD_CENSUS",
    "PERSON_DAY",
    "PERSON_PATH",
    "PERSON_VALUE",
    "QUARANTINE",
    "QUARANTINED_EVENT",
    "QUARANTINE_RULING",
    "RAW",
    "REBUILD",
    "REMOVED",
    "RETENTION",
    "REVENUE_COHORT",
    "RISK_MODEL",
    "SEGMENT_ACTIVITY",
    "SEGMENT_RETENTION",
    "SEGMENT_SALES",
    "SEQUENCE_RANGE",
    "SPEND_DAY",
    "SPEND_RETURN",
    "STAFF_ACT",
    "STAFF_DAY",
    "SUPPRESSION",
    "TABLES",
    "TOUCHED",
    "UTC_TIME",
    "LakeTable",
    "Source",
]

TABLES: Final[dict[str, LakeTable]] = {
    table.name: table
    for table in (
        QUARANTINE_RULING, IDENTITY_RULING, REBUILD, SUPPRESSION,
        RAW, FEED, GAPS, EVENTS, QUARANTINE, IGNORED, SEQUENCE_RANGE, CONTROL_TOTAL, PAYLOAD_CENSUS,
        QUARANTINED_EVENT, TOUCHED,
        IDENTITY, IDENTITY_CHANGE,
        MEMBER_CHANGE,
        PERSON_DAY, FIRST_SEEN, RETENTION, LIFECYCLE, MEMBER_STATE, GROUP_ENGAGEMENT,
        GROUP, SEGMENT_ACTIVITY, SEGMENT_RETENTION, GROUP_DAY, GROUP_HOUR, STAFF_DAY, GROUP_NETWORK, FEED_DAY,
        STAFF_ACT, INTERVENTION, GROUP_HEALTH, GROUP_STATE,
        RISK_MODEL, GROUP_RISK, INTERVENTION_CASE, INTERVENTION_EFFECT,
        FUNNEL_ENTRY, MATCHED_EVENT, FUNNEL_STEP, FUNNEL_BREAKDOWN, FUNNEL_TIME_TO_CONVERT, FUNNEL_CURVE, FUNNEL_TREND,
        ORDER_CREDIT, ORDER_REFUND, ORDER_ITEM, CUSTOMER_ORDER, PERSON_VALUE, REVENUE_COHORT, PERSON_PATH,
        CONVERSION_PATH, CONVERSION_PATH_SALES, GROUP_SALES, GROUP_SALES_DAY, SPEND_DAY, SPEND_RETURN, MESSAGE_SALES,
        SEGMENT_SALES, INTERVENTION_SALES, CONTACT,
    )
}  # fmt: skip

FACTS: Final[tuple[LakeTable, ...]] = tuple(table for table in TABLES.values() if table.is_fact)
"""Tables computed from `events` and from each other that record their input versions, in refresh order."""
