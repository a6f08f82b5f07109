"""Faults planted in the company's rows, one at a time, each with the expectation it breaks."""

from typing import NamedTuple

from schemas.attribution import MODELS
from schemas.disagreement import DISAGREEMENTS
from schemas.interventions import ACTIONS
from tests.pipelines.publish.company import (
    COMPANY,
    MONDAY,
    NOON,
    Row,
    cell,
    contact,
    credit,
    day,
    days_later,
    done,
    effect,
    engagement,
    entered,
    entry,
    in_segment,
    item,
    match,
    order,
    person,
    point,
    risk,
    sales,
    sold_after,
    spell,
    state,
    step,
    time_bin,
    unit,
    value,
)


class Planted(NamedTuple):
    """Rows in place of the company's in one table, the expectation they break, how many do, a key, and whose it is."""

    table: str
    rows: list[Row]
    expectation: str
    unexpected_rows: int
    example: Row
    owner: str = ""

    @property
    def suite(self) -> str:
        """The table whose suite holds the expectation."""
        return self.owner or _OWNERS.get(self.expectation, self.table)


def without_last(name: str, *rows: Row) -> list[Row]:
    return [*COMPANY[name][:-1], *rows]


def also(name: str, *rows: Row) -> list[Row]:
    return [*COMPANY[name], *rows]


