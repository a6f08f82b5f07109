"""The warehouse: SQLAlchemy tables of the schema `mart`, the only thing BI tools read.

A star schema of facts and the dimensions of `schemas.dimensions`; persons appear as pseudonyms only. Amounts are in
minor units of the currency beside them, and again in units of it; column names carry units. Rows of an incomplete day,
period or entry are flagged, and their open cells are null. A column without a comment here means what `schemas.columns`
says of its name.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from schemas.columns import comment_all
from schemas.dimensions import dim_carrier, dim_currency, dim_date, dim_group, dim_item, dim_person, dim_purpose
from schemas.mart_columns import MART, STAGING, metadata
from schemas.warehouse.engagement import (
    group_engagement,
    lifecycle,
    member_state,
    retention,
    segment_activity,
    segment_retention,
)
from schemas.warehouse.funnels import (
    funnel_breakdown,
    funnel_curve,
    funnel_entry,
    funnel_match,
    funnel_step,
    funnel_time_to_convert,
    funnel_trend,
)
from schemas.warehouse.groups import contact, group_day, group_hour, group_network, group_risk, group_state
from schemas.warehouse.interventions import intervention, intervention_effect, intervention_sales
from schemas.warehouse.orders import customer_order, order_credit, order_item, order_refund
from schemas.warehouse.paths import conversion_path, conversion_path_sales
from schemas.warehouse.publications import excluded_account, exclusion, publication, restatement
from schemas.warehouse.sales import (
    group_sales,
    group_sales_day,
    message_sales,
    person_value,
    revenue_cohort,
    segment_sales,
    spend_day,
    spend_return,
)

__all__ = [
    "DATA_TABLES",
    "MART",
    "STAGING",
    "contact",
    "conversion_path",
    "conversion_path_sales",
    "customer_order",
    "dim_carrier",
    "dim_currency",
    "dim_date",
    "dim_group",
    "dim_item",
    "dim_person",
    "dim_purpose",
    "excluded_account",
    "exclusion",
    "funnel_breakdown",
    "funnel_curve",
    "funnel_entry",
    "funnel_match",
    "funnel_step",
    "funnel_time_to_convert",
    "funnel_trend",
    "group_day",
    "group_engagement",
    "group_hour",
    "group_network",
    "group_risk",
    "group_sales",
    "group_sales_day",
    "group_state",
    "intervention",
    "intervention_effect",
    "intervention_sales",
    "lifecycle",
    "member_state",
    "message_sales",
    "metadata",
    "order_credit",
    "order_item",
    "order_refund",
    "person_value",
    "publication",
    "restatement",
    "retention",
    "revenue_cohort",
    "segment_activity",
    "segment_retention",
    "segment_sales",
    "spend_day",
    "spend_return",
]

comment_all(metadata)

DATA_TABLES: Final[tuple[sa.Table, ...]] = tuple(
    table for table in metadata.sorted_tables if table not in (publication, restatement)
)
"""The tables that a run stages, checks and publishes."""
