"""Sources of each warehouse table: by default the lake table of its name, column by column."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from schemas.lake import (
    CUSTOMER_ORDER,
    FEED_DAY,
    FIRST_SEEN,
    FUNNEL_ENTRY,
    GROUP,
    GROUP_HOUR,
    INTERVENTION,
    MATCHED_EVENT,
    MEMBER_STATE,
    ORDER_CREDIT,
    ORDER_ITEM,
    PAYLOAD_CENSUS,
    PERSON_VALUE,
    SPEND_DAY,
    STAFF_DAY,
    TABLES,
    LakeTable,
)
from schemas.mart_columns import minor_of
from schemas.table import Lineage, copied, each

_OF_ENTRY: Final = copied(FUNNEL_ENTRY, "funnel", "person_id", "entry", "entered_at")
_GROUP_OF_MATCH: Final[Lineage] = {
    "group_id": FUNNEL_ENTRY.of("matches"),
    "purpose": FUNNEL_ENTRY.of("matches") + GROUP.of("purpose"),
}
_OTHERS: Final[dict[str, Lineage]] = {
    "dim_group": copied(GROUP, *GROUP.columns),
    "dim_carrier": each(("carrier", "name"), GROUP.of("carrier")),
    "dim_purpose": each(("purpose", "is_standard"), GROUP.of("purpose")),
    "dim_currency": each(("currency", "name", "minor_digits"), ORDER_CREDIT.of("currency"), SPEND_DAY.of("currency")),
    "dim_date": each(
        (
            "day", "week", "month", "quarter", "year", "month_number", "iso_week", "weekday", "weekday_name",
            "is_weekend",
        ),
        FEED_DAY.of("day") + INTERVENTION.of("day") + SPEND_DAY.of("day"),
    ),
    "exclusion": {
        **copied(PAYLOAD_CENSUS, "day", "topic", "records"),
        "kind": PAYLOAD_CENSUS.of("subject"),
        "reason": PAYLOAD_CENSUS.of("name", "subject"),
    },
    "excluded_account": {
        **copied(STAFF_DAY, "group_id", "account_id", "messages"),
        "reason": STAFF_DAY.of("role"),
        **each(("since", "last_on"), STAFF_DAY.of("day")),
    },
    "group_hour": {
        **copied(GROUP_HOUR, "group_id", "month", "hour", "messages", "reactions", "staff_messages"),
        "weekday": GROUP_HOUR.of("day"),
    },
    "dim_item": {
        "product_id": ORDER_ITEM.of("product_id") + MATCHED_EVENT.of("product_id"),
        **each(("first_sold_on", "last_sold_on"), ORDER_ITEM.of("product_id", "day")),
    },
    "customer_order": {
        **copied(CUSTOMER_ORDER, *(name for name in CUSTOMER_ORDER.columns if name != "month")),
        "is_repeat": CUSTOMER_ORDER.of("order_number"),
    },
    "dim_person": {
        "person_id": (
            *FIRST_SEEN.of("person_id"), *MEMBER_STATE.of("person_id"), *PERSON_VALUE.of("person_id"),
            *CUSTOMER_ORDER.of("person_id"), *FUNNEL_ENTRY.of("person_id"),
        ),
        "first_seen_on": FIRST_SEEN.of("first_day", "first_time"),
        "first_group_id": FIRST_SEEN.of("group_id", "first_time"),
        "last_active_on": MEMBER_STATE.of("last_active_day"),
        "memberships": MEMBER_STATE.of("group_id"),
        "engagement": MEMBER_STATE.of("state"),
        **copied(MEMBER_STATE, "is_consistent", "is_vital"),
        "is_buyer": CUSTOMER_ORDER.of("person_id"),
        **copied(PERSON_VALUE, "currency", "orders", "net_minor", "p_alive", "expected_purchases"),
    },
    "funnel_entry": {**_OF_ENTRY, **_GROUP_OF_MATCH, **copied(FUNNEL_ENTRY, "steps_reached", "is_mature")},
    "funnel_match": {
        **_OF_ENTRY,
        **each(("step_number", "step", "source", "event_id", "time"), FUNNEL_ENTRY.of("matches")),
        **_GROUP_OF_MATCH,
    },
    "order_credit": {
        "credit_id": ORDER_CREDIT.of(*ORDER_CREDIT.key),
        **copied(ORDER_CREDIT, *(name for name in ORDER_CREDIT.columns if name != "month")),
    },
}  # fmt: skip


def made_of(table: sa.Table) -> Lineage:
    """Return the lake columns that each column of a table of `schemas.warehouse.DATA_TABLES` comes from."""
    columns = [str(column.name) for column in table.columns]
    amounts = {name: minor for name in columns if (minor := minor_of(name)) is not None}
    found = _OTHERS.get(table.name) or copied(TABLES[str(table.name)], *(n for n in columns if n not in amounts))
    return {**found, **{name: (*found[minor], *found["currency"]) for name, minor in amounts.items()}}


def sources_of(table: sa.Table) -> tuple[LakeTable, ...]:
    """Return the lake tables of a warehouse table: first the one that gives its rows, then its look-up tables."""
    return tuple(dict.fromkeys(source.table for sources in made_of(table).values() for source in sources))
