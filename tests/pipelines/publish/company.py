"""A company small enough to read, whose warehouse rows meet every expectation."""

import datetime as dt
import threading
from collections.abc import Mapping
from typing import Any

import polars as pl
import sqlalchemy as sa

from pipelines.publish.errors import PublishError
from pipelines.publish.guard import Guard
from pipelines.publish.lateness import LATENESS
from pipelines.publish.staging import State
from pipelines.publish.switch import Known, Late
from pipelines.publish.warehouse import Warehouse
from schemas.types import polars_type
from schemas.warehouse import DATA_TABLES, metadata

MONDAY = dt.date(2025, 3, 3)
NOON = dt.datetime(2025, 3, 3, 12, tzinfo=dt.UTC)

ZONE = "Asia/Shanghai"
NOTHING_LATE = Late(since=lambda _before: pl.DataFrame(schema=LATENESS), zone=ZONE)
UNGUARDED = Guard("a lake", is_accepted=True, needs_check=False)
"""Of tests that are about something else than what a publication may do."""

Row = dict[str, Any]


def known(events_batch: int, complete_through: dt.date | None = MONDAY, rules: int = 0, rebuilds: int = 0) -> Known:
    """What a version of this batch of events knows."""
    return Known(events_batch, events_batch, complete_through, ZONE, is_synthetic=True, rules=rules, rebuilds=rebuilds)


def table(name: str) -> sa.Table:
    return metadata.tables[f"mart.{name}"]


def frame(name: str, rows: list[Row]) -> pl.DataFrame:
    """Rows as a frame in the table's types; columns not named are null."""
    columns = table(name).columns
    filled = [{column.name: row.get(column.name) for column in columns} for row in rows]
    return pl.DataFrame(filled, schema={column.name: polars_type(column.type) for column in columns})


def day(group: str, date: dt.date, messages: int) -> Row:
    others = ("replies", "reactions", "joined", "left", "operator_messages", "bot_messages", "product_messages")
    speakers = {"speakers": 1, "active_members": 2, "messages": messages, "clicks": 1}
    return {"group_id": group, "day": date, **speakers, **dict.fromkeys(others, 0)}


def spell(group: str, since: dt.date, until: dt.date | None, state: str) -> Row:
    return {
        "group_id": group, "since": since, "until": until, "state": state, "is_current": until is None, "reason": "why"
    }  # fmt: skip


def risk(group: str, day: dt.date, risk_28: float, risk_56: float, model: str = "m1") -> Row:
    return {
        "group_id": group, "day": day, "risk_28": risk_28, "risk_56": risk_56, "drivers": "", "model": model,
        "may_alert": True, "score": "box", "model_share": 0.25,
    }  # fmt: skip


def cell(period: int, active: int | None) -> Row:
    return {
        "unit": "week", "cohort": MONDAY, "period": period, "cohort_size": 3, "active": active,
        "is_complete": active is not None,
    }  # fmt: skip


def unit(start: dt.date, active: int, new: int, returning: int, dormant: int) -> Row:
    return {
        "unit": "day", "start": start, "active": active, "new": new, "returning": returning, "resurrecting": 0,
        "dormant": dormant, "is_complete": True,
    }  # fmt: skip


def of_segment(breakdown: str, name: str, start: dt.date, active: int, new: int, returning: int, dormant: int) -> Row:
    return unit(start, active, new, returning, dormant) | {
        "breakdown": breakdown, "segment": name, "active_7d": active + dormant, "active_28d": active + dormant,
    }  # fmt: skip


def in_cohort(segment: str, period: int, active: int) -> Row:
    return {
        "breakdown": "group", "segment": segment, "cohort": MONDAY.replace(day=1), "period": period, "cohort_size": 3,
        "active": active,
    }  # fmt: skip


