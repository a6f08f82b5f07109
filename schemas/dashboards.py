"""The five dashboards for BI tools: funnel, retention, groups, sales, data health."""

from __future__ import annotations

from typing import Final

from schemas.attribution import UNATTRIBUTED
from schemas.dashboard import Chart, Dashboard

_MONTHLY: Final = {"unit": "month"}
_WEEKLY: Final = {"unit": "week"}
_CREDITED_TO_NONE: Final = {"purpose": "none"}
_AFTER_ENTRY: Final = {"step_number": 2}
"""All entries reach the first step. Charts of the same steps give them the same colors."""
_COMPANY_DAILY: Final = {"breakdown": "company", "segment": "company", "unit": "day"}

_STATE: Final = Chart(
    "State of the data", "table", ("newest_complete_day", "versions"), ("is_synthetic", "zone"), width=12, height=18
)
"""At the top of each page, so that nobody takes simulated or old figures for current ones."""

FUNNEL: Final = Dashboard(
    "Funnel",
    "emberline-funnel",
    "How many get from step to step of a funnel, how long it takes them, and where they come from.",
    (
        (_STATE,),
        (
            Chart("Entries by step", "funnel", ("funnel_reached",), ("step_number", "step"), width=5, height=50),
            Chart(
                "Steps",
                "table",
                ("funnel_reached", "funnel_conversion", "funnel_step_conversion", "time_to_convert"),
                ("step_number", "step"),
                width=7,
                height=50,
            ),
        ),
        (
            Chart(
                "Conversion by month of entry",
                "lines",
                ("trend_conversion",),
                ("start", "step_number", "step"),
                _MONTHLY,
                12,
                least=_AFTER_ENTRY,
                dates="month",
            ),
        ),
        (
            Chart(
                "Share that has reached a step after so many days",
                "lines",
                ("conversion_curve",),
                ("seconds", "step_number", "step"),
                least=_AFTER_ENTRY,
            ),
            Chart("Entries by purpose of the group", "bars", ("entries",), ("purpose",)),
        ),
        (
            Chart(
                "What persons clicked, viewed and put into the cart before an order, and without one",
                "table",
                ("orders_by_path", "paths_without_order", "path_conversion", "time_to_order"),
                ("path",),
                width=12,
            ),
        ),
    ),
    ("funnel",),
)

RETENTION: Final = Dashboard(
    "Retention",
    "emberline-retention",
    "Who stays active, who comes back, and who is lost.",
    (
        (_STATE,),
        (
            Chart("New persons a week", "bars", ("new_persons",), ("start",), _WEEKLY),
            Chart("Persons active a week", "lines", ("active_persons",), ("start",), _WEEKLY),
        ),
        (
            Chart(
                "Persons active on a day, in 7 and in 28 days",
                "lines",
                ("segment_persons", "weekly_actives", "monthly_actives"),
                ("start",),
                _COMPANY_DAILY,
            ),
            Chart(
                "Share of the persons of 28 days who are active on a day",
                "lines",
                ("stickiness",),
                ("start",),
                _COMPANY_DAILY,
            ),
        ),
        (
            Chart(
                "Share of a month's cohort that is active so many months later",
                "heatmap",
                ("retention",),
                ("period", "cohort"),
                _MONTHLY,
                12,
                60,
                dates="month",
            ),
        ),
        (
            Chart(
                "Where a week's active persons come from",
                "bars",
                ("new_persons", "returning_persons", "resurrecting_persons", "dormant_persons"),
                ("start",),
                _WEEKLY,
                8,
            ),
            Chart("Members of groups by state", "table", ("memberships", "consistent_share"), ("state",), width=4),
        ),
    ),
)

