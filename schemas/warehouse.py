"""The warehouse: SQLAlchemy tables of the schema `mart`, the only thing BI tools read.

A star schema of facts and the dimensions of `schemas.dimensions`; persons appear as pseudonyms only. Amounts are in
minor units of the currency beside them, and again in units of it; column names carry units. Rows of an incomplete day,
period or entry are flagged, and their open cells are null. A column without a comment here means what `schemas.columns`
says of its name.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from schemas.columns import ALWAYS, ANSWERS, COLUMNS, FINGERPRINT, MINOR, ORDINAL, SHARE, comment_all, says
from schemas.dimensions import dim_carrier, dim_currency, dim_date, dim_group, dim_item, dim_person, dim_purpose
from schemas.mart_columns import MART, ROLLING, STAGING, TIME, amount, count, metadata, money_sum, number, restated

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


_SOLD: Final = ("paid", "refunded", "net")
ORDER_AMOUNTS: Final = {
    name: COLUMNS[f"{name}_minor"].text for name in ("gross", "discount", "paid", "refunded", "net")
}


def _reached() -> tuple[sa.Column[Any], ...]:
    """Return the columns of counts, rates and times of a step."""
    return (
        number("reached", "mature entries that reached the step", "entries"),
        number("reached_immature", "entries whose window is not over yet", "entries"),
        sa.Column("rate_overall", sa.Double, **says("reached / entered, mature entries", SHARE)),
        sa.Column("rate_step", sa.Double, **says("reached / reached the step before, mature entries", SHARE)),
        *(
            sa.Column(
                f"{prefix}{measure}_seconds", sa.Double, **says(f"{since} to this step, mature entries", "seconds")
            )
            for prefix, since in (("", "from entry"), ("step_", "from the step before"))
            for measure in ("median", "mean", "p90")
        ),
    )


group_day = sa.Table(
    "group_day",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    count("speakers"),
    count("active_members"),
    count("messages"),
    count("replies"),
    count("reactions"),
    count("joined"),
    count("left"),
    count("operator_messages"),
    count("bot_messages"),
    count("product_messages"),
    count("clicks"),
    sa.Column("membership", sa.Text),
    sa.Index(None, "day"),
    comment="What happened in a group on a day with any event; operators and bots are counted separately.",
    info=restated(
        "speakers", "active_members", "messages", "replies", "reactions", "joined", "left", "operator_messages",
        "bot_messages", "product_messages", "clicks", bearing="in_group", start="day",
    ),
)  # fmt: skip

group_hour = sa.Table(
    "group_hour",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True, comment="first day of the month"),
    sa.Column("weekday", sa.Integer, primary_key=True, **says("day of the week, 1: Monday, 7: Sunday", ORDINAL)),
    sa.Column("hour", sa.Integer, primary_key=True),
    count("messages"),
    count("reactions"),
    count("staff_messages"),
    comment="Messages of a group by hour, day of the week and month.",
)

group_network = sa.Table(
    "group_network",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True, comment="first day of the month"),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("persons", "pairs")),
    sa.Column("replies", sa.Integer, nullable=False, **says(ANSWERS.text, ANSWERS.unit, ANSWERS.within)),
    sa.Column("largest", sa.Integer, nullable=False),
    sa.Column("decentralisation", sa.Double),
    sa.Column("fragmentation", sa.Double),
    sa.Column("is_complete", sa.Boolean, nullable=False),
    comment="Who answers whom among the members of a group in a month, measured as a network.",
)

group_state = sa.Table(
    "group_state",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("since", sa.Date, primary_key=True),
    sa.Column("until", sa.Date),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("is_current", sa.Boolean, nullable=False),
    sa.Column("last_active_day", sa.Date, comment="last day with member activity before the spell's end"),
    sa.Column("silent_days", sa.Integer, comment="complete days without member activity at the spell's end"),
    sa.Column("unmeasured_since", sa.Date),
    sa.Column("coverage", sa.Text),
    sa.Column("membership", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("speaker_days_7d", sa.Integer),
    sa.Column("speaker_days_usual", sa.Double),
    sa.Column("messages_7d", sa.Integer),
    sa.Column("messages_usual", sa.Double),
    sa.Column("replies_7d", sa.Integer),
    sa.Column("replies_usual", sa.Double),
    sa.Column("baseline_weeks", sa.Integer),
    sa.Column("operator_messages_7d", sa.Integer),
    sa.Column("messages_28d", sa.Integer),
    sa.Column("operator_share_28d", sa.Double),
    sa.Column("half_writers_28d", sa.Integer),
    sa.Column("half_writers_before", sa.Integer),
    sa.Column("joined_28d", sa.Integer),
    sa.Column("left_28d", sa.Integer),
    sa.Column("newly_active_28d", sa.Integer),
    comment="The life of a group as spells of days, with the components of each spell's first day.",
)

group_risk = sa.Table(
    "group_risk",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="the newest complete day when this was computed"),
    sa.Column("risk_28", sa.Double, nullable=False),
    sa.Column("risk_56", sa.Double, nullable=False),
    sa.Column("drivers", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False, comment="version of the model"),
    sa.Column("may_alert", sa.Boolean, nullable=False),
    sa.Column("score", sa.Text),
    sa.Column("model_share", sa.Double),
    sa.Column("disagreement", sa.Text),
    sa.Index(None, "day"),
    comment="How likely living groups were to die, as estimated on each day, and by which score.",
)

contact = sa.Table(
    "contact",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    count("wrote"),
    count("of_messages"),
    sa.Column("last_day", sa.Date, nullable=False),
    count("linked_pairs"),
    number("orders", "number of orders credited to the group that this person paid for", "orders"),
    sa.Column("why", sa.Text, nullable=False),
    comment="The members who matter most in a group that declines, is dying or dead: whom to talk to.",
    info=ROLLING,
)

intervention = sa.Table(
    "intervention",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("intervention_id", sa.Text, primary_key=True),
    sa.Column("at", TIME, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("by", sa.Text),
    sa.Column("note", sa.Text),
    sa.Index(None, "day"),
    comment="What the company did for a group: what somebody noted, and what the stream shows.",
)

intervention_effect = sa.Table(
    "intervention_effect",
    metadata,
    sa.Column("action", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True, comment="purpose of the groups; empty: of all purposes"),
    number("cases", "actions in groups in need that have comparable untreated groups", "cases", ("purpose",)),
    number("alive_again", "cases whose group was alive 28 days later", "cases", ("purpose",)),
    number("untreated", "untreated groups, each once a day, that cases are compared with", "days of groups"),
    sa.Column(
        "untreated_share",
        sa.Double,
        nullable=False,
        **says("share of comparable untreated groups that were alive 28 days later, weighted as cases are", SHARE),
    ),
    *(
        sa.Column(name, sa.Double, nullable=False, **says(text, "difference of shares, -1 to 1"))
        for name, text in (
            ("difference", "alive_again / cases, less untreated_share"),
            ("difference_low", "lower limit of its interval of 95 %"),
            ("difference_high", "upper limit of its interval of 95 %"),
        )
    ),
    sa.Column("is_effect", sa.Boolean, nullable=False, comment="whether the interval leaves 0 out"),
    comment="What became of groups in need within 28 days of an action, beside comparable untreated ones. A difference "
    "is no cause.",
)

_LIMITS: Final = ("difference_low", "difference_high")
_OF_ONE_MARKET: Final = ("purpose", "model", "currency")
_BESIDE: Final = {
    "net": "mean net sales of the groups of cases in the 28 days after, in minor units of the currency",
    "untreated": "mean net sales of comparable untreated groups in 28 days, in minor units of the currency",
    "difference": "net_minor less untreated_minor, in minor units of the currency",
    "difference_low": "lower limit of its interval of 95 %, in minor units of the currency; null: all sold the same",
    "difference_high": "upper limit of its interval of 95 %, in minor units of the currency; null: all sold the same",
}

intervention_sales = sa.Table(
    "intervention_sales",
    metadata,
    sa.Column("action", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True, comment="purpose of the groups; empty: of all purposes"),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    number("cases", "actions in groups in need whose sales of 28 days are known", "cases", _OF_ONE_MARKET),
    number("selling_cases", "cases whose group sold anything in these days", "cases", _OF_ONE_MARKET),
    number("untreated", "untreated groups, each once a day, that cases are compared with", "days of groups"),
    *(
        sa.Column(f"{name}_minor", sa.Numeric(38, 0), nullable=name in _LIMITS, **says(text, MINOR))
        for name, text in _BESIDE.items()
    ),
    *(amount(name) for name in _BESIDE),
    sa.Column("is_effect", sa.Boolean, nullable=False, comment="whether the interval leaves 0 out"),
    comment="What groups in need sold in the 28 days after an action, beside comparable untreated ones. A difference "
    "is no cause.",
)

retention = sa.Table(
    "retention",
    metadata,
    sa.Column("unit", sa.Text, primary_key=True, comment="week or month"),
    sa.Column("cohort", sa.Date, primary_key=True),
    sa.Column("period", sa.Integer, primary_key=True),
    count("cohort_size"),
    sa.Column(
        "active",
        sa.BigInteger,
        **says("persons active in the period; null while it is incomplete", "persons", ("unit", "period")),
    ),
    sa.Column("is_complete", sa.Boolean, nullable=False),
    comment="Cohorts by first-ever activity; active in exactly that calendar period (mode `on`).",
    info=restated("cohort_size", "active", bearing="activity", start="cohort", unit="unit", after="period"),
)

lifecycle = sa.Table(
    "lifecycle",
    metadata,
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("start", sa.Date, primary_key=True),
    count("active"),
    count("new"),
    count("returning"),
    count("resurrecting"),
    count("dormant"),
    sa.Column("is_complete", sa.Boolean, nullable=False),
    comment="Active persons per period by where they come from: active = active before - dormant + new + resurrecting.",
    info=restated(
        "active", "new", "returning", "resurrecting", "dormant", bearing="activity", start="start", unit="unit"
    ),
)

_SEGMENT: Final = ("breakdown", "segment")


def _segment() -> tuple[sa.Column[Any], ...]:
    """Return the columns that name a segment of the company."""
    return (
        sa.Column("breakdown", sa.Text, primary_key=True, comment="company, group, purpose or carrier"),
        sa.Column(
            "segment",
            sa.Text,
            primary_key=True,
            comment="company, or the id of a group, a purpose or a carrier; or unknown",
        ),
    )


segment_activity = sa.Table(
    "segment_activity",
    metadata,
    *_segment(),
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("start", sa.Date, primary_key=True),
    number("active", "persons active in the segment in the period", "persons"),
    number("new", "persons active in the segment for the first time ever", "persons", ("breakdown", "segment", "unit")),
    number("returning", "persons active in the period and in the one before", "persons"),
    number("resurrecting", "persons active in the period, not in the one before, but earlier", "persons"),
    number("dormant", "persons active in the previous period and not in this one", "persons"),
    *(
        sa.Column(
            f"active_{days}d",
            sa.BigInteger,
            **says(f"persons active in the {days} days that end with the day; null for weeks and months", "persons"),
        )
        for days in (7, 28)
    ),
    sa.Index("ix_segment_activity_start", "start"),
    comment="Active persons of the company, each group, purpose and carrier, in complete days, weeks and months.",
)

segment_retention = sa.Table(
    "segment_retention",
    metadata,
    *_segment(),
    sa.Column("cohort", sa.Date, primary_key=True, comment="month in which they were first active in the segment"),
    sa.Column("period", sa.Integer, primary_key=True, **says("months after the cohort's", "calendar units")),
    number("cohort_size", "persons first active in the segment in the month", "persons", (*_SEGMENT, "period")),
    number("active", "those of them active in the segment in the period", "persons", (*_SEGMENT, "period")),
    comment="Monthly cohorts of the company, each group, purpose and carrier; complete months only.",
)

member_state = sa.Table(
    "member_state",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, nullable=False, comment="the newest complete day; windows of 7 days are counted back"),
    sa.Column("state", sa.Text, nullable=False, comment="state of the member, by the newest windows with activity"),
    sa.Column("is_consistent", sa.Boolean, nullable=False),
    sa.Column("is_vital", sa.Boolean, nullable=False),
    sa.Column("is_still_active", sa.Boolean, nullable=False),
    sa.Column("is_dropped", sa.Boolean, nullable=False),
    sa.Column("is_about_to_disengage", sa.Boolean, nullable=False),
    sa.Column("active_windows", sa.Integer, nullable=False),
    sa.Column("connected_windows", sa.Integer, nullable=False),
    sa.Column("first_active_day", sa.Date),
    sa.Column("last_active_day", sa.Date),
    comment="How engaged each member is in each group on the newest complete day.",
)

group_engagement = sa.Table(
    "group_engagement",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="the newest complete day"),
    count("newly_active"),
    number("active", "active before, too, and not after two silent windows", "members of groups", ("day",)),
    count("returned"),
    count("paused"),
    count("disengaged"),
    count("lurker"),
    count("consistent"),
    count("vital"),
    count("still_active"),
    count("dropped"),
    count("about_to_disengage"),
    comment="The members of each group by state, counted from member_state.",
)

funnel_step = sa.Table(
    "funnel_step",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("step_number", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    *_reached(),
    comment="Summary of each funnel by step, counted from funnel_entry.",
)

funnel_entry = sa.Table(
    "funnel_entry",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True),
    sa.Column("entered_at", TIME, nullable=False),
    sa.Column(
        "group_id", sa.Text, comment="group of the event that matched the first step; null: the event names none"
    ),
    sa.Column("purpose", sa.Text, comment="latest known purpose of this group; null: unknown"),
    sa.Column("steps_reached", sa.SmallInteger, nullable=False),
    sa.Column("is_mature", sa.Boolean, nullable=False),
    comment="One row per entry: the drill-down of funnel_step.",
)

funnel_match = sa.Table(
    "funnel_match",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True),
    sa.Column("entered_at", TIME, nullable=False),
    sa.Column("step_number", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False, comment="CloudEvents source of the matched event"),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("time", TIME, nullable=False),
    sa.Column("group_id", sa.Text, comment="group of the matched event; null: the event names none"),
    sa.Column("purpose", sa.Text, comment="latest known purpose of this group; null: unknown"),
    comment="The event that matched each step an entry reached.",
)

funnel_breakdown = sa.Table(
    "funnel_breakdown",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("by", sa.Text, primary_key=True, comment="the property"),
    sa.Column("touch", sa.Text, primary_key=True, comment="the matched event whose value the entry gets"),
    sa.Column(
        "segment_kind",
        sa.Text,
        primary_key=True,
        comment="total; value; none: entries without a value; other: values without a segment of their own",
    ),
    sa.Column("segment", sa.Text, primary_key=True, comment="the value, or else the same as segment_kind"),
    sa.Column("step_number", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    *_reached(),
    comment="funnel_step by the value of a property; with touch all_steps an entry can be in several segments.",
)

funnel_time_to_convert = sa.Table(
    "funnel_time_to_convert",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("step_number", sa.Integer, primary_key=True, comment="number of the step, from 2"),
    sa.Column("since", sa.Text, primary_key=True, comment="entry or step_before"),
    sa.Column("from_seconds", sa.BigInteger, primary_key=True, **says("start of the bin", "seconds")),
    number(
        "until_seconds",
        "end of the bin, exclusive; inclusive in the last bin, which ends with the window",
        "seconds",
    ),
    sa.Column("step", sa.Text, nullable=False),
    number(
        "reached",
        "mature entries that reached the step within the time of the bin",
        "entries",
        ("funnel", "step_number", "since"),
    ),
    comment="How long it took to reach a step, as a histogram.",
)

funnel_curve = sa.Table(
    "funnel_curve",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("step_number", sa.Integer, primary_key=True, comment="number of the step, from 2"),
    sa.Column("seconds", sa.BigInteger, primary_key=True, **says("time since the entry", "seconds")),
    sa.Column("step", sa.Text, nullable=False),
    number("at_risk", "entries observed for so long that had not reached the step before", "entries"),
    number("converted", "entries that had reached the step by this time", "entries"),
    sa.Column(
        "conversion", sa.Double, nullable=False, **says("Kaplan-Meier estimate of the share that reaches it", SHARE)
    ),
    sa.Column("conversion_low", sa.Double, **says("start of its 95 % confidence interval; null: there is none", SHARE)),
    sa.Column("conversion_high", sa.Double, **says("end of its 95 % confidence interval; null: there is none", SHARE)),
    comment="Conversion by the time since entry; immature entries count for as long as they were observed.",
)

_BY_UNIT: Final = ("funnel", "unit", "step_number")
"""Columns that must be equal in rows of `funnel_trend` that are added up."""

funnel_trend = sa.Table(
    "funnel_trend",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("unit", sa.Text, primary_key=True, comment="day, week or month"),
    sa.Column("start", sa.Date, primary_key=True, comment="first day of the period in which they entered"),
    sa.Column("step_number", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    number("reached_so_far", "entries of the period that reached the step, mature or not", "entries", _BY_UNIT),
    sa.Column("reached", sa.BigInteger, **says("the same once the period is mature; null before", "entries", _BY_UNIT)),
    sa.Column("rate_overall", sa.Double, **says("reached / entered; null before the period is mature", SHARE)),
    sa.Column(
        "rate_step", sa.Double, **says("reached / reached the step before; null before the period is mature", SHARE)
    ),
    sa.Column("is_mature", sa.Boolean, nullable=False, comment="true once the windows of all its entries are over"),
    comment="Conversion by the day, week or month of the entry.",
)

order_credit = sa.Table(
    "order_credit",
    metadata,
    sa.Column("credit_id", sa.Text, primary_key=True, comment="model, shop, order, group and message in one key"),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("shop", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("person_id", sa.Text, comment="pseudonym; null: the account is a placeholder"),
    sa.Column("group_id", sa.Text, index=True, comment="null: unattributed"),
    sa.Column("message_id", sa.Text, comment="null: unattributed, or the message is unknown"),
    sa.Column("touched_at", TIME),
    sa.Column("paid_at", TIME, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    count("paid_minor"),
    count("refunded_minor"),
    count("net_minor"),
    *(amount(name, ("model", "currency")) for name in ("paid", "refunded", "net")),
    sa.Index("ix_order_credit_order", "shop", "order_id"),
    comment="Paid orders credited to messages of groups; over a model's rows of an order each amount sums to the "
    "order's.",
    # Refunded and net are no restated figures: a refund may come at any time and is not late.
    info=restated("paid_minor", bearing="sales", start="paid_at"),
)

order_refund = sa.Table(
    "order_refund",
    metadata,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True, comment="CloudEvents id of the refund, unique in its shop"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("refunded_at", TIME, nullable=False, index=True, comment="when the money was paid back, UTC"),
    sa.Column("currency", sa.Text, nullable=False),
    number("refunded_minor", "amount of this refund, in minor units of the currency", MINOR, ("currency",)),
    amount("refunded", ("currency",)),
    sa.Index("ix_order_refund_order", "shop", "order_id"),
    comment="Refunds of paid orders; the refunds of an order sum to its refunded_minor in any model of order_credit.",
)

customer_order = sa.Table(
    "customer_order",
    metadata,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column(
        "person_id",
        sa.Text,
        nullable=False,
        index=True,
        comment="pseudonym of the buyer; 'unknown' if the buyer is unknown",
    ),
    sa.Column("order_number", sa.Integer),
    sa.Column("is_repeat", sa.Boolean, comment="true: the buyer had paid for an order before; null: unknown buyer"),
    sa.Column("paid_at", TIME, nullable=False),
    sa.Column("day", sa.Date, nullable=False, index=True, comment="day of the payment, of the business zone"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("lines", sa.Integer, nullable=False),
    *(
        sa.Column(f"{name}_minor", sa.BigInteger, nullable=False, **says(text, MINOR, ("currency",)))
        for name, text in ORDER_AMOUNTS.items()
    ),
    *(amount(name, ("currency",)) for name in ORDER_AMOUNTS),
    sa.Column("first_refunded_at", TIME),
    sa.Column("days_to_refund", sa.Integer),
    comment="Paid orders: number among the buyer's orders, price, and what was refunded.",
)

order_item = sa.Table(
    "order_item",
    metadata,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False, index=True),
    sa.Column("quantity", sa.BigInteger),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("item_minor", sa.BigInteger),
    amount("item", ("currency",)),
    sa.Column("day", sa.Date, nullable=False, comment="day of the payment, of the business zone"),
    comment="Lines of paid orders.",
)


def _sold() -> tuple[sa.Column[Any], ...]:
    """Return the columns of sums of sales."""
    return (
        count("orders"),
        count("buyers"),
        *(money_sum(f"{name}_minor") for name in _SOLD),
        *(amount(name, ("model", "currency")) for name in _SOLD),
    )


group_sales = sa.Table(
    "group_sales",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed' is a row of its own"),
    sa.Column("currency", sa.Text, primary_key=True),
    *_sold(),
    comment="Sales credited to each group, by model and currency; orders and buyers do not add up over groups.",
)

group_sales_day = sa.Table(
    "group_sales_day",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed' is a row of its own"),
    sa.Column("day", sa.Date, primary_key=True, comment="day of the payment, of the business zone"),
    sa.Column("currency", sa.Text, primary_key=True),
    *_sold(),
    sa.Index(None, "day"),
    comment="Sales credited to each group on each day, by model and currency.",
)

spend_day = sa.Table(
    "spend_day",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed': spent on no single group"),
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    money_sum("spend_minor", **says("amount spent, in minor units of the currency", MINOR, ("currency",))),
    amount("spend", ("currency",)),
    comment="What the company spent on groups and campaigns, a row a group, campaign, day and currency.",
)

spend_return = sa.Table(
    "spend_return",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed': spent on no single group"),
    sa.Column("day", sa.Date, primary_key=True, comment="day of the cost, or of the payment"),
    sa.Column("currency", sa.Text, primary_key=True),
    *(
        money_sum(f"{name}_minor", **says(f"{text}, in minor units of the currency", MINOR, ("model", "currency")))
        for name, text in (
            ("spend", "amount spent, again for each model"),
            ("net", "amount paid less refunded that the group is credited with"),
        )
    ),
    *(amount(name, ("model", "currency")) for name in ("spend", "net")),
    sa.Index(None, "day"),
    comment="What was spent beside what was sold from groups, in currencies in which anything was spent.",
)

message_sales = sa.Table(
    "message_sales",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed' is a row of its own"),
    sa.Column("message_id", sa.Text, primary_key=True, comment="'unknown' if no event names the message"),
    sa.Column("currency", sa.Text, primary_key=True),
    *_sold(),
    comment="Sales credited to each message, by model and currency; sales of no group are in the row of message "
    "'unattributed'.",
)

segment_sales = sa.Table(
    "segment_sales",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("breakdown", sa.Text, primary_key=True, comment="purpose or carrier of the group"),
    sa.Column("segment", sa.Text, primary_key=True, comment="'unattributed' and 'unknown' are rows of their own"),
    sa.Column("currency", sa.Text, primary_key=True),
    count("orders"),
    count("buyers"),
    *(
        money_sum(name, **says(COLUMNS[name].text, MINOR, ("model", "breakdown", "currency")))
        for name in ("paid_minor", "refunded_minor", "net_minor")
    ),
    *(amount(name, ("model", "breakdown", "currency")) for name in ("paid", "refunded", "net")),
    comment="Sales credited to groups of each purpose and of each carrier; each breakdown sums to all sales.",
)

person_value = sa.Table(
    "person_value",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True, comment="ISO 4217; scores compare buyers in it"),
    sa.Column("day", sa.Date, nullable=False, comment="the newest complete day"),
    sa.Column("recency_days", sa.Integer, nullable=False),
    number("orders", "number of paid orders of the person", "orders", ALWAYS),
    money_sum(
        "net_minor",
        **says("amount paid less refunded, in minor units of the currency, at least 0", MINOR, ("currency",)),
    ),
    amount("net", ("currency",)),
    sa.Column("recency_score", sa.Integer, nullable=False),
    sa.Column("frequency_score", sa.Integer, nullable=False),
    sa.Column("monetary_score", sa.Integer, nullable=False),
    sa.Column("p_alive", sa.Double),
    sa.Column("expected_purchases", sa.Double),
    sa.Column("unmodelled", sa.Text),
    comment="Value of buyers on the newest complete day, by person and currency.",
)

_OF_COHORT: Final = ("period", "currency")

revenue_cohort = sa.Table(
    "revenue_cohort",
    metadata,
    sa.Column("cohort", sa.Date, primary_key=True, comment="month in which they paid for their first order"),
    sa.Column("period", sa.Integer, primary_key=True, **says("months after the cohort's", "calendar units")),
    sa.Column("currency", sa.Text, primary_key=True),
    number("cohort_size", "persons who paid for their first order then, in any currency", "persons", _OF_COHORT),
    number("buyers", "those of them who paid for an order in the period", "persons", _OF_COHORT),
    number("orders", "number of orders they paid for in the period", "orders", ALWAYS),
    *(
        money_sum(name, **says(COLUMNS[name].text, MINOR, ("currency",)))
        for name in ("paid_minor", "refunded_minor", "net_minor")
    ),
    *(amount(name, ("currency",)) for name in ("paid", "refunded", "net")),
    comment="What the buyers of each month paid in the months since; complete months only, including those without an "
    "order.",
)

_MONTH_OF_PATH: Final = "month in which it ended, with the payment or the last touchpoint; of the business zone"
_PATH: Final = (
    "touchpoints in order: click and the purpose of the group, view, cart; 'none': an order without any; 'longer': "
    "more than 5"
)

conversion_path = sa.Table(
    "conversion_path",
    metadata,
    sa.Column("month", sa.Date, primary_key=True, comment=_MONTH_OF_PATH),
    sa.Column("path", sa.Text, primary_key=True, comment=_PATH),
    sa.Column("touchpoints", sa.Integer, nullable=False, **says("touchpoints of the path; 6: more than 5", ORDINAL)),
    number("persons", "persons with such a path in the month", "persons"),
    number("orders", "paths that led to a paid order", "orders", ALWAYS),
    number("lost", "paths, one a person and week, that no order followed within look-back", "paths", ALWAYS),
    number("open", "paths without an order so far, which may still get one", "paths", ALWAYS),
    number("seconds_to_order", "sum of the times from the first touchpoint to the payment", "seconds", ALWAYS),
    comment="What persons clicked, viewed and put into the cart before an order, and without one, by month and path.",
)

conversion_path_sales = sa.Table(
    "conversion_path_sales",
    metadata,
    sa.Column("month", sa.Date, primary_key=True, comment=_MONTH_OF_PATH),
    sa.Column("path", sa.Text, primary_key=True, comment=_PATH),
    sa.Column("currency", sa.Text, primary_key=True),
    number("orders", "paths that led to a paid order", "orders", ALWAYS),
    *(
        money_sum(name, **says(COLUMNS[name].text, MINOR, ("currency",)))
        for name in ("paid_minor", "refunded_minor", "net_minor")
    ),
    *(amount(name, ("currency",)) for name in ("paid", "refunded", "net")),
    comment="What the orders of each path brought, by month, path and currency.",
)

exclusion = sa.Table(
    "exclusion",
    metadata,
    sa.Column("day", sa.Date, primary_key=True, comment="day of Kafka's time, UTC"),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column(
        "kind",
        sa.Text,
        primary_key=True,
        comment="ignored: contains no event; quarantined: not a valid event, needs attention",
    ),
    sa.Column("reason", sa.Text, primary_key=True, comment="why they are not events"),
    number("records", "Kafka records", "records", ALWAYS),
    comment="Records of the newest 60 days that are not events, and so in no other figure, with the reason.",
    info=ROLLING,
)

excluded_account = sa.Table(
    "excluded_account",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text, primary_key=True, comment="pseudonym of the account"),
    sa.Column("reason", sa.Text, primary_key=True, comment="operator or bot: it works for the company"),
    sa.Column("since", sa.Date, nullable=False, comment="first day on which it acted as such in the group"),
    sa.Column("last_on", sa.Date, nullable=False, comment="last day on which it did"),
    number("messages", "messages of it as such in the group, of every kind", "messages", ALWAYS),
    comment="Accounts whose messages and reactions count in no figure of members, in which group, why and since when.",
)

publication = sa.Table(
    "publication",
    metadata,
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("published_at", TIME, nullable=False),
    number("events_batch", "newest batch of events the version includes", ORDINAL),
    number("lake_state", "fingerprint of the facts it was computed from", FINGERPRINT),
    sa.Column("complete_through", sa.Date, comment="last complete day"),
    sa.Column("zone", sa.Text, nullable=False, comment="IANA name of the business zone, whose days all tables count"),
    sa.Column("is_synthetic", sa.Boolean, nullable=False, comment="true when any event is simulated"),
    number("rules", "fingerprint of the settings its facts were computed with", FINGERPRINT),
    number("rebuilds", "newest rebuild of a fact that changed its rows", ORDINAL),
    count("rows_changed"),
    comment="One row per published version; a reader sees exactly one version in all tables.",
)

restatement = sa.Table(
    "restatement",
    metadata,
    sa.Column("version", sa.BigInteger, primary_key=True, comment="the version that changed the figure"),
    sa.Column("table_name", sa.Text, primary_key=True, comment="the table of mart that holds it"),
    sa.Column("key", sa.Text, primary_key=True, comment="primary key of its row as JSON: key::jsonb ->> 'group_id'"),
    sa.Column("figure", sa.Text, primary_key=True, comment="the column"),
    sa.Column("period", sa.Date, nullable=False, index=True, **says("first day of the figure's period")),
    sa.Column(
        "before",
        sa.BigInteger,
        **says("published value, 0: no row; null: it had been withdrawn", "unit of the figure"),
    ),
    sa.Column(
        "after",
        sa.BigInteger,
        **says("new value, 0: no row; null: withdrawn because the period is open again", "unit of the figure"),
    ),
    number(
        "late_events",
        "events that arrived after their day was complete, or that people quarantined or restored later, and that can"
        " change the figure. In group_day: all events of the group on the day. In other tables: members' activity in"
        " all groups up to the end of the period; for order_credit also orders, clicks, product messages, joins and"
        " leaves",
        "events",
    ),
    number("merges", "reassigned accounts (their person changed) with events that can change the figure", "accounts"),
    sa.Column(
        "rules_changed", sa.Boolean, nullable=False, comment="true if the version was computed with other settings"
    ),
    sa.Column(
        "code_changed",
        sa.Boolean,
        nullable=False,
        comment="true if facts of the version were rebuilt by other code and their rows changed",
    ),
    comment="Published figures of complete periods that a later version changed, with the cause.",
)

comment_all(metadata)

DATA_TABLES: Final[tuple[sa.Table, ...]] = tuple(
    table for table in metadata.sorted_tables if table not in (publication, restatement)
)
"""The tables that a run stages, checks and publishes."""
