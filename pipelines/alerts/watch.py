"""Evaluate the rules on the published state, and deliver notices: the work of one tick of the sensor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl
import sqlalchemy as sa

from pipelines.alerts.channels import Channel
from pipelines.alerts.core import CORE_DAYS, RECENT_DAYS, silent_core
from pipelines.alerts.decide import Alert, Decision, Evaluation, Policy
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.metric_rules import MetricRule
from pipelines.alerts.outbox import Delivered, Outbox
from pipelines.alerts.precedents import precedent
from pipelines.alerts.quiet import QuietHours
from pipelines.alerts.risks import RISKS, newest_risks
from pipelines.alerts.rules import RULES, Limits, Signals, evaluate, heard
from pipelines.groups.contacts import ILL
from pipelines.groups.followed import followed, sentences
from pipelines.groups.risk.lines import line_for
from pipelines.ingest.missing import Lateness, missing_numbers
from pipelines.ingest.short import compared_totals, short_by_owner
from pipelines.lake import Lake
from pipelines.operations.backlog import Backlog
from pipelines.publish.warehouse import Warehouse
from pipelines.refresh.risk import newest_lines
from schemas.errors import EmberlineError
from schemas.lake import COMPONENTS, EVENTS, FEED_DAY, GROUP_DAY, GROUP_HEALTH, GROUP_RISK, PERSON_DAY
from schemas.warehouse import dim_group, group_state, intervention_effect, intervention_sales

_FALLING: Final = ("declining", "dying")
_EVERY: Final = dt.timedelta(minutes=10)
_UNREAD: Final = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Alerting:
    """The rules, the channels of their notices, and the timing."""

    policy: Policy
    limits: Limits
    zone: str
    channels: tuple[Channel, ...] = ()
    quiet: QuietHours | None = None
    pipeline_channels: tuple[str, ...] = ()
    """Names of the channels that get alerts about the pipeline itself."""
    lateness: dt.timedelta = dt.timedelta(0)
    """The allowed lateness: a missing number counts as under way for so long."""
    metric_rules: tuple[MetricRule, ...] = ()
    reader: Callable[[], Warehouse] | None = None
    """Connects to the warehouse with the read-only role, to query metrics; None: with the publishing role."""


@dataclass(frozen=True)
class LastEvaluation:
    """The last evaluation: its time, the published state of the lake, and the period of each rule on a metric."""

    at: dt.datetime
    lake_state: int | None
    metrics: Mapping[str, str] = field(default_factory=dict)


def is_due(last: LastEvaluation | None, lake_state: int | None, now: dt.datetime) -> bool:
    """Whether to evaluate: the first time, after a publication, and every ten minutes."""
    return last is None or lake_state != last.lake_state or now - last.at >= _EVERY


def is_read_up(backlog: Backlog | None, now: dt.datetime) -> bool:
    """Whether records are read up to a few minutes ago; only then a silent source is known to be silent.

    Args:
        backlog: None where it could not be read.
        now: The clock, UTC.
    """
    if backlog is None:
        return False
    return backlog.records == 0 or (backlog.oldest is not None and now - backlog.oldest < _UNREAD)


def evaluate_rules(
    warehouse: Warehouse, lake: Lake, alerting: Alerting, now: dt.datetime, *, read_up: bool
) -> Decision:
    """Evaluate the rules, and write alerts, notices and outcomes.

    Args:
        warehouse: Prepared.
        lake: The lake that the warehouse was published from.
        alerting: The rules that are on, and their channels.
        now: The clock, UTC.
        read_up: The result of `is_read_up`; if False, nothing is measured.
    """
    lateness = Lateness(alerting.lateness, alerting.limits.idle)
    signals = read_signals(warehouse, lake, alerting.limits, lateness, read_up=read_up)

    def judge(known_open: Sequence[Alert]) -> tuple[Evaluation, ...]:
        subjects: dict[str, set[str]] = {}
        for alert in known_open:
            subjects.setdefault(alert.rule, set()).add(alert.subject)
        return evaluate(signals, list(alerting.policy.severities), subjects, alerting.limits, alerting.zone, now)

    ledger = AlertLedger(warehouse.url)
    names = [channel.name for channel in alerting.channels]
    decision = ledger.update(judge, alerting.policy, names, now, rules=RULES)
    ledger.record_outcomes(warehouse.read(sa.select(group_state.c.group_id, group_state.c.state, group_state.c.since)))
    return decision


def deliver(warehouse_url: str, alerting: Alerting, now: dt.datetime) -> Mapping[str, Delivered]:
    """Deliver pending notices, by channel; none in quiet hours."""
    if alerting.quiet is not None and alerting.quiet.include(now):
        return {}
    outbox = Outbox(warehouse_url)
    return {channel.name: outbox.deliver(channel, now) for channel in alerting.channels}


def read_signals(warehouse: Warehouse, lake: Lake, limits: Limits, lateness: Lateness, *, read_up: bool) -> Signals:
    """Read the input of the rules; if something cannot be read, `error` has the cause."""
    spells, names, effects, sales = warehouse.read_together(
        group_state,
        sa.select(dim_group.c.group_id, dim_group.c.name, dim_group.c.purpose),
        intervention_effect,
        intervention_sales,
    )
    current = spells.filter("is_current")
    columns = ("group_id", "state", "since", "reason", "last_active_day", "coverage", *COMPONENTS)
    groups = current.select(columns).join(names, on="group_id", how="left", maintain_order="left")
    falling = groups.filter(pl.col("state").is_in(_FALLING)).select("group_id", "since")
    try:
        heard_now = _heard(lake) if read_up else None
        core = _core(lake, falling)
        newest = _newest_health(lake)
        risks = _risks(lake, newest, limits)
        missing = missing_numbers(lake, lateness)
        short = short_by_owner(compared_totals(lake, lateness))
    except EmberlineError as error:
        return Signals(groups, None, error.cause)
    groups = (
        groups.drop("messages_usual")
        .join(newest.drop("day"), on="group_id", how="left", maintain_order="left")
        .join(core, on="group_id", how="left", maintain_order="left")
        .join(_followed(groups, effects, sales), on="group_id", how="left", maintain_order="left")
        .with_columns(precedent=pl.when(pl.col("state") == "dying").then(pl.lit(precedent(spells), pl.String)))
    )
    return Signals(groups, heard_now, risks=risks, missing=missing, short=short)


def _followed(groups: pl.DataFrame, effects: pl.DataFrame, sales: pl.DataFrame) -> pl.DataFrame:
    """Say in words what followed actions in groups like those in need: `group_id`, `followed`."""
    ill = groups.filter(pl.col("state").is_in(ILL)).select("group_id", "purpose")
    words = [(purpose, sentences(followed(effects, sales, purpose))) for purpose in ill["purpose"].unique()]
    of_purpose = pl.DataFrame(words, schema={"purpose": pl.String, "followed": pl.List(pl.String)}, orient="row")
    return ill.join(of_purpose, on="purpose", nulls_equal=True).select("group_id", "followed")


def _heard(lake: Lake) -> pl.DataFrame:
    scans = (lake.open(table).scan() for table in (GROUP_DAY, FEED_DAY, EVENTS))
    return heard(*scans).collect(engine="streaming")


def _core(lake: Lake, falling: pl.DataFrame) -> pl.DataFrame:
    days = lake.open(PERSON_DAY).scan()
    earliest = falling["since"].min()
    if isinstance(earliest, dt.date):
        first = earliest - dt.timedelta(days=CORE_DAYS + RECENT_DAYS)
        days = days.filter(pl.col("month") >= first.replace(day=1))
    return silent_core(days, falling.lazy()).collect(engine="streaming")


def _newest_health(lake: Lake) -> pl.DataFrame:
    """Read silence and usual messages of groups on the newest complete day on which they were judged."""
    newest = pl.all().sort_by("day").last()
    columns = ("group_id", "day", "silent_days", "messages_usual")
    return lake.open(GROUP_HEALTH).scan().select(columns).group_by("group_id").agg(newest).collect(engine="streaming")


def _risks(lake: Lake, newest: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    line = alert_line(lake, limits.target_precision)
    if line is None:
        return RISKS.to_frame()
    return newest_risks(lake.open(GROUP_RISK).scan(), newest.lazy(), line).collect(engine="streaming")


def alert_line(lake: Lake, target_precision: float) -> float | None:
    """Return the risk from which on a group is at risk by the newest score; None: no line gives the precision."""
    newest = newest_lines(lake)
    return None if newest is None else line_for(target_precision, *newest)
