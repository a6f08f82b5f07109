"""What became of groups after an alert, and how good the rules are by that: precision and lead time."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.alerts.rules import GROUP_DEAD, GROUP_DECLINING, GROUP_DYING, GROUP_SILENT

_OUTCOMES: Final = {"alive": "recovered", "revived": "recovered", "dead": "died", "ended": "ended"}
_FORETELLING: Final = (GROUP_DECLINING, GROUP_DYING, GROUP_SILENT)

RECORD: Final = pl.Schema(
    {
        "rule": pl.String(),
        "fired": pl.Int64(),
        "died": pl.Int64(),
        "recovered": pl.Int64(),
        "ended": pl.Int64(),
        "unknown": pl.Int64(),
        "precision": pl.Float64(),
        "median_lead_days": pl.Float64(),
    }
)
"""The record of a rule that foretells death. `unknown`: what became of the group is not known yet. `precision`: died /
(died + recovered). `median_lead_days`: from the day it fired to the day from which the group was dead."""


def outcomes(alerts: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """Find the first end that a group came to after what it was told for: it recovered, died or ended.

    Args:
        alerts: `alert_id`, `rule`, `subject`, `since`.
        spells: `group_id`, `state` and `since` of `schemas.warehouse.group_state`.

    Returns:
        `alert_id`, `outcome`, `outcome_day`: of those alerts whose outcome is known.
    """
    ends = spells.select(
        pl.col("group_id").alias("subject"),
        pl.col("state").replace_strict(_OUTCOMES, default=None, return_dtype=pl.String).alias("outcome"),
        pl.col("since").alias("outcome_day"),
    ).drop_nulls("outcome")
    return (
        alerts.join(ends, on="subject")
        .filter(pl.col("outcome_day") > pl.col("since"))
        # That a dead group is dead is no outcome.
        .filter((pl.col("rule") != GROUP_DEAD) | (pl.col("outcome") != "died"))
        .sort("alert_id", "outcome_day")
        .unique("alert_id", keep="first", maintain_order=True)
        .select("alert_id", "outcome", "outcome_day")
    )


def track_record(alerts: pl.DataFrame) -> pl.DataFrame:
    """Count what became of groups by the rule that told of them.

    Args:
        alerts: `rule`, `opened_day` (of the business zone), `outcome`, `outcome_day`.

    Returns:
        `RECORD`, by rule.
    """
    outcome, died = pl.col("outcome"), pl.col("outcome") == "died"
    decided = pl.col("died") + pl.col("recovered")
    lead = (pl.col("outcome_day") - pl.col("opened_day")).dt.total_days()
    return (
        alerts.filter(pl.col("rule").is_in(_FORETELLING))
        .group_by("rule")
        .agg(
            fired=pl.len().cast(pl.Int64),
            **{name: (outcome == name).sum().cast(pl.Int64) for name in ("died", "recovered", "ended")},
            unknown=outcome.is_null().sum().cast(pl.Int64),
            median_lead_days=lead.filter(died).median(),
        )
        .with_columns(precision=pl.when(decided > 0).then(pl.col("died") / decided))
        .select(RECORD.names())
        .sort("rule")
    )