GROUPS: Final = Dashboard(
    "Groups",
    "emberline-groups",
    "Which groups are alive, which are in danger, and what happens in them.",
    (
        (_STATE,),
        (
            Chart("Groups", "number", ("groups",), width=3, height=22),
            Chart("Groups in danger", "number", ("groups_in_danger",), width=3, height=22),
            Chart("Groups by state", "bars", ("groups",), ("state",), width=6, height=22),
        ),
        (
            Chart(
                "Highest risk of death within 28 days, by day",
                "lines",
                ("highest_risk_28", "median_risk_28"),
                ("day",),
                width=12,
            ),
        ),
        (
            Chart("Messages a week by purpose", "stacked_bars", ("messages_sent",), ("week", "purpose")),
            Chart("Groups with activity a week", "lines", ("active_groups",), ("week",)),
        ),
        (
            Chart(
                "Messages by hour and day of the week",
                "heatmap",
                ("messages_by_hour",),
                ("hour", "weekday"),
                width=12,
            ),
        ),
        (
            Chart(
                "How evenly replies tie members, and how many are outside of the largest part: median of groups",
                "lines",
                ("median_decentralisation", "median_fragmentation"),
                ("month",),
                width=12,
                dates="month",
            ),
        ),
        (
            Chart(
                "What happened in each group",
                "table",
                ("messages_sent", "speaker_days", "replies_sent", "joins", "leaves", "staff_share"),
                ("group_name", "carrier", "purpose"),
                width=12,
                height=60,
            ),
        ),
    ),
)

SALES: Final = Dashboard(
    "Sales",
    "emberline-sales",
    "What was sold, and how much of it is credited to messages of groups.",
    (
        (_STATE,),
        (
            Chart("Net sales", "number", ("net_sales",), width=3, height=22),
            Chart("Paid orders", "number", ("paid_orders",), width=3, height=22),
            Chart("Share credited to groups", "number", ("credited_share",), width=3, height=22),
            Chart("Share refunded", "number", ("refund_share",), width=3, height=22),
        ),
        (
            Chart("Net sales a week", "lines", ("net_sales", "credited_sales"), ("week",)),
            Chart(
                "Net sales a month by purpose of the group",
                "stacked_bars",
                ("net_sales",),
                ("month", "purpose"),
                nulls=_CREDITED_TO_NONE,
                dates="month",
            ),
        ),
        (
            Chart(
                "Net sales for each buyer of a month, so many months later",
                "heatmap",
                ("cohort_sales_per_buyer",),
                ("period", "cohort"),
                width=12,
                height=60,
                dates="month",
            ),
        ),
        (
            Chart(
                "Sales by group",
                "table",
                ("paid_orders", "buyers", "net_sales", "refund_share"),
                ("group_name", "purpose"),
                width=8,
                height=60,
                nulls={"group_name": UNATTRIBUTED} | _CREDITED_TO_NONE,
            ),
            Chart(
                "Buyers by frequency of their orders",
                "bars",
                ("valued_buyers",),
                ("frequency_score",),
                width=4,
                height=60,
            ),
        ),
        (
            Chart(
                "Return on spend by group",
                "table",
                ("spend_on_groups", "sales_from_spend", "return_on_spend"),
                ("group_name", "purpose"),
                width=8,
                nulls=_CREDITED_TO_NONE,
            ),
            Chart(
                "Spend a month by campaign", "stacked_bars", ("spend",), ("month", "campaign"), width=4, dates="month"
            ),
        ),
    ),
    ("model", "currency"),
)

DATA_HEALTH: Final = Dashboard(
    "Data health",
    "emberline-data-health",
    "How fresh and complete the data is, and which final figures changed later.",
    (
        (_STATE,),
        (
            Chart("Figures that changed after they were final", "number", ("restated_figures",), width=4),
            Chart("Rows published a day", "bars", ("rows_published",), ("day",), width=8),
        ),
        (
            Chart(
                "Which figures changed after they were final",
                "table",
                ("restated_figures",),
                ("table_name", "figure", "period"),
                width=12,
            ),
        ),
        (
            Chart(
                "Alerts by rule, and how good they were",
                "table",
                ("alerts", "open_alerts", "alerts_come_true", "alerts_useful"),
                ("rule", "severity"),
                width=12,
            ),
        ),
        (
            Chart(
                "Records that are not events, and why",
                "table",
                ("excluded_records",),
                ("topic", "kind", "reason"),
                width=12,
            ),
        ),
        (
            Chart(
                "Accounts that count in no figure of members: they work for the company",
                "table",
                ("excluded_accounts", "excluded_messages"),
                ("group_name", "reason", "since"),
                width=12,
            ),
        ),
    ),
)

DASHBOARDS: Final = (FUNNEL, RETENTION, GROUPS, SALES, DATA_HEALTH)
