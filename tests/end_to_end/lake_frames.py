"""What metrics are computed of, as frames from the lake: without the warehouse, its views of rows, and its SQL."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.publish.warehouse import Warehouse
from schemas import lake as facts
from schemas import views, warehouse

ZONE: Final = "Asia/Shanghai"


def frames(lake: Lake, published: Warehouse) -> dict[str, pl.DataFrame]:
    """The rows of each dataset with its dimensions; of what the lake knows nothing about, those of PostgreSQL."""

    def rows(table: facts.LakeTable) -> pl.DataFrame:
        return lake.open(table).scan().collect()

    group = rows(facts.GROUP).select("group_id", pl.col("name").alias("group_name"), "carrier", "purpose")

    def of_group(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(group, on="group_id", how="left")

    nowhere = pl.DataFrame({"group_id": "unattributed", "group_name": "unattributed", "carrier": "unknown"})
    group_or_none = pl.concat([group, nowhere], how="diagonal")

    def of_group_or_none(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(group_or_none, on="group_id", how="left")

    # An entry's group is that of the event that matched its first step.
    matches = (
        rows(facts.FUNNEL_ENTRY)
        .with_columns(step_number=pl.int_ranges(1, pl.col("matches").list.len() + 1))
        .explode("matches", "step_number", empty_as_null=True)
        .unnest("matches")
    )
    entries = (
        matches.filter(pl.col("step_number") == 1)
        .group_by("funnel", "person_id", "entry", "entered_at", "steps_reached", "is_mature")
        .agg(pl.col("group_id").first())
    )
    return {
        "lifecycle": rows(facts.LIFECYCLE),
        "retention": rows(facts.RETENTION),
        "segment_activity": rows(facts.SEGMENT_ACTIVITY),
        "segment_retention": rows(facts.SEGMENT_RETENTION),
        "member_state": of_group(rows(facts.MEMBER_STATE)),
        "group_day": with_calendar(of_group(rows(facts.GROUP_DAY)), pl.col("day")),
        "group_hour": of_group(rows(facts.GROUP_HOUR).with_columns(weekday=pl.col("day").dt.weekday())),
        "group_state": of_group(rows(facts.GROUP_STATE)),
        "group_risk": with_calendar(of_group(published.read(warehouse.group_risk)), pl.col("day")),
        "intervention": with_calendar(of_group(rows(facts.INTERVENTION)), pl.col("day")),
        "funnel_step": rows(facts.FUNNEL_STEP),
        "funnel_breakdown": rows(facts.FUNNEL_BREAKDOWN),
        "funnel_trend": rows(facts.FUNNEL_TREND),
        "funnel_time_to_convert": rows(facts.FUNNEL_TIME_TO_CONVERT),
        "funnel_curve": rows(facts.FUNNEL_CURVE),
        "funnel_entry": with_calendar(of_group(entries), local("entered_at")),
        "funnel_match": with_calendar(of_group(matches), local("time")),
        "order_credit": with_calendar(of_group(rows(facts.ORDER_CREDIT)), local("paid_at")),
        "order_refund": with_calendar(rows(facts.ORDER_REFUND), local("refunded_at")),
        "customer_order": with_calendar(
            rows(facts.CUSTOMER_ORDER).with_columns(is_repeat=pl.col("order_number") > 1), local("paid_at")
        ),
        "order_item": with_calendar(rows(facts.ORDER_ITEM), pl.col("day")),
        "revenue_cohort": rows(facts.REVENUE_COHORT),
        "conversion_path": rows(facts.CONVERSION_PATH),
        "conversion_path_sales": rows(facts.CONVERSION_PATH_SALES),
        "person_value": rows(facts.PERSON_VALUE),
        "exclusion": with_calendar(
            rows(facts.PAYLOAD_CENSUS)
            .filter(pl.col("subject").is_in(["ignored", "quarantined"]))
            .drop("kind")
            .rename({"subject": "kind", "name": "reason"}),
            pl.col("day"),
        ),
        "excluded_account": of_group(
            rows(facts.STAFF_DAY)
            .group_by("group_id", "account_id", reason="role")
            .agg(since=pl.col("day").min(), messages=pl.col("messages").sum())
        ),
        "group_network": of_group(rows(facts.GROUP_NETWORK)),
        "spend_day": with_calendar(of_group_or_none(rows(facts.SPEND_DAY)), pl.col("day")),
        "spend_return": with_calendar(of_group_or_none(rows(facts.SPEND_RETURN)), pl.col("day")),
        "publication": with_calendar(published.read(warehouse.publication), local("published_at")),
        "restatement": published.read(warehouse.restatement),
        "alert": with_calendar(
            published.read(views.alert).join(group.drop("purpose"), on="group_id", how="left"), local("opened_at")
        ),
    }


def local(time: str) -> pl.Expr:
    return pl.col(time).dt.convert_time_zone(ZONE).dt.date()


def with_calendar(frame: pl.DataFrame, day: pl.Expr) -> pl.DataFrame:
    week, month = day.dt.truncate("1w"), day.dt.truncate("1mo")
    return frame.with_columns(day=day, week=week, month=month, weekday=day.dt.weekday().cast(pl.Int32))
