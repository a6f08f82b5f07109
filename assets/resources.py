"""Resources of assets, created by `emberline.definitions` and replaced in tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipelines.carriers import Carrier
from pipelines.events.decode import DecodeRules
from pipelines.funnel.attribution import AttributionRules
from pipelines.groups.thresholds import LifeRules
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.tolerance import Tolerance
from pipelines.operations.staleness import PullLimits
from pipelines.publish.warehouse import Warehouse
from schemas.funnel import FunnelDefinition


@dataclass(frozen=True)
class Rules:
    """The company's definitions, as the settings and the funnel files give them.

    `settings` has, for each fact that depends on settings, by its name, a number that changes with any of these;
    a model of the risk is used for `risk_retrain_days`; `topics` maps a topic to its adapter; `accept_gaps` lets
    ingest go on without records that Kafka removed before they were read; a person of more than `max_accounts` accounts
    is reported; no table of the warehouse may lose more than `max_lost_share` of its rows in one publication; `cron`
    names the times of runs in the business zone, None: they follow Kafka; `receiver` is the URL of the receiver of
    webhooks, None: there are no routes; `pulls` are the pulls from APIs, None: there are none.
    """

    topics: Mapping[str, Carrier]
    decoding: DecodeRules
    limits: BatchLimits
    tolerance: Tolerance
    accept_gaps: bool
    max_lost_share: float
    max_accounts: int
    lateness: dt.timedelta
    idle_timeout: dt.timedelta
    attribution: AttributionRules
    life: LifeRules
    risk_retrain_days: int
    settings: Mapping[str, int]
    funnels: tuple[FunnelDefinition, ...]
    cron: str | None = None
    receiver: str | None = None
    pulls: PullLimits | None = None

    @property
    def zone(self) -> str:
        """The business time zone."""
        return self.decoding.zone


@dataclass(frozen=True)
class Progress:
    """Receives the progress of long steps: the name of the step, the amount done and the total."""

    report: Callable[[str, int, int], None] = field(default=lambda _what, _done, _todo: None)

    def of(self, what: str) -> Callable[[int, int], None]:
        """The reporter of one step."""
        return lambda done, todo: self.report(what, done, todo)


@dataclass(frozen=True)
class Plots:
    """Draws what is published: SVG images by table of `mart`; by default none."""

    draw: Callable[[Warehouse], Mapping[str, str]] = field(default=lambda _warehouse: {})


@dataclass(frozen=True)
class Clock:
    """The wall clock, read only for the times of publications and accepted gaps."""

    now: Callable[[], dt.datetime] = field(default=lambda: dt.datetime.now(dt.UTC))
