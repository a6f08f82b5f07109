"""Settings of alerts on metrics: the metric, the subjects, the period and the rule."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from emberline.settings.section import Section
from pipelines.alerts.metric_rules import METRIC, Kind, MetricRule, Per, Period
from pipelines.question import QuestionRefused
from schemas.metrics import METRICS

_NEEDED: Final[dict[Kind, tuple[str, ...]]] = {"fell_by": ("share",), "below": ("value",), "share_shifted": ("points",)}
_KNOWN: Final[dict[Kind, tuple[str, ...]]] = {
    "fell_by": ("share",), "below": ("value", "back"), "share_shifted": ("points", "total_within"),
}  # fmt: skip


def _known_metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError("is no metric; docs/reference/metrics.md lists them")
    return name


class MetricAlertSettings(Section):
    """An alert on a metric: it fell, is below a line, or a part's share of it shifted.

    Evaluated once when a period is complete and published. `fell_by` needs `share`, `below` needs `value`,
    `share_shifted` needs `points`; keys of other rules are errors.
    """

    name: str
    """Names the rule in the ledger, as `metric_NAME`: small letters, digits and underscores."""
    metric: Annotated[str, AfterValidator(_known_metric)]
    """One of docs/reference/metrics.md that is asked by day, or by unit and start."""
    rule: Kind
    """The kind of the rule: see docs/definitions.md#alerts-on-metrics."""
    per: Per = "company"
    """Whose values are judged, each alone."""
    period: Period = "week"
    """Weeks begin on Monday; a day is compared with the same day of the weeks before."""
    periods: int = Field(default=4, ge=1, le=52)
    """How many comparable periods before it is compared with."""
    share: float | None = Field(default=None, gt=0, le=1)
    """Of `fell_by`: from which fall on, as a share of the mean before."""
    value: float | None = None
    """Of `below`: the line."""
    back: float | None = None
    """Of `below`: the value from which on it is over; none given: a tenth above the line."""
    points: float | None = Field(default=None, gt=0, le=100)
    """Of `share_shifted`: beyond how many percentage points, up or down."""
    total_within: float | None = Field(default=None, gt=0, le=1)
    """Of `share_shifted`: by less than which share of itself the total moved meanwhile; none given: 0.1."""
    least: float = Field(default=20, ge=0)
    """The least mean of the periods before; of a ratio, of what it is divided by, now too. Money is in minor units."""
    where: dict[str, str | int | bool] = Field(default_factory=dict)
    """Values that dimensions are limited to, such as `{ model = "last_click", currency = "CNY" }`."""
    severity: Literal["critical", "warning"] = "warning"
    """Of its alerts."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if lacking := [key for key in _NEEDED[self.rule] if getattr(self, key) is None]:
            raise ValueError(f"{self.rule} needs {lacking[0]}")
        of_rules = {key for keys in _KNOWN.values() for key in keys} - {*_KNOWN[self.rule]}
        if foreign := sorted(key for key in of_rules if getattr(self, key) is not None):
            raise ValueError(f"{foreign[0]} is no key of {self.rule}")
        if self.value is not None and self.back is not None and self.back < self.value:
            raise ValueError("back is below value")
        # Slow to import, and needed by few.
        from pipelines.alerts.metric_series import refuse_unmeasurable

        try:
            refuse_unmeasurable(self.metric_rule())
        except QuestionRefused as error:
            raise ValueError(f"{error.cause} {error.next_step}".removesuffix(".")) from None
        return self

    def metric_rule(self) -> MetricRule:
        """What the pipeline works with."""
        value = self.value or 0.0
        lines = {"fell_by": self.share, "below": self.value, "share_shifted": (self.points or 0.0) / 100}
        return MetricRule(
            name=f"{METRIC}{self.name}",
            metric=METRICS[self.metric],
            kind=self.rule,
            line=lines[self.rule] or 0.0,
            per=self.per,
            period=self.period,
            periods=self.periods,
            least=self.least,
            back=value + abs(value) / 10 if self.back is None else self.back,
            stands=0.1 if self.total_within is None else self.total_within,
            where=self.where,
            severity=self.severity,
        )
