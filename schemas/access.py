"""Which tables a tenant may read. A tenant is a login that sees some of the company's groups.

A table is open if each row is computed from the events of one group or from what is credited to it: a tenant reads the
rows of its own groups. A table is closed if it counts the whole company, follows a person across groups, or has texts
that may name any group. A table without a decision is closed, and a test fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from schemas import operations, views, warehouse
from schemas.operations import tenant_group

TENANT: Final = "tenant"
"""The schema of the views that tenants read; they may enter no other one."""

TENANTS: Final = "emberline_tenant"
"""The role that every tenant is a member of; rights and policies are granted to it alone."""

_GRANTED: Final = (
    f"ANY (ARRAY(SELECT g.group_id FROM {tenant_group.fullname} AS g WHERE g.tenant = current_user::text))"
)
_OWN: Final = f"group_id = {_GRANTED}"


@dataclass(frozen=True)
class Access:
    """What tenants read of a table.

    Attributes:
        rows: SQL condition that a row must meet; None: the table is closed.
        why: Why it is closed, or not filtered by group.
        columns: The columns they read; empty: all.
        is_shown: Whether there is a view of it in `TENANT`.
    """

    rows: str | None
    why: str = ""
    columns: tuple[str, ...] = ()
    is_shown: bool = True


def _closed(why: str) -> Access:
    return Access(None, why, is_shown=False)


_BY_GROUP: Final = Access(_OWN)
_TOTAL: Final = _closed("counts the whole company")
_WHOLE_ORDERS: Final = _closed("has amounts of whole orders, of which other groups may be credited a share")
_THROUGH_GROUPS: Final = _closed("follows persons through all groups")

_OF_MART: Final[dict[str, Access]] = {
    "dim_group": _BY_GROUP,
    "dim_currency": Access(
        f"currency = ANY (ARRAY(SELECT s.currency FROM {warehouse.group_sales.fullname} AS s))",
        "the currencies that a tenant's own groups sold in",
    ),
    "dim_date": Access("true", "the calendar"),
    "dim_carrier": Access(
        f"carrier = ANY (ARRAY(SELECT g.carrier FROM {warehouse.dim_group.fullname} AS g))",
        "the platforms that a tenant's own groups live on",
    ),
    "dim_purpose": Access(
        f"purpose = ANY (ARRAY(SELECT g.purpose FROM {warehouse.dim_group.fullname} AS g))",
        "the purposes of a tenant's own groups",
    ),
    "dim_person": _THROUGH_GROUPS,
    "dim_item": _closed("every product that the company sold"),
    "group_day": _BY_GROUP,
    "group_hour": _BY_GROUP,
    "group_network": _BY_GROUP,
    "group_state": _BY_GROUP,
    "group_risk": _BY_GROUP,
    "contact": _BY_GROUP,
    "intervention": _BY_GROUP,
    "intervention_effect": _TOTAL,
    "intervention_sales": _TOTAL,
    "retention": _TOTAL,
    "lifecycle": _TOTAL,
    "member_state": _BY_GROUP,
    "group_engagement": _BY_GROUP,
    "funnel_step": _TOTAL,
    "funnel_entry": _THROUGH_GROUPS,
    "funnel_match": _THROUGH_GROUPS,
    "funnel_breakdown": _TOTAL,
    "funnel_time_to_convert": _TOTAL,
    "funnel_curve": _TOTAL,
    "funnel_trend": _TOTAL,
    "order_credit": _BY_GROUP,
    "customer_order": _WHOLE_ORDERS,
    "order_item": _WHOLE_ORDERS,
    "order_refund": _WHOLE_ORDERS,
    "group_sales": _BY_GROUP,
    "group_sales_day": _BY_GROUP,
    "message_sales": _BY_GROUP,
    "spend_day": _BY_GROUP,
    "spend_return": _BY_GROUP,
    "conversion_path": _TOTAL,
    "conversion_path_sales": _TOTAL,
    "segment_sales": _TOTAL,
    "segment_activity": _TOTAL,
    "segment_retention": _TOTAL,
    "revenue_cohort": _TOTAL,
    "exclusion": _closed("is about the pipeline"),
    "excluded_account": _BY_GROUP,
    "person_value": _THROUGH_GROUPS,
    "publication": Access(
        "true",
        "shows how fresh the data is; its counts are hidden",
        ("version", "published_at", "complete_through", "zone", "is_synthetic"),
    ),
    "restatement": _closed("its keys may name any group"),
}
_OF_OPS: Final[dict[str, Access]] = {
    "lake": _closed("is about the pipeline"),
    "published_table": _closed("is about the pipeline"),
    "alert": Access(
        f"starts_with(rule, '{views.GROUP_RULES}') AND subject = {_GRANTED}",
        "the alerts on a tenant's own groups; texts may name others and are not shown",
        (
            "alert_id",
            "rule",
            "subject",
            "severity",
            "since",
            "opened_at",
            "acknowledged_at",
            "resolved_at",
            "outcome",
            "outcome_day",
        ),
    ),
    "alert_action": _closed("notes may name any group"),
    "alert_notice": _closed("its texts may name any group"),
    "tenant_group": Access(
        "tenant = current_user::text",
        "policies read it with the rights of the reader",
        ("tenant", "group_id"),
        is_shown=False,
    ),
}

DECIDED: Final = {
    **{f"{warehouse.MART}.{name}": access for name, access in _OF_MART.items()},
    **{f"{operations.OPS}.{name}": access for name, access in _OF_OPS.items()},
}
"""The decision on each table, by its name with the schema."""


def access_of(table: sa.Table) -> Access:
    """What tenants read of a table of `mart` or `ops`."""
    return DECIDED.get(table.fullname, _closed("no decision was made"))
