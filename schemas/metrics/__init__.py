"""All metrics: the names of the warehouse's numbers, and how they are computed from its tables."""

from __future__ import annotations

from typing import Final

from schemas.dataset import Dataset
from schemas.metric import Metric
from schemas.metrics import activity, funnels, groups, health, sales

METRICS: Final[dict[str, Metric]] = {
    metric.name: metric for module in (activity, groups, funnels, sales, health) for metric in module.METRICS
}
"""By name."""

DATASETS: Final[dict[str, Dataset]] = {metric.dataset.name: metric.dataset for metric in METRICS.values()}
"""The datasets of the metrics, by the name of the table."""
