"""Dashboards as data: charts of metrics that a BI tool draws, and the filters at the top of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schemas.columns import meaning_of
from schemas.dataset import Dataset
from schemas.metric import Metric
from schemas.metrics import METRICS

Kind = Literal["number", "lines", "bars", "stacked_bars", "table", "heatmap", "funnel"]
"""How a chart is drawn. Only metrics that may be added up can be stacked: a reader adds stacked bars."""


@dataclass(frozen=True)
class Chart:
    """Metrics of one dataset by dimensions.

    Attributes:
        title: Unique among all charts.
        kind: How it is drawn.
        metrics: Their names.
        by: The dimensions; the first is the axis of lines, bars and heat maps.
        where: A filter on one value of a dimension.
        width: In columns of the page, which has 12.
        height: In units of the page, about 8 pixels each.
        least: A filter on values of a dimension: those from this one on.
        nulls: What is shown for a null, by dimension.
        dates: The finest part of a date that is shown.
    """

    title: str
    kind: Kind
    metrics: tuple[str, ...]
    by: tuple[str, ...] = ()
    where: Mapping[str, str | int | bool] = field(default_factory=dict)
    width: int = 6
    height: int = 45
    least: Mapping[str, int] = field(default_factory=dict)
    nulls: Mapping[str, str] = field(default_factory=dict)
    dates: Literal["day", "month"] = "day"

    @property
    def measured(self) -> tuple[Metric, ...]:
        """The metrics."""
        return tuple(METRICS[name] for name in self.metrics)

    @property
    def axis_in_days(self) -> tuple[str, ...]:
        """The axis of lines, if it is a time in seconds: people read it in days."""
        if self.kind != "lines" or self.by[0] not in self.dataset.table.columns:
            return ()
        is_time = meaning_of(self.dataset.table.columns[self.by[0]]).unit == "seconds"
        return self.by[:1] if is_time else ()

    @property
    def dataset(self) -> Dataset:
        """The dataset that the metrics are computed from."""
        return self.measured[0].dataset


@dataclass(frozen=True)
class Dashboard:
    """A page of charts.

    Attributes:
        title: Unique among all dashboards.
        slug: Its address.
        about: What it shows, a sentence.
        rows: The charts, row by row.
        choices: Dimensions that the page is filtered by, one value each; at first the first value.
    """

    title: str
    slug: str
    about: str
    rows: tuple[tuple[Chart, ...], ...]
    choices: tuple[str, ...] = ()

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts."""
        return tuple(chart for row in self.rows for chart in row)

    def choosable(self, chart: Chart) -> tuple[str, ...]:
        """Return the choices that filter a chart."""
        return tuple(name for name in self.choices if name in chart.dataset.dimensions and name not in chart.where)


def faults(dashboard: Dashboard) -> list[str]:
    """Describe what is wrong with the charts of a dashboard, mainly sums of what must not be summed."""
    found = [f"row {number} is wider than the page" for number, row in enumerate(dashboard.rows, 1) if _width(row) > 12]
    for chart in dashboard.charts:
        settled = {*chart.by, *chart.where, *dashboard.choosable(chart)}
        for metric in chart.measured:
            if metric.dataset != chart.dataset:
                found.append(f"{chart.title}: {metric.name} belongs to another dataset")
            if unknown := {*chart.by, *chart.where, *chart.least, *chart.nulls} - set(metric.dimensions):
                found.append(f"{chart.title}: {metric.name} has no dimension {', '.join(sorted(unknown))}")
            if loose := set(metric.within) - settled:
                found.append(f"{chart.title}: {metric.name} is added up over {', '.join(sorted(loose))}")
            if chart.kind == "stacked_bars" and (apart := {*chart.by[1:]} - {*metric.adds_up_over}):
                found.append(f"{chart.title}: {metric.name} is stacked over {', '.join(sorted(apart))}")
    return found


def _width(row: tuple[Chart, ...]) -> int:
    return sum(chart.width for chart in row)
