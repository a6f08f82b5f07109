"""Every metric as a Polars expression, written by hand: what its SQL is compared with."""

from __future__ import annotations

from typing import Final

import polars as pl


def total(*columns: str, where: pl.Expr | None = None) -> pl.Expr:
    """A sum; of one column without condition null where all values are."""
    if where is not None or len(columns) != 1:
        kept = [pl.col(column) if where is None else pl.col(column).filter(where) for column in columns]
        return pl.sum_horizontal(column.cast(pl.Float64).sum() for column in kept)
    column = pl.col(columns[0])
    return pl.when(column.count() > 0).then(column.cast(pl.Float64).sum())


def rows(where: pl.Expr | None = None) -> pl.Expr:
    return pl.len() if where is None else where.fill_null(value=False).sum()


def ratio(over: pl.Expr, under: pl.Expr) -> pl.Expr:
    return pl.when(under != 0).then(over / under)


def different(*columns: str) -> pl.Expr:
    return pl.struct(columns).filter(pl.all_horizontal(pl.col(columns).is_not_null())).n_unique()


ONE: Final = {
    name: pl.col(column).max()
    for name, column in {
        "active_persons": "active",
        "segment_persons": "active",
        "weekly_actives": "active_7d",
        "monthly_actives": "active_28d",
        "returning_persons": "returning",
        "resurrecting_persons": "resurrecting",
        "dormant_persons": "dormant",
        "funnel_reached": "reached",
        "funnel_conversion": "rate_overall",
        "funnel_step_conversion": "rate_step",
        "time_to_convert": "median_seconds",
        "segment_reached": "reached",
        "segment_conversion": "rate_overall",
        "trend_conversion": "rate_overall",
        "conversion_curve": "conversion",
        "highest_risk_28": "risk_28",
        "newest_complete_day": "complete_through",
    }.items()
}

SUMS: Final = {
    name: total(column)
    for name, column in {
        "new_persons": "new",
        "segment_new_persons": "new",
        "retained_persons": "active",
        "messages_sent": "messages",
        "messages_by_hour": "messages",
        "excluded_messages": "messages",
        "answers": "replies",
        "spend": "spend_minor",
        "spend_on_groups": "spend_minor",
        "sales_from_spend": "net_minor",
        "staff_messages_by_hour": "staff_messages",
        "replies_sent": "replies",
        "reactions_given": "reactions",
        "speaker_days": "speakers",
        "active_member_days": "active_members",
        "joins": "joined",
        "leaves": "left",
        "product_messages_sent": "product_messages",
        "links_clicked": "clicks",
        "trend_reached": "reached",
        "trend_reached_so_far": "reached_so_far",
        "converted_after": "reached",
        "gross_sales": "paid_minor",
        "refunded_sales": "refunded_minor",
        "net_sales": "net_minor",
        "money_back": "refunded_minor",
        "lifetime_sales": "net_minor",
        "rows_published": "rows_changed",
        "items_sold": "quantity",
        "item_sales": "item_minor",
        "cohort_sales": "net_minor",
        "orders_by_path": "orders",
        "paths_without_order": "lost",
        "sales_by_path": "net_minor",
        "excluded_records": "records",
    }.items()
}

COMPLETE: Final = pl.col("is_complete")
CURRENT: Final = pl.col("is_current")
IN_GROUP: Final = pl.col("group_id").is_not_null()
OPEN: Final = pl.col("resolved_at").is_null()
TOUCHED: Final = pl.col("path") != "none"
REPEAT: Final = pl.col("is_repeat")
STAFF: Final = total("operator_messages", "bot_messages")
ORDERS: Final = different("shop", "order_id")

POLARS: Final[dict[str, pl.Expr]] = {
    **ONE,
    **SUMS,
    "cohort_persons": total("cohort_size", where=COMPLETE),
    "retention": ratio(total("active"), total("cohort_size", where=COMPLETE)),
    "stickiness": ratio(pl.col("active").max(), pl.col("active_28d").max()),
    "segment_kept": ratio(total("active"), total("cohort_size")),
    "memberships": rows(),
    "interventions": rows(),
    "return_on_spend": ratio(total("net_minor"), total("spend_minor")),
    "members": different("person_id"),
    "excluded_accounts": different("account_id"),
    "consistent_share": ratio(rows(pl.col("is_consistent")), rows()),
    "lurker_share": ratio(rows(pl.col("state") == "lurker"), rows()),
    "active_groups": pl.col("group_id").filter(pl.col("active_members") > 0).n_unique(),
    "net_joins": total("joined") - total("left"),
    "staff_messages": STAFF,
    "staff_share": ratio(STAFF, total("messages", "operator_messages", "bot_messages")),
    "reply_share": ratio(total("replies"), total("messages")),
    "messages_per_speaker_day": ratio(total("messages"), total("speakers")),
    "groups": rows(CURRENT),
    "groups_in_danger": rows(CURRENT & pl.col("state").is_in(["declining", "dying"])),
    "longest_silence": pl.col("silent_days").filter(CURRENT).max(),
    "groups_with_risk": rows(),
    "median_risk_28": pl.col("risk_28").median(),
    "median_decentralisation": pl.col("decentralisation").median(),
    "median_fragmentation": pl.col("fragmentation").median(),
    "entries": rows(),
    "entering_persons": different("person_id"),
    "mature_share": ratio(rows(pl.col("is_mature")), rows()),
    "median_steps_reached": pl.col("steps_reached").median(),
    "steps_matched": rows(),
    "paid_orders": ORDERS,
    "buyers": different("person_id"),
    "credited_sales": total("net_minor", where=IN_GROUP),
    "credited_share": ratio(total("net_minor", where=IN_GROUP), total("net_minor")),
    "refund_share": ratio(total("refunded_minor"), total("paid_minor")),
    "net_sales_per_order": ratio(total("net_minor"), ORDERS),
    "refunds": rows(),
    "valued_buyers": rows(),
    "orders_per_buyer": ratio(total("orders"), rows()),
    "median_recency_days": pl.col("recency_days").median(),
    "median_p_alive": pl.col("p_alive").median(),
    "orders_placed_again": rows(REPEAT),
    "repeat_share": ratio(rows(REPEAT), rows(REPEAT.is_not_null())),
    "new_buyers": rows(pl.col("order_number") == 1),
    "average_order": ratio(total("paid_minor"), rows()),
    "discount_share": ratio(total("discount_minor"), total("gross_minor")),
    "median_days_to_refund": pl.col("days_to_refund").median(),
    "lines_sold": rows(),
    "cohort_sales_per_buyer": ratio(total("net_minor"), total("cohort_size")),
    "buyers_kept": ratio(total("buyers"), total("cohort_size")),
    "path_conversion": ratio(total("orders", where=TOUCHED), total("orders", "lost", where=TOUCHED)),
    "time_to_order": ratio(total("seconds_to_order"), total("orders", where=TOUCHED)),
    "versions": rows(),
    "restated_figures": rows(),
    "alerts": rows(),
    "open_alerts": rows(OPEN),
    "unacknowledged_alerts": rows(OPEN & pl.col("acknowledged_at").is_null()),
    "alerts_come_true": ratio(rows(pl.col("outcome") == "died"), rows(pl.col("outcome").is_not_null())),
    "alerts_useful": ratio(rows(pl.col("verdict") == "useful"), rows(pl.col("verdict").is_not_null())),
}