def state(group: str, person: str, name: str, first_active_day: dt.date | None = MONDAY) -> Row:
    flags = ("is_consistent", "is_vital", "is_still_active", "is_dropped", "is_about_to_disengage")
    windows = {"active_windows": 1, "connected_windows": 0, "first_active_day": first_active_day}
    return {
        "group_id": group,
        "person_id": person,
        "day": MONDAY,
        "state": name,
        **dict.fromkeys(flags, False),
        **windows,
    }


def engagement(group: str, **counts: int) -> Row:
    states = ("newly_active", "active", "returned", "paused", "disengaged", "lurker")
    flags = ("consistent", "vital", "still_active", "dropped", "about_to_disengage")
    return {"group_id": group, "day": MONDAY, **dict.fromkeys((*states, *flags), 0), **counts}


def value(person: str, p_alive: float | None, unmodelled: str | None) -> Row:
    scores = {"recency_score": 1, "frequency_score": 5, "monetary_score": 3}
    return {
        "person_id": person, "currency": "CNY", "day": MONDAY, "recency_days": 0, "orders": 1, "net_minor": 400,
        **scores, "p_alive": p_alive, "expected_purchases": p_alive, "unmodelled": unmodelled,
    }  # fmt: skip


def step(number: int, reached: int) -> Row:
    return {
        "funnel": "standard", "step_number": number, "step": f"step {number}", "reached": reached,
        "reached_immature": 0, "rate_overall": reached / 2,
    }  # fmt: skip


def entry(person: str, steps_reached: int) -> Row:
    return {
        "funnel": "standard", "person_id": person, "entry": 1, "entered_at": NOON, "steps_reached": steps_reached,
        "is_mature": True,
    }  # fmt: skip


def match(person: str, number: int) -> Row:
    return {
        "funnel": "standard", "person_id": person, "entry": 1, "entered_at": NOON, "step_number": number,
        "step": f"step {number}", "source": "simulator", "event_id": f"{person}-{number}", "time": NOON,
    }  # fmt: skip


def in_segment(kind: str, name: str, number: int, reached: int, touch: str = "first_step") -> Row:
    return step(number, reached) | {"by": "group_id", "touch": touch, "segment_kind": kind, "segment": name}


def time_bin(start: int, reached: int, since: str = "entry") -> Row:
    return {
        "funnel": "standard", "step_number": 2, "since": since, "from_seconds": start, "until_seconds": start + 60,
        "step": "step 2", "reached": reached,
    }  # fmt: skip


def point(seconds: int, converted: int, conversion: float) -> Row:
    return {
        "funnel": "standard", "step_number": 2, "seconds": seconds, "step": "step 2", "at_risk": 2,
        "converted": converted, "conversion": conversion, "conversion_low": 0.0, "conversion_high": 0.9,
    }  # fmt: skip


def entered(unit: str, start: dt.date, number: int, reached: int, *, is_mature: bool) -> Row:
    return {
        "funnel": "standard", "unit": unit, "start": start, "step_number": number, "step": f"step {number}",
        "reached_so_far": reached, "reached": reached if is_mature else None, "is_mature": is_mature,
    }  # fmt: skip


def credit(order: str, group: str | None, paid: int, refunded: int, net: int) -> Row:
    return {
        "credit_id": order, "model": "last_click", "shop": "shop", "order_id": order, "person_id": "p1",
        "group_id": group, "paid_at": NOON, "currency": "CNY", "paid_minor": paid, "refunded_minor": refunded,
        "net_minor": net,
    }  # fmt: skip


def refund(order: str, number: int, amount: int) -> Row:
    return {
        "shop": "shop", "event_id": f"{order} refund {number}", "order_id": order, "refunded_at": NOON,
        "currency": "CNY", "refunded_minor": amount,
    }  # fmt: skip


