"""Outcomes of groups after an alert, and the quality of rules by outcomes and by people's verdicts."""

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
        "useful": pl.Int64(),
        "noise": pl.Int64(),
        "useful_share": pl.Float64(),
    }
)
"""The track record of a rule. `unknown`: groups without an outcome yet. `precision`: died / (died + recovered).
`median_lead_days`: days from the alert to the first day on which the group was dead. These are null for rules that do
not predict death. `useful_share`: useful / (useful + noise), by people's verdicts."""


def outcomes(alerts: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """Find the first outcome of each group after its alert began: it recovered, died or ended.

    Args:
        alerts: `alert_id`, `rule`, `subject`, `since`.
        spells: `group_id`, `state` and `since` of `schemas.warehouse.group_state`.

    Returns:
        `alert_id`, `outcome`, `outcome_day`, for alerts whose outcome is known.
    """
    ends = spells.select(
        pl.col("group_id").alias("subject"),
        pl.col("state").replace_strict(_OUTCOMES, default=None, return_dtype=pl.String).alias("outcome"),
        pl.col("since").alias("outcome_day"),
    ).drop_nulls("outcome")
    return (
        alerts.join(ends, on="subject")
        .filter(pl.col("outcome_day") > pl.col("since"))
        # An alert that a group is dead has no outcome `died`.
        .filter((pl.col("rule") != GROUP_DEAD) | (pl.col("outcome") != "died"))
        .sort("alert_id", "outcome_day")
        .unique("alert_id", keep="first", maintain_order=True)
        .select("alert_id", "outcome", "outcome_day")
    )


def track_record(alerts: pl.DataFrame) -> pl.DataFrame:
    """Count outcomes of groups and verdicts of people, by rule.

    Args:
        alerts: `rule`, `opened_day` (of the business zone), `outcome`, `outcome_day`, `verdict`.

    Returns:
        `RECORD`, by rule, for rules that predict death and rules with a verdict.
    """
    outcome, died, verdict = pl.col("outcome"), pl.col("outcome") == "died", pl.col("verdict")
    foretells = pl.col("rule").is_in(_FORETELLING)
    lead = (pl.col("outcome_day") - pl.col("opened_day")).dt.total_days()
    of_groups = {
        **{name: (outcome == name).sum().cast(pl.Int64) for name in ("died", "recovered", "ended")},
        "unknown": outcome.is_null().sum().cast(pl.Int64),
        "median_lead_days": lead.filter(died).median(),
    }
    return (
        alerts.group_by("rule")
        .agg(
            fired=pl.len().cast(pl.Int64),
            useful=(verdict == "useful").sum().cast(pl.Int64),
            noise=(verdict == "noise").sum().cast(pl.Int64),
            **of_groups,
        )
        .filter(foretells | (pl.col("useful") + pl.col("noise") > 0))
        .with_columns(pl.when(foretells).then(pl.col(name)) for name in of_groups)
        .with_columns(precision=_share("died", "recovered"), useful_share=_share("useful", "noise"))
        .select(RECORD.names())
        .sort("rule")
    )


def _share(of: str, other: str) -> pl.Expr:
    """Divide a count by the sum of both; null where both are 0 or null."""
    both = pl.col(of) + pl.col(other)
    return pl.when(both > 0).then(pl.col(of) / both)
