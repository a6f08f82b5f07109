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
"""Prefix of the names of these rules in the ledger."""

SERIES: Final = pl.Schema({"subject": pl.String(), "ago": pl.Int32(), "over": pl.Float64(), "under": pl.Float64()})
"""A metric by subject (null: rows without one) and period. `ago`: 0 is the newest period, 1 the comparable one before
it. A ratio is `over` / `under`; of any other metric `under` is null. A period without a row counts as 0."""

FROZEN: Final = pl.Schema({"subject": pl.String(), "was": pl.Float64(), "is_old": pl.Boolean()})
"""Subjects of open alerts: the base when they fired, and whether all periods before the newest are later than that."""

JUDGED: Final = pl.Schema(
    {"subject": pl.String(), "holds": pl.Boolean(), "is_old": pl.Boolean(), "value": pl.Float64(),
     "base": pl.Float64(), "moved": pl.Float64()}
)  # fmt: skip
"""`holds`: null where it could not be measured. `value` and `base`: of the newest period and of those before; of
`share_shifted` the part's shares. `moved`: change of the total against the periods before, as a share of it; null of
other rules."""


@dataclass(frozen=True)
class MetricRule:
    """A rule on a metric: when its alerts fire and end.

    Attributes:
        name: Name of the rule in the ledger; begins with `METRIC`.
        metric: The metric.
        kind: Kind of the rule.
        line: Threshold. `fell_by`: the fall, as a share of the base; `below`: the value; `share_shifted`: the shift of
            the share, 0 to 1.
        per: What the subjects are, such as groups; the rule is evaluated for each.
        period: Length of a period.
        periods: Number of comparable periods in the base: weeks, or the same weekday of as many weeks.
        least: Least mean of the base's periods; below it the rule does not fire. For a ratio: of the denominator, which
            must also reach it in the newest period.
        back: `below`: the alert ends at this value or above it.
        stands: `share_shifted`: the rule fires only while the total changed by less than this share of itself.
        where: Filters: values of dimensions.
        severity: Severity of its alerts.
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
        """The metric; of a ratio its numerator and its denominator."""
        match self.metric.aggregate:
            case Ratio(over, under):
                return tuple(
                    Metric(name, self.metric.dataset, one, "", "", within=self.metric.within)
                    for name, one in (("over", over), ("under", under))
                )
            case _:
                return (self.metric,)


def judge_metric(rule: MetricRule, series: pl.DataFrame, frozen: pl.DataFrame) -> pl.DataFrame:
    """Judge of which subjects a rule holds now.

    It begins to hold when the newest period passes the line, compared with the base of the periods before. While its
    alert is open, the base is the one it fired with, and it ends within `LEAVES` of the line, or at `back`. Once all
    periods before the newest are later than the alert, the new level is the usual one, and it no longer holds.

    Args:
        rule: See `MetricRule`.
        series: `SERIES`, at most one row a subject and period.
        frozen: `FROZEN`, the open alerts of the rule.

    Returns:
        `JUDGED`, by subject; a subject with an open alert has a row even without rows in `series`.
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
    """Compute by subject `value`, `base`, `volume` of the periods before, and `moved`."""
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
    """Whether a rule begins to hold, and whether it still holds; null: not known."""
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