QQ9 = {"group_id": "qq:9"}
NOWHERE = {"group_id": "unattributed"}
CNY = {"currency": "CNY"}
EUR = {"currency": "EUR"}
P1 = {"person_id": "p1"}
NO_DAY = {"day": days_later(9)}
CUP = {"product_id": "cup"}
O9 = item("o9", 1, "tea")
QQ1 = {"segment": "qq:1"}
OF_QQ1 = COMPANY["segment_activity"][2]
O2 = COMPANY["customer_order"][1]
PLANTED = [
    Planted("dim_group", also("dim_group", QQ9 | {"carrier": "wecom"}), "carrier is the prefix of group_id", 1, QQ9),
    Planted(
        "dim_group",
        also("dim_group", {"group_id": "9", "carrier": "9"}),
        "group_id matches ^[a-z0-9_.-]+:.+|^unattributed$",
        1,
        {"group_id": "9"},
    ),
    Planted("dim_group", also("dim_group", QQ9), "carrier is never null", 1, QQ9),
    Planted("dim_group", also("dim_group", COMPANY["dim_group"][0]), "group_id is unique", 2, {"group_id": "qq:1"}),
    Planted(
        "group_day",
        also("group_day", day("qq:1", MONDAY, 3)),
        "(group_id, day) is unique",
        2,
        {"group_id": "qq:1", "day": MONDAY},
    ),
    Planted(
        "group_day",
        also("group_day", day("qq:1", days_later(4), -1)),
        "messages is at least 0",
        1,
        {"group_id": "qq:1", "day": days_later(4)},
    ),
    Planted(
        "group_day",
        also("group_day", day("qq:1", days_later(4), 1) | {"speakers": 3}),
        "speakers are no more than active_members",
        1,
        {"day": days_later(4)},
    ),
    Planted("group_day", also("group_day", day("qq:9", MONDAY, 3)), "group_id is one of dim_group", 1, QQ9),
    Planted(
        "group_state",
        without_last("group_state", spell("qq:2", MONDAY, None, "sleepy")),
        "state is one of unborn, alive, declining, dying, dead, revived, ended",
        1,
        {"group_id": "qq:2"},
    ),
    Planted(
        "group_state",
        without_last(
            "group_state", spell("qq:2", MONDAY, days_later(3), "unborn"), spell("qq:2", days_later(2), None, "alive")
        ),
        "a group's spells neither overlap nor leave a gap",
        1,
        {"since": MONDAY},
    ),
    Planted(
        "group_state",
        without_last(
            "group_state", spell("qq:2", MONDAY, days_later(1), "unborn"), spell("qq:2", days_later(2), None, "alive")
        ),
        "a group's spells neither overlap nor leave a gap",
        1,
        {"since": MONDAY},
    ),
    Planted(
        "group_state",
        without_last("group_state", spell("qq:2", MONDAY, days_later(2), "unborn")),
        "a group has exactly one current spell",
        1,
        {"group_id": "qq:2"},
    ),
    Planted(
        "group_state",
        without_last("group_state", spell("qq:2", MONDAY, None, "unborn"), spell("qq:2", days_later(2), None, "alive")),
        "a group has exactly one current spell",
        1,
        {"group_id": "qq:2"},
    ),
    Planted(
        "group_state",
        without_last("group_state", spell("qq:2", MONDAY, None, "unborn") | {"is_current": False}),
        "is_current marks the spell that is not over",
        1,
        {"group_id": "qq:2"},
    ),
    Planted(
        "group_state", also("group_state", spell("qq:9", MONDAY, None, "alive")), "group_id is one of dim_group", 1, QQ9
    ),
    Planted(
        "excluded_account",
        [COMPANY["excluded_account"][0] | {"since": days_later(1)}],
        "since is no later than last_on",
        1,
        {"account_id": "a1"},
    ),
    Planted(
        "excluded_account",
        [COMPANY["excluded_account"][0] | {"reason": "member"}],
        "reason is one of operator, bot",
        1,
        {"account_id": "a1"},
    ),
    Planted("excluded_account", [COMPANY["excluded_account"][0] | QQ9], "group_id is one of dim_group", 1, QQ9),
    Planted("group_network", [COMPANY["group_network"][0] | QQ9], "group_id is one of dim_group", 1, QQ9),
    *(
        Planted(
            "group_network",
            [COMPANY["group_network"][0] | wrong],
            "the largest part is no more than all, and there are no more pairs than persons make",
            1,
            {"group_id": "qq:1"},
        )
        for wrong in ({"largest": 5}, {"pairs": 7})
    ),
    Planted(
        "group_network",
        [COMPANY["group_network"][0] | {"decentralisation": 1.5}],
        "decentralisation is at least 0 and at most 1",
        1,
        {"group_id": "qq:1"},
    ),
    Planted(
        "conversion_path",
        without_last("conversion_path", COMPANY["conversion_path"][1] | {"orders": 2}),
        "there are as many orders in a month as in customer_order",
        1,
        {"orders_too_many": 1},
    ),
    *(
        Planted(
            "conversion_path",
            also("conversion_path", COMPANY["conversion_path"][0] | {"path": "view", "orders": 0} | wrong),
            "there is a path for every row",
            1,
            {"path": "view"},
        )
        for wrong in ({"lost": 0}, {"persons": 3})
    ),
    Planted(
        "conversion_path",
        without_last("conversion_path", COMPANY["conversion_path"][1] | {"lost": 1}),
        "there is a path for every row",
        1,
        {"path": "none"},
    ),
    Planted(
        "conversion_path_sales",
        without_last("conversion_path_sales", COMPANY["conversion_path_sales"][1] | {"orders": 2}),
        "orders sum to conversion_path",
        1,
        {"path": "none", "orders_too_many": 1},
    ),
    Planted(
        "conversion_path_sales",
        without_last("conversion_path_sales", COMPANY["conversion_path_sales"][1] | {"net_minor": 1}),
        "money of a month is that of customer_order",
        1,
        {"currency": "CNY", "net_minor_too_many": 1},
    ),
    Planted("spend_day", [COMPANY["spend_day"][0] | QQ9], "group_id is one of dim_group", 1, QQ9),
    Planted("spend_day", [COMPANY["spend_day"][0] | EUR], "currency is one of dim_currency", 1, EUR),
    Planted("spend_day", [COMPANY["spend_day"][0] | NO_DAY], "day is one of dim_date", 1, NO_DAY),
    Planted("spend_return", [COMPANY["spend_return"][0] | QQ9], "group_id is one of dim_group", 1, QQ9),
    Planted("spend_return", [COMPANY["spend_return"][0] | EUR], "currency is one of dim_currency", 1, EUR),
    Planted("spend_return", [COMPANY["spend_return"][0] | NO_DAY], "day is one of dim_date", 1, NO_DAY),
    Planted(
        "spend_return",
        [COMPANY["spend_return"][0] | {"net_minor": 401}],
        "net_minor is that of group_sales_day",
        1,
        {"group_id": "qq:1", "net_minor_too_many": 1},
    ),
    Planted(
        "spend_return",
        [COMPANY["spend_return"][0] | {"spend_minor": 99}],
        "each model has the money of spend_day",
        1,
        {"group_id": "qq:1", "spend_minor_too_many": -1},
    ),
    Planted(
        "group_risk",
        without_last("group_risk", risk("qq:1", days_later(2), 0.3, 0.2)),
        "a longer time is no smaller a risk",
        1,
        {"group_id": "qq:1", "day": days_later(2)},
    ),
    Planted(
        "group_risk",
        also("group_risk", risk("qq:2", days_later(2), 0.1, 0.2, "m2")),
        "the risks of a day come from one model",
        1,
        {"day": days_later(2)},
    ),
    Planted(
        "group_risk",
        without_last("group_risk", risk("qq:1", days_later(2), 0.3, 1.1)),
        "risk_56 is at least 0 and at most 1",
        1,
        {"day": days_later(2)},
    ),
    Planted("group_risk", also("group_risk", risk("qq:9", MONDAY, 0.1, 0.2)), "group_id is one of dim_group", 1, QQ9),
    Planted(
        "group_risk",
        also("group_risk", risk("qq:1", MONDAY, 0.1, 0.2) | {"disagreement": "a feeling"}),
        f"disagreement is one of {', '.join(DISAGREEMENTS)}",
        1,
        {"disagreement": "a feeling"},
    ),
    Planted("contact", also("contact", contact("qq:9", "p1")), "group_id is one of dim_group", 1, QQ9),
    Planted(
        "contact", also("contact", contact("qq:2", "p9")), "person_id is one of dim_person", 1, {"group_id": "qq:2"}
    ),
    Planted(
        "contact", also("contact", contact("qq:2", "p1", 10)), "nobody wrote more than all", 1, {"group_id": "qq:2"}
    ),
    Planted(
        "intervention",
        also("intervention", done("qq:2", MONDAY, "prayer")),
        f"action is one of {', '.join(ACTIONS)}",
        1,
        {"group_id": "qq:2"},
    ),
    Planted(
        "intervention",
        also("intervention", done("qq:2", MONDAY, origin="guessed")),
        "origin is one of noted, seen",
        1,
        {"group_id": "qq:2"},
    ),
    Planted(
        "intervention",
        also("intervention", done("qq:2", MONDAY, note="rang")),
        "what is seen has no note",
        1,
        {"group_id": "qq:2"},
    ),
    Planted(
        "intervention",
        also("intervention", done("qq:2", days_later(9))),
        "day is one of dim_date",
        1,
        {"group_id": "qq:2"},
    ),
    Planted("intervention", also("intervention", done("qq:9", MONDAY)), "group_id is one of dim_group", 1, QQ9),
    Planted(
        "intervention_effect",
        also("intervention_effect", effect("prayer", 4, 1, 0.1, 0.9, is_effect=True)),
        f"action is one of {', '.join(ACTIONS)}",
        1,
        {"action": "prayer"},
    ),
    Planted(
        "intervention_effect",
        also("intervention_effect", effect("offer", 4, 5, 0.1, 0.9, is_effect=True) | {"difference": 0.5}),
        "alive_again is no more than cases",
        1,
        {"action": "offer"},
    ),
    Planted(
        "intervention_effect",
        also("intervention_effect", effect("offer", 4, 1, 0.3, 0.9, is_effect=True)),
        "difference lies in its interval",
        1,
        {"action": "offer"},
    ),
    Planted(
        "intervention_effect",
        also("intervention_effect", effect("offer", 4, 1, -0.1, 0.9, is_effect=True)),
        "is_effect exactly where the interval leaves 0 out",
        1,
        {"action": "offer"},
    ),
    Planted(
        "intervention_sales",
        also("intervention_sales", sold_after("prayer", 100, 900, is_effect=True)),
        f"action is one of {', '.join(ACTIONS)}",
        1,
        {"action": "prayer"},
    ),
    Planted(
        "intervention_sales",
        also("intervention_sales", sold_after("event", 100, 900, is_effect=True) | {"model": "none"}),
        f"model is one of {', '.join(MODELS)}",
        1,
        {"action": "event"},
    ),
    Planted(
        "intervention_sales",
        also("intervention_sales", sold_after("event", 100, 900, is_effect=True, currency="EUR")),
        "currency is one of dim_currency",
        1,
        EUR,
    ),
    Planted(
        "intervention_sales",
        also("intervention_sales", sold_after("event", 100, 900, is_effect=True) | {"selling_cases": 3}),
        "selling_cases is no more than cases",
        1,
        {"action": "event"},
    ),
    Planted(
        "intervention_sales",
        also("intervention_sales", sold_after("event", 600, 900, is_effect=True)),
        "difference_minor lies in its interval",
        1,
        {"action": "event"},
    ),
    Planted(
        "intervention_sales",
        also("intervention_sales", sold_after("event", None, None, is_effect=True)),
        "is_effect exactly where the interval leaves 0 out",
        1,
        {"action": "event"},
    ),
    Planted(
        "retention",
        [cell(0, 3), cell(1, 4)],
        "active is no more than cohort_size",
        1,
        {"unit": "week", "cohort": MONDAY, "period": 1},
    ),
    Planted(
        "retention",
        [cell(0, 3), cell(1, 0) | {"is_complete": False}],
        "active is null exactly while the period is incomplete",
        1,
        {"period": 1},
    ),
    Planted("retention", [cell(0, 3) | {"unit": "day"}], "unit is one of week, month", 1, {"unit": "day"}),
    Planted(
        "lifecycle",
        without_last("lifecycle", unit(days_later(1), 2, 0, 2, 0)),
        "active follows from the period before",
        1,
        {"unit": "day", "start": days_later(1)},
    ),
    Planted(
        "lifecycle",
        without_last("lifecycle", unit(days_later(1), 2, 0, 1, 1)),
        "active is new, returning and resurrecting together",
        1,
        {"start": days_later(1)},
    ),
    Planted(
        "member_state",
        without_last("member_state", state("qq:1", "p2", "lurker")),
        "who lurks was never active, and everybody else was",
        1,
        {"person_id": "p2"},
    ),
    Planted(
        "member_state",
        without_last("member_state", state("qq:1", "p2", "asleep")),
        "state is one of active, newly_active, returned, paused, disengaged, lurker",
        1,
        {"person_id": "p2"},
    ),
    Planted(
        "member_state", also("member_state", state("qq:9", "p1", "active")), "group_id is one of dim_group", 1, QQ9
    ),
    Planted(
        "group_engagement",
        [engagement("qq:1", active=2, lurker=1)],
        "the states sum to the rows of member_state",
        1,
        {"group_id": "qq:1"},
    ),
    Planted(
        "person_value",
        without_last("person_value", value("p2", None, None)),
        "p_alive and expected_purchases are null exactly where unmodelled says why",
        1,
        {"person_id": "p2"},
    ),
    Planted(
        "person_value",
        without_last("person_value", value("p2", 1.5, None)),
        "p_alive is at least 0 and at most 1",
        1,
        {"person_id": "p2"},
    ),
    Planted("funnel_step", [step(1, 2), step(2, 3)], "reached never rises from step to step", 1, {"step_number": 2}),
    Planted(
        "funnel_step",
        [step(1, 2), step(2, 0)],
        "reached counts the mature rows of funnel_entry",
        1,
        {"funnel": "standard", "step_number": 2},
    ),
    Planted(
        "funnel_step",
        [step(1, 2), step(2, 1) | {"rate_overall": 1.5}],
        "rate_overall is at least 0 and at most 1",
        1,
        {"step_number": 2},
    ),
    Planted(
        "funnel_entry",
        [entry("p1", 3), entry("p2", 1)],
        "steps_reached is a step of the funnel",
        1,
        {"person_id": "p1", "entered_at": NOON},
    ),
    Planted(
        "funnel_match",
        without_last("funnel_match"),
        "an entry has a row of funnel_match for each step it reached",
        1,
        {"person_id": "p2"},
    ),
    Planted(
        "funnel_match",
        also("funnel_match", match("p3", 1)),
        "an entry has a row of funnel_match for each step it reached",
        1,
        {"person_id": "p3"},
    ),
    Planted(
        "funnel_breakdown",
        [in_segment("total", "total", 1, 2), in_segment("total", "total", 2, 2)],
        "the total equals funnel_step",
        1,
        {"by": "group_id", "step_number": 2},
    ),
    Planted(
        "funnel_breakdown",
        without_last("funnel_breakdown", in_segment("none", "none", 2, 2)),
        "an entry is in one segment, or by all_steps in one or more",
        1,
        {"touch": "first_step", "step_number": 2, "in_total": 1, "in_segments": 3},
    ),
    Planted(
        "funnel_breakdown",
        also(
            "funnel_breakdown",
            in_segment("total", "total", 1, 2, "all_steps"),
            in_segment("value", "a", 1, 1, "all_steps"),
        ),
        "an entry is in one segment, or by all_steps in one or more",
        1,
        {"touch": "all_steps", "step_number": 1},
    ),
    Planted(
        "funnel_breakdown",
        without_last("funnel_breakdown", in_segment("none", "none", 2, 2)),
        "reached never rises from step to step",
        1,
        {"segment": "none", "step_number": 2},
    ),
    Planted(
        "funnel_breakdown",
        also("funnel_breakdown", in_segment("sum", "sum", 1, 0)),
        "segment_kind is one of total, value, none, other",
        1,
        {"segment": "sum"},
    ),
    Planted(
        "funnel_time_to_convert",
        without_last("funnel_time_to_convert", time_bin(0, 2, "step_before")),
        "bins count the entries of funnel_step",
        1,
        {"step_number": 2, "since": "step_before"},
    ),
    Planted("funnel_curve", also("funnel_curve", point(120, 1, 0.4)), "conversion never falls", 1, {"seconds": 120}),
    Planted(
        "funnel_curve",
        also("funnel_curve", point(120, 2, 0.95)),
        "conversion is within its interval",
        1,
        {"seconds": 120},
    ),
    Planted(
        "funnel_trend",
        also("funnel_trend", entered("week", days_later(14), 2, 0, is_mature=True) | {"reached": None}),
        "reached is null exactly while the unit is not mature",
        1,
        {"start": days_later(14)},
    ),
    Planted(
        "funnel_trend",
        also("funnel_trend", entered("week", days_later(14), 2, 1, is_mature=False)),
        "periods count the entries of funnel_entry",
        1,
        {"unit": "week", "step_number": 2},
    ),
    Planted(
        "order_credit",
        without_last("order_credit", credit("o2", None, 200, 300, -100)),
        "net_minor of an order is paid less refunded, and not below 0",
        1,
        {"order_id": "o2"},
    ),
    Planted(
        "order_credit",
        also("order_credit", credit("o1", "qq:1", 500, 100, 400) | {"credit_id": "linear", "model": "linear"}),
        "every model credits the same money of an order",
        1,
        {"order_id": "o1"},
    ),
    Planted(
        "order_credit",
        without_last("order_credit", credit("o2", None, 200, 300, 0) | {"model": "by heart"}),
        "model is one of last_click, first_click, last_exposure, linear, position_based, time_decay",
        1,
        {"credit_id": "o2"},
    ),
    Planted(
        "order_credit",
        without_last("order_credit", credit("o2", "qq:9", 200, 300, 0)),
        "group_id is one of dim_group",
        1,
        {"credit_id": "o2"},
    ),
    Planted(
        "order_credit",
        without_last("order_credit", credit("o2", None, 200, 300, 0) | {"currency": "yuan"}),
        "currency matches ^[A-Z]{3}$",
        1,
        {"credit_id": "o2"},
    ),
    Planted(
        "order_credit",
        without_last("order_credit", credit("o2", None, 200, 300, 0) | {"currency": "EUR"}),
        "currency is one of dim_currency",
        1,
        {"credit_id": "o2"},
    ),
    Planted(
        "order_refund",
        without_last("order_refund"),
        "refunds of an order sum to its refunded_minor in order_credit",
        1,
        {"order_id": "o2", "refunded_minor": 120, "credited_minor": 300},
    ),
    # Another model without any money: no sum contradicts it.
    Planted(
        "group_sales",
        also("group_sales", sales("qq:1", 0, 0, 0) | {"model": "time_decay"}),
        "every model credits the same money of an order",
        2,
        {"order_id": "o1"},
        "order_credit",
    ),
    Planted(
        "group_sales",
        also("group_sales", sales("qq:1", 0, 0, 0) | {"model": "first_click"}),
        "refunds of an order sum to its refunded_minor in order_credit",
        2,
        {"credited_minor": 0},
        "order_refund",
    ),
    Planted(
        "funnel_entry",
        without_last("funnel_entry", entry("p2", 1) | {"group_id": "qq:9"}),
        "group_id is one of dim_group",
        1,
        {"person_id": "p2"},
    ),
    Planted(
        "funnel_match",
        without_last("funnel_match", match("p2", 1) | {"group_id": "qq:9"}),
        "group_id is one of dim_group",
        1,
        {"person_id": "p2"},
    ),
    Planted(
        "group_sales",
        without_last("group_sales", sales("unattributed", 201, 300, 0)),
        "money equals order_credit by model, group and currency",
        1,
        {"group_id": "unattributed"},
    ),
    Planted(
        "group_sales",
        without_last("group_sales"),
        "money equals order_credit by model, group and currency",
        1,
        {"group_id": "unattributed"},
    ),
    Planted(
        "message_sales",
        without_last("message_sales"),
        "money equals group_sales",
        1,
        {"group_id": "unattributed"},
    ),
    Planted(
        "dim_group", without_last("dim_group"), "group_id is one of dim_group", 1, {"group_id": "qq:2"}, "group_day"
    ),
    *(
        Planted("dim_currency", without_last("dim_currency"), "currency is one of dim_currency", rows, CNY, owner)
        for owner, rows in (
            ("order_credit", 2),
            ("order_refund", 3),
            ("customer_order", 2),
            ("order_item", 2),
            ("revenue_cohort", 2),
            ("conversion_path_sales", 2),
            ("group_sales", 2),
            ("message_sales", 2),
            ("segment_sales", 4),
            ("person_value", 2),
        )
    ),
    *(
        Planted("dim_person", without_last("dim_person"), "person_id is one of dim_person", rows, P1, owner)
        for owner, rows in (
            ("order_credit", 2),
            ("customer_order", 2),
            ("member_state", 1),
            ("funnel_entry", 1),
            ("funnel_match", 2),
            ("person_value", 1),
        )
    ),
    *(
        Planted("dim_group", COMPANY["dim_group"][::2], "group_id is one of dim_group", 1, NOWHERE, owner)
        for owner in ("group_sales", "group_sales_day", "message_sales")
    ),
    Planted("group_day", also("group_day", day("qq:1", days_later(9), 1)), "day is one of dim_date", 1, NO_DAY),
    *(
        Planted("dim_date", COMPANY["dim_date"][1:], "day is one of dim_date", 2, {"day": MONDAY}, owner)
        for owner in ("group_day", "customer_order", "group_sales_day")
    ),
    Planted(
        "dim_item", without_last("dim_item"), "product_id is one of dim_item", 1, {"product_id": "cup"}, "order_item"
    ),
    Planted(
        "order_item",
        without_last("order_item"),
        "an order has as many lines as its column lines says",
        1,
        {"order_id": "o1"},
    ),
    Planted(
        "order_item",
        also("order_item", item("o9", 1, "tea")),
        "an order has as many lines as its column lines says",
        1,
        {"order_id": "o9"},
    ),
    Planted(
        "customer_order",
        without_last("customer_order", order("o2", 3, 0, 200, 200, 300)),
        "the orders of a buyer are numbered from 1",
        1,
        P1,
    ),
    Planted(
        "customer_order",
        without_last("customer_order", O2 | {"is_repeat": False}),
        "is_repeat and order_number are null exactly where nobody knows who bought",
        1,
        {"order_id": "o2"},
    ),
    Planted(
        "customer_order",
        without_last("customer_order", O2 | {"net_minor": 1}),
        "net_minor is paid less refunded, and not below 0",
        1,
        {"order_id": "o2"},
    ),
    Planted(
        "customer_order",
        without_last("customer_order", O2 | {"discount_minor": 1}),
        "gross_minor less discount_minor is what was paid",
        1,
        {"order_id": "o2"},
    ),
    Planted(
        "customer_order",
        without_last("customer_order"),
        "each order is credited with what was paid",
        1,
        {"order_id": "o2"},
    ),
    Planted(
        "group_sales_day",
        without_last("group_sales_day"),
        "money of the days sums to group_sales",
        1,
        NOWHERE,
    ),
    Planted(
        "dim_carrier", without_last("dim_carrier"), "carrier is one of dim_carrier", 2, {"carrier": "qq"}, "dim_group"
    ),
    Planted(
        "dim_purpose",
        without_last("dim_purpose"),
        "purpose is one of dim_purpose",
        1,
        {"purpose": "sales"},
        "dim_group",
    ),
    Planted(
        "dim_person",
        without_last("dim_person", person("p1") | {"engagement": "keen"}),
        "engagement is one of active, newly_active, returned, paused, disengaged, lurker",
        1,
        P1,
    ),
    Planted(
        "funnel_step",
        without_last("funnel_step"),
        "steps_reached is a step of the funnel",
        1,
        {"person_id": "p1"},
        "funnel_entry",
    ),
    Planted(
        "order_credit",
        without_last("order_credit", credit("o2", None, 199, 300, 0)),
        "money equals order_credit by model, group and currency",
        1,
        {"group_id": "unattributed"},
        "group_sales",
    ),
    Planted(
        "member_state",
        without_last("member_state"),
        "the states sum to the rows of member_state",
        1,
        {"group_id": "qq:1"},
        "group_engagement",
    ),
    Planted(
        "funnel_entry",
        without_last("funnel_entry", entry("p2", 1) | {"is_mature": False}),
        "reached counts the mature rows of funnel_entry",
        1,
        {"step_number": 1},
        "funnel_step",
    ),
    Planted(
        "funnel_entry",
        without_last("funnel_entry"),
        "periods count the entries of funnel_entry",
        3,
        {"step_number": 1},
        "funnel_trend",
    ),
    Planted(
        "funnel_trend",
        COMPANY["funnel_trend"][2:],
        "periods count the entries of funnel_entry",
        2,
        {"unit": "day"},
    ),
    Planted(
        "group_sales",
        without_last("group_sales"),
        "money equals group_sales",
        1,
        {"group_id": "unattributed"},
        "message_sales",
    ),
    Planted(
        "segment_sales",
        without_last("segment_sales"),
        "money of each breakdown sums to group_sales",
        1,
        {"breakdown": "carrier"},
    ),
]

# Rules that stand in the suite of another table than the one in which the fault is planted.
_OWNERS = {"an entry has a row of funnel_match for each step it reached": "funnel_entry"}