def order(name: str, number: int, lines: int, gross: int, paid: int, refunded: int) -> Row:
    return {
        "shop": "shop", "order_id": name, "person_id": "p1", "order_number": number, "is_repeat": number > 1,
        "paid_at": NOON, "day": MONDAY, "currency": "CNY", "lines": lines, "gross_minor": gross,
        "discount_minor": gross - paid, "paid_minor": paid, "refunded_minor": refunded,
        "net_minor": max(0, paid - refunded),
    }  # fmt: skip


def effect(action: str, cases: int, alive: int, low: float, high: float, *, is_effect: bool) -> Row:
    """What became of groups after an action, beside untreated ones of which none was alive again."""
    return {
        "action": action, "purpose": "", "cases": cases, "alive_again": alive, "untreated": 9, "untreated_share": 0.0,
        "difference": alive / cases, "difference_low": low, "difference_high": high, "is_effect": is_effect,
    }  # fmt: skip


def sold_after(action: str, low: int | None, high: int | None, *, is_effect: bool, currency: str = "CNY") -> Row:
    """What two cases sold after an action, beside untreated groups that sold nothing."""
    return {
        "action": action, "purpose": "", "model": "last_click", "currency": currency, "cases": 2, "selling_cases": 1,
        "untreated": 9, "net_minor": 500, "untreated_minor": 0, "difference_minor": 500, "difference_low_minor": low,
        "difference_high_minor": high, "is_effect": is_effect,
    }  # fmt: skip


def item(order: str, line: int, product: str) -> Row:
    return {"shop": "shop", "order_id": order, "line": line, "product_id": product, "currency": "CNY", "day": MONDAY}


def sales(group: str, paid: int, refunded: int, net: int) -> Row:
    return {
        "model": "last_click", "group_id": group, "currency": "CNY", "orders": 1, "buyers": 1, "paid_minor": paid,
        "refunded_minor": refunded, "net_minor": net,
    }  # fmt: skip


def message(group: str, message: str, paid: int, refunded: int, net: int) -> Row:
    return sales(group, paid, refunded, net) | {"message_id": message}


def path(name: str, persons: int, orders: int, lost: int, seconds: int) -> Row:
    return {
        "month": MONDAY.replace(day=1), "path": name, "touchpoints": int(name != "none"), "persons": persons,
        "orders": orders, "lost": lost, "open": 0, "seconds_to_order": seconds,
    }  # fmt: skip


def path_sales(name: str, paid: int, refunded: int, net: int) -> Row:
    return sales("", paid, refunded, net) | {"month": MONDAY.replace(day=1), "path": name}


def cohort_cell(period: int, buyers: int, paid: int) -> Row:
    return sales("", paid, 0, paid) | {
        "cohort": MONDAY.replace(day=1), "period": period, "cohort_size": 2, "buyers": buyers, "orders": buyers,
    }  # fmt: skip


def date(day: dt.date) -> Row:
    return {
        "day": day, "week": day, "month": day.replace(day=1), "quarter": day.replace(month=1, day=1), "year": day.year,
        "month_number": day.month, "iso_week": 10, "weekday": day.isoweekday(), "weekday_name": "a day",
        "is_weekend": False,
    }  # fmt: skip


def person(name: str, memberships: int = 0) -> Row:
    return {"person_id": name, "memberships": memberships, **dict.fromkeys(("is_consistent", "is_vital"), False),
            "is_buyer": name == "p1"}  # fmt: skip


def segment(breakdown: str, segment: str, paid: int, refunded: int, net: int) -> Row:
    return sales("", paid, refunded, net) | {"breakdown": breakdown, "segment": segment}


def contact(group: str, person: str, wrote: int = 3) -> Row:
    """Somebody to talk to, who wrote some of nine messages."""
    numbers = {"place": 1, "wrote": wrote, "of_messages": 9, "linked_pairs": 0, "orders": 0}
    return {"group_id": group, "person_id": person, "last_day": MONDAY, "why": "", **numbers}


