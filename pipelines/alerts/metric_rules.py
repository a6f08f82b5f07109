"""The rules on metrics: whether one fell, is below a line, or a part's share of it shifted. Pure.

See docs/definitions.md#alerts-on-metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import polars as pl

from pipelines.groups.thresholds import LEAVES
from schemas.expectations import Severity
from schemas.metric import Metric, Ratio

Kind = Literal["fell_by", "below", "share_shifted"]
Per = Literal["company", "purpose", "group"]
Period = Literal["day", "week"]

METRIC: Final = "metric_"
"""How the names of these rules begin in the ledger."""

SERIES: Final = pl.Schema({"subject": pl.String(), "ago": pl.Int32(), "over": pl.Float64(), "under": pl.Float64()})
"""A metric by subject (null: rows of none) and period, `ago`: 0 the newest, 1 the comparable one before it. A ratio is
`over` / `under`; of another metric `under` is null. What has no row is 0."""

FROZEN: Final = pl.Schema({"subject": pl.String(), "was": pl.Float64(), "is_old": pl.Boolean()})
"""Subjects of open alerts: what they were compared with when they fired; whether all periods before are since then."""

JUDGED: Final = pl.Schema(
    {"subject": pl.String(), "holds": pl.Boolean(), "is_old": pl.Boolean(), "value": pl.Float64(),
     "base": pl.Float64(), "moved": pl.Float64()}
)  # fmt: skip
"""`holds`: null where it could not be measured. `value` and `base`: of the newest period and of those before, of shares
the part's; `moved`: the total over that of the periods before, less 1; null of other rules."""


@dataclass(frozen=True)
class MetricRule:
    """What is told of a metric.

    Attributes:
        name: Of the rule in the ledger, from `METRIC` on.
        metric: What is measured.
        kind: Which of the rules.
        line: From which fall on it fires, as a share of the mean before; below which value; beyond how great a shift of
            the share, 0 to 1.
        per: Whose values are judged, each alone.
        period: The length of a period.
        periods: How many comparable ones before it is compared with: weeks, or the same day of as many weeks.
        least: The volume a period has to have: the mean of the periods before; of a ratio, that of what it is divided
            by, and what it is divided by now.
        back: From which value on one that was below the line is back.
        stands: Within which share of itself the total stands while a share shifts.
        where: Values that dimensions are limited to.
        severity: Of its alerts.
    """

    name: str
    metric: Metric
    kind: Kind
    line: float
    per: Per = "company"
    period: Period = "week"
    periods: int = 4
    least: float = 20.0
    back: float = 0.0
    stands: float = 0.1
    where: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "warning"

    @property
    def parts(self) -> tuple[Metric, ...]:
        """The metric, or of a ratio the one that is divided and the one it is divided by."""
        match self.metric.aggregate:
            case Ratio(over, under):
                return tuple(
                    Metric(name, self.metric.dataset, one, "", "", within=self.metric.within)
                    for name, one in (("over", over), ("under", under))
                )
            case _:
                return (self.metric,)


def judge_metric(rule: MetricRule, series: pl.DataFrame, frozen: pl.DataFrame) -> pl.DataFrame:
    """Tell of which subjects a rule holds now.

    It begins to hold at the line, against the periods before. Once its alert is open it is compared with what it was
    compared with then, and ends where it is back: within `LEAVES` of the line, or at `back`. Where all periods before
    are since then, the new level is the usual one and it holds no more.

    Args:
        rule: See `MetricRule`.
        series: `SERIES`, at most one row a subject and period.
        frozen: `FROZEN`, the open alerts of the rule.

    Returns:
        `JUDGED`, by subject; a subject with an open alert is among them without any row of its own.
    """
    nothing = frozen.select("subject", ago=pl.lit(0, pl.Int32), over=pl.lit(0.0), under=pl.lit(0.0))
    found = _compared(rule, pl.concat([series, nothing])).join(frozen, on="subject", how="left")
    is_open, against = pl.col("was").is_not_null(), pl.coalesce("was", "base")
    fires, stays = _of(rule, against)
    return (
        found.filter(pl.col("subject").is_not_null())
        .with_columns(base=against, is_old=pl.col("is_old").fill_null(value=False) & pl.lit(rule.kind != "below"))
        .with_columns(
            holds=pl.when(pl.col("is_old"))
            .then(pl.lit(value=False))
            .when(is_open)
            .then(stays)
            .otherwise((fires & (pl.col("volume") >= rule.least)).fill_null(value=False))
        )
        .select(JUDGED.names())
        .sort("subject")
    )


def _compared(rule: MetricRule, series: pl.DataFrame) -> pl.DataFrame:
    """By subject `value`, `base`, `volume` of the periods before, and `moved`."""
    now = pl.col("ago") == 0
    sums = series.group_by("subject").agg(
        **{name: pl.col(name).filter(now).sum() for name in ("over", "under")},
        **{f"{name}_before": pl.col(name).filter(~now).sum() for name in ("over", "under")},
    )
    over, before = pl.col("over"), pl.col("over_before")
    if len(rule.parts) > 1:
        under, under_before = pl.col("under"), pl.col("under_before")
        return sums.select(
            "subject",
            value=pl.when((under > 0) & (under >= rule.least)).then(over / under),
            base=pl.when(under_before > 0).then(before / under_before),
            volume=under_before / rule.periods,
            moved=pl.lit(None, pl.Float64),
        )
    if rule.kind == "share_shifted":
        total, total_before = over.sum(), before.sum()
        return sums.select(
            "subject",
            value=pl.when(total > 0).then(over / total),
            base=pl.when(total_before > 0).then(before / total_before),
            volume=total_before / rule.periods,
            moved=pl.when(total_before > 0).then(total / (total_before / rule.periods) - 1),
        )
    mean = before / rule.periods
    return sums.select("subject", value=over, base=mean, volume=mean, moved=pl.lit(None, pl.Float64))


def _of(rule: MetricRule, base: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Whether a rule begins to hold, and whether it still does; null where it cannot be known."""
    value = pl.col("value")
    match rule.kind:
        case "fell_by":
            fall = pl.when(base > 0).then(1 - value / base)
            return fall >= rule.line, fall >= LEAVES * rule.line
        case "below":
            return value < rule.line, value < rule.back
        case "share_shifted":
            shift = (value - base).abs()
            return (shift > rule.line) & (pl.col("moved").abs() < rule.stands), shift > LEAVES * rule.line
