"""How complete the data is, which final figures changed, and which alerts there are."""

from __future__ import annotations

from typing import Final

from schemas import views, warehouse
from schemas.dataset import Dataset
from schemas.metric import Less, Metric, Most, Ratio, Rows, Sum

_PUBLICATION: Final = Dataset(warehouse.publication, "warehouse", by=("zone", "is_synthetic"), day="published_at")
_RESTATEMENT: Final = Dataset(
    warehouse.restatement,
    "warehouse",
    by=("version", "table_name", "figure", "period", "rules_changed", "code_changed"),
    start="period",
)
_EXCLUSION: Final = Dataset(warehouse.exclusion, "warehouse", by=("topic", "kind", "reason"), day="day")
_ALERT: Final = Dataset(
    views.alert,
    "groups",
    by=("rule", "severity", "subject", "group_id", "purpose", "state", "outcome", "verdict"),
    day="opened_at",
)
_OPEN: Final = "resolved_at IS NULL"

METRICS: Final = (
    Metric("versions", _PUBLICATION, Rows(), "versions of the warehouse that were published", "versions"),
    Metric("newest_complete_day", _PUBLICATION, Most("complete_through"), "last complete day of any version", "day",
           "day"),
    Metric("rows_published", _PUBLICATION, Sum(("rows_changed",)), "rows deleted, updated and inserted by versions",
           "rows"),
    Metric("restated_figures", _RESTATEMENT, Rows(), "figures of complete periods that a later version changed",
           "figures"),
    Metric("excluded_records", _EXCLUSION, Sum(("records",)), "Kafka records of the newest 60 days that are not events",
           "records"),
    Metric("alerts", _ALERT, Rows(), "alerts that fired", "alerts"),
    Metric("open_alerts", _ALERT, Rows(_OPEN), "alerts that are not resolved", "alerts"),
    Metric("unacknowledged_alerts", _ALERT, Less(Rows(_OPEN), Rows(f"{_OPEN} AND acknowledged_at IS NOT NULL")),
           "open alerts that nobody acknowledged", "alerts"),
    Metric("alerts_come_true", _ALERT, Ratio(Rows("outcome = 'died'"), Rows("outcome IS NOT NULL")),
           "share of alerts on groups, their outcome known, whose group died", "share, 0 to 1", "percent"),
    Metric("alerts_useful", _ALERT, Ratio(Rows("verdict = 'useful'"), Rows("verdict IS NOT NULL")),
           "share of alerts with a verdict that were useful", "share, 0 to 1", "percent"),
)  # fmt: skip