def done(group: str, day: dt.date, action: str = "call", origin: str = "seen", note: str | None = None) -> Row:
    """What was done for a group on a day."""
    return {
        "group_id": group,
        "intervention_id": f"{action}/{day}",
        "at": NOON,
        "day": day,
        "action": action,
        "origin": origin,
        "note": note,
    }


def days_later(days: int) -> dt.date:
    return MONDAY + dt.timedelta(days=days)


COMPANY: dict[str, list[Row]] = {
    "dim_group": [
        {"group_id": "qq:1", "carrier": "qq", "operators": 1, "purpose": "sales"},
        {"group_id": "unattributed", "carrier": "unknown"},
        {"group_id": "qq:2", "carrier": "qq"},
    ],
    "dim_carrier": [{"carrier": name, "name": name} for name in ("unknown", "qq")],
    "dim_purpose": [{"purpose": name, "is_standard": name == "sales"} for name in ("unknown", "sales")],
    "dim_date": [date(days_later(number)) for number in range(3)],
    "dim_person": [person("unknown"), person("p2", 1), person("p1", 1)],
    "dim_currency": [{"currency": "CNY", "name": "Yuan Renminbi", "minor_digits": 2}],
    "group_day": [day("qq:1", MONDAY, 5), day("qq:1", days_later(1), 4), day("qq:2", MONDAY, 1)],
    "group_hour": [
        {
            "group_id": "qq:1",
            "month": MONDAY.replace(day=1),
            "weekday": 1,
            "hour": 9,
            "messages": 5,
            "reactions": 0,
            "staff_messages": 0,
        }
    ],
    "group_state": [
        spell("qq:1", MONDAY, days_later(1), "unborn"),
        spell("qq:1", days_later(1), None, "alive"),
        spell("qq:2", MONDAY, None, "unborn"),
    ],
    "group_risk": [risk("qq:1", days_later(1), 0.2, 0.4), risk("qq:1", days_later(2), 0.3, 0.3)],
    "contact": [contact("qq:1", "p1"), contact("qq:1", "p2")],
    "intervention_effect": [effect("call", 4, 2, 0.1, 0.9, is_effect=True)],
    "intervention_sales": [
        sold_after("call", 100, 900, is_effect=True),
        sold_after("offer", None, None, is_effect=False),
    ],
    "intervention": [done("qq:1", MONDAY), done("qq:1", days_later(1), origin="noted", note="rang")],
    "retention": [cell(0, 3), cell(1, 2), cell(2, None)],
    "lifecycle": [unit(MONDAY, 3, 3, 0, 0), unit(days_later(1), 2, 0, 2, 1)],
    "segment_activity": [
        of_segment("company", "company", MONDAY, 3, 3, 0, 0),
        of_segment("company", "company", days_later(1), 2, 0, 2, 1),
        of_segment("group", "qq:1", MONDAY, 2, 2, 0, 0),
    ],
    "segment_retention": [in_cohort("qq:1", 0, 3), in_cohort("qq:1", 1, 2)],
    "member_state": [state("qq:1", "p1", "active"), state("qq:1", "p2", "lurker", None)],
    "group_engagement": [engagement("qq:1", active=1, lurker=1)],
    "funnel_step": [step(1, 2), step(2, 1)],
    "funnel_entry": [entry("p1", 2), entry("p2", 1)],
    "funnel_match": [match("p1", 1), match("p1", 2), match("p2", 1)],
    "funnel_breakdown": [
        in_segment("total", "total", 1, 2),
        in_segment("total", "total", 2, 1),
        in_segment("value", "qq:1", 1, 1),
        in_segment("value", "qq:1", 2, 1),
        in_segment("none", "none", 1, 1),
        in_segment("none", "none", 2, 0),
    ],
    "funnel_time_to_convert": [time_bin(0, 1), time_bin(60, 0), time_bin(0, 1, "step_before")],
    "funnel_curve": [point(0, 0, 0.0), point(60, 1, 0.5)],
    "funnel_trend": [
        *(entered(unit, MONDAY, *counts, is_mature=True) for unit in ("day", "month") for counts in ((1, 2), (2, 1))),
        entered("week", MONDAY, 1, 2, is_mature=True),
        entered("week", MONDAY, 2, 1, is_mature=True),
        entered("week", days_later(7), 1, 0, is_mature=False),
    ],
    "order_credit": [credit("o1", "qq:1", 500, 100, 400), credit("o2", None, 200, 300, 0)],
    "order_refund": [refund("o1", 1, 100), refund("o2", 1, 120), refund("o2", 2, 180)],
    "customer_order": [order("o1", 1, 2, 550, 500, 100), order("o2", 2, 0, 200, 200, 300)],
    "order_item": [item("o1", 1, "tea"), item("o1", 2, "cup")],
    "dim_item": [{"product_id": name} for name in ("unknown", "tea", "cup")],
    "group_sales_day": [
        row | {"day": MONDAY} for row in (sales("qq:1", 500, 100, 400), sales("unattributed", 200, 300, 0))
    ],
    "group_sales": [sales("qq:1", 500, 100, 400), sales("unattributed", 200, 300, 0)],
    "message_sales": [message("qq:1", "m", 500, 100, 400), message("unattributed", "unattributed", 200, 300, 0)],
    "group_network": [
        {
            "group_id": "qq:1",
            "month": MONDAY.replace(day=1),
            "persons": 4,
            "pairs": 2,
            "replies": 3,
            "largest": 3,
            "decentralisation": 0.5,
            "fragmentation": 0.25,
            "is_complete": False,
        }
    ],
    "conversion_path": [path("click sales", 2, 1, 1, 60), path("none", 1, 1, 0, 0)],
    "conversion_path_sales": [path_sales("click sales", 500, 100, 400), path_sales("none", 200, 300, 0)],
    "spend_day": [{"group_id": "qq:1", "campaign": "unknown", "day": MONDAY, "currency": "CNY", "spend_minor": 100}],
    "spend_return": [
        {
            "model": "last_click",
            "group_id": "qq:1",
            "day": MONDAY,
            "currency": "CNY",
            "spend_minor": 100,
            "net_minor": 400,
        }
    ],
    "excluded_account": [
        {"group_id": "qq:1", "account_id": "a1", "reason": "bot", "since": MONDAY, "last_on": MONDAY, "messages": 3}
    ],
    "exclusion": [{"day": MONDAY, "topic": "raw.qq", "kind": "ignored", "reason": "a sign of life", "records": 3}],
    "revenue_cohort": [cohort_cell(0, 1, 500), cohort_cell(1, 0, 0)],
    "segment_sales": [
        *(segment("purpose", *part) for part in (("sales", 500, 100, 400), ("unattributed", 200, 300, 0))),
        *(segment("carrier", *part) for part in (("qq", 500, 100, 400), ("unattributed", 200, 300, 0))),
    ],
    "person_value": [value("p1", 0.5, None), value("p2", None, "too few")],
}


def frames(**replaced: list[Row]) -> dict[str, pl.DataFrame]:
    """The company's frame of every table, some with other rows."""
    rows = COMPANY | replaced
    return {t.name: frame(t.name, rows[t.name]) for t in DATA_TABLES}


def load(warehouse: Warehouse, rows: Mapping[str, pl.DataFrame], state: State | None = None) -> None:
    """Stage tables over one connection: each of its own takes longer to open than to load the rows."""
    with warehouse.stage_many() as stage:
        for name, frame_of_table in rows.items():
            stage(table(name), frame_of_table, state)


def prepared_at_once(url: str) -> list[PublishError]:
    """Prepare a warehouse from four places at once; what failed."""
    failures: list[PublishError] = []

    def prepare() -> None:
        try:
            Warehouse(url).prepare()
        except PublishError as error:
            failures.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures
