"""What the report shows, read from the warehouse once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from emberline.published import (
    cohorts_frame,
    contacts_frame,
    funnel_frame,
    groups_frame,
    interventions_frame,
    newest_publication,
    sales_frame,
)
from pipelines.groups.followed import LEAST_CASES
from pipelines.groups.risk.lines import AlertLines
from pipelines.ingest.short import Missing
from pipelines.publish.warehouse import Warehouse
from schemas import operations
from schemas import warehouse as mart
from schemas.views import GROUP_RULES

WEEKS: Final = 26
"""Weeks of 7 days, counted back from the last complete day, that plots of groups show."""


@dataclass(frozen=True)
class LinesInUse:
    """How useful past alerts would have been at each alert threshold of the risk (`known`), and the threshold in use.

    `in_use` is None if no alerts on risks are raised.
    """

    known: AlertLines
    in_use: float | None


@dataclass(frozen=True)
class Contents:
    """One published version as the report shows it.

    Attributes:
        made_at: When it was read, UTC.
        publication: The newest row of `publication`.
        restated: Published figures that later versions changed: `version`, `table_name`, `figures` (how many).
        groups: As `groups_frame` gives them, with `number` (from 1), `carrier` and `born_at`.
        weeks: A row per group and week with any event: `group_id`, `week` (0: the oldest shown), `start`, `speakers`
            (days of members), `messages`, `operator_messages`, `joined`, `left`.
        states: The spells of each group, `group_id`, `since`, `until`, `state`, `reason`, oldest first.
        alerts: Alerts as `alert` has them, newest first, with `is_of_group` and `notes`: who wrote what, oldest first.
        contacts: Whom to talk to, as `contacts_frame` gives it.
        done: What was done for groups, as `interventions_frame` gives it.
        effects: `intervention_effect` from `LEAST_CASES` on.
        sold_after: `intervention_sales` of `model` from `LEAST_CASES` on.
        sales: As `sales_frame` gives them.
        sales_weeks: Orders that `model` credits by week: `group_id`, `week`, `orders`.
        segments: `segment_sales` of `model`, most first, with `minor_digits`.
        model: The attribution model that is shown; None if nothing was sold.
        funnels: As `funnel_frame` gives them.
        curves: `funnel_curve`.
        times: `funnel_time_to_convert` since the entry.
        cohorts: The newest weekly cohorts of `retention`.
        lifecycle: The newest complete weeks of `lifecycle`.
        missing: What did not arrive, by the numbers and totals of platforms.
        lines: How useful alerts on risks would have been; None while no score was chosen.
    """

    made_at: dt.datetime
    publication: dict[str, Any]
    restated: pl.DataFrame
    groups: pl.DataFrame
    weeks: pl.DataFrame
    states: pl.DataFrame
    alerts: pl.DataFrame
    contacts: pl.DataFrame
    done: pl.DataFrame
    effects: pl.DataFrame
    sold_after: pl.DataFrame
    sales: pl.DataFrame
    sales_weeks: pl.DataFrame
    segments: pl.DataFrame
    model: str | None
    funnels: pl.DataFrame
    curves: pl.DataFrame
    times: pl.DataFrame
    cohorts: pl.DataFrame
    lifecycle: pl.DataFrame
    missing: Missing
    lines: LinesInUse | None

    @property
    def through(self) -> dt.date | None:
        """The last complete day; None while no day is complete."""
        return self.publication["complete_through"]


def read_contents(
    warehouse: Warehouse, models: tuple[str, ...], missing: Missing, lines: LinesInUse | None, now: dt.datetime
) -> Contents:
    """Read the newest published version.

    Args:
        warehouse: A warehouse with a published version.
        models: Attribution models; the first one with sales is shown.
        missing: See `Contents`.
        lines: See `Contents`.
        now: The time of the report.
    """
    publication = warehouse.read(newest_publication(*mart.publication.c)).row(0, named=True)
    sales = sales_frame(warehouse)
    model = next((name for name in models if name in sales["model"]), None)
    through = publication["complete_through"] or now.date()
    effect, sold = mart.intervention_effect, mart.intervention_sales
    return Contents(
        made_at=now,
        publication=publication,
        restated=warehouse.read(_restated()),
        groups=_groups(warehouse),
        weeks=warehouse.read(_weeks(through)),
        states=warehouse.read(_states()),
        alerts=warehouse.read(_alerts()),
        contacts=contacts_frame(warehouse),
        done=interventions_frame(warehouse),
        effects=warehouse.read(sa.select(effect).where(effect.c.cases >= LEAST_CASES)),
        sold_after=warehouse.read(sa.select(sold).where(sold.c.model == (model or ""), sold.c.cases >= LEAST_CASES)),
        sales=sales.filter(pl.col("model") == model) if model else sales,
        sales_weeks=warehouse.read(_sales_weeks(through, publication["zone"], model)),
        segments=warehouse.read(_segments(model)),
        model=model,
        funnels=funnel_frame(warehouse),
        curves=warehouse.read(_by_step(mart.funnel_curve, "seconds")),
        times=warehouse.read(
            _by_step(mart.funnel_time_to_convert, "from_seconds").where(mart.funnel_time_to_convert.c.since == "entry")
        ),
        cohorts=cohorts_frame(warehouse),
        lifecycle=warehouse.read(_lifecycle()).reverse(),
        missing=missing,
        lines=lines,
    )


def _groups(warehouse: Warehouse) -> pl.DataFrame:
    """The groups in the order of `groups_frame`, with what only the report shows."""
    group = mart.dim_group
    more = warehouse.read(sa.select(group.c.group_id, group.c.carrier, group.c.born_at, group.c.operators))
    return (
        groups_frame(warehouse)
        .join(more, on="group_id", how="left", maintain_order="left")
        .with_row_index("number", offset=1)
    )


def _restated() -> sa.Select[Any, *tuple[Any, ...]]:
    table = mart.restatement
    figures = sa.func.count().label("figures")
    return (
        sa.select(table.c.version, table.c.table_name, figures)
        .group_by(table.c.version, table.c.table_name)
        .order_by(table.c.version.desc(), table.c.table_name)
        .limit(WEEKS)
    )


def _week(day: sa.ColumnElement[Any], through: dt.date) -> sa.ColumnElement[int]:
    """The number of the week of a day, 0 for the oldest shown."""
    return WEEKS - 1 - sa.cast(sa.literal(through, sa.Date) - day, sa.Integer) // 7


def _weeks(through: dt.date) -> sa.Select[Any, *tuple[Any, ...]]:
    day = mart.group_day
    week = _week(day.c.day, through).label("week")
    first = through - dt.timedelta(days=7 * WEEKS - 1)
    counted = ("speakers", "messages", "operator_messages", "joined", "left")
    sums = [sa.cast(sa.func.sum(day.c[name]), sa.BigInteger).label(name) for name in counted]
    return (
        sa.select(day.c.group_id, week, *sums)
        .where(day.c.day.between(first, through))
        .group_by(day.c.group_id, week)
        .order_by(day.c.group_id, week)
    )


def _states() -> sa.Select[Any, *tuple[Any, ...]]:
    state = mart.group_state
    columns = (state.c[name] for name in ("group_id", "since", "until", "state", "reason"))
    return sa.select(*columns).order_by(state.c.group_id, state.c.since)


def _alerts() -> sa.Select[Any, *tuple[Any, ...]]:
    alert = operations.alert
    names = (
        "alert_id", "rule", "subject", "severity", "since", "reason", "opened_at", "acknowledged_by", "resolved_at",
        "outcome", "verdict",
    )  # fmt: skip
    is_of_group = alert.c.rule.startswith(GROUP_RULES, autoescape=True).label("is_of_group")
    return sa.select(*(alert.c[name] for name in names), is_of_group, _notes()).order_by(alert.c.alert_id.desc())


def _notes() -> sa.Label[str | None]:
    action = operations.alert_action
    note = action.c.actor + ": " + action.c.note
    return (
        sa.select(sa.func.string_agg(note, aggregate_order_by(sa.literal("; ", sa.Text), action.c.action_id)))
        .where(action.c.alert_id == operations.alert.c.alert_id, action.c.note.is_not(None))
        .scalar_subquery()
        .label("notes")
    )


def _sales_weeks(through: dt.date, zone: str, model: str | None) -> sa.Select[Any, *tuple[Any, ...]]:
    credit = mart.order_credit
    paid_on = sa.cast(sa.func.timezone(zone, credit.c.paid_at), sa.Date)
    week = _week(paid_on, through).label("week")
    first = through - dt.timedelta(days=7 * WEEKS - 1)
    return (
        sa.select(
            credit.c.group_id,
            week,
            sa.func.count(sa.distinct(credit.c.shop + " " + credit.c.order_id)).label("orders"),
        )
        .where(credit.c.model == model, credit.c.group_id.is_not(None), paid_on.between(first, through))
        .group_by(credit.c.group_id, week)
        .order_by(credit.c.group_id, week)
    )


def _segments(model: str | None) -> sa.Select[Any, *tuple[Any, ...]]:
    table, currency = mart.segment_sales, mart.dim_currency
    return (
        sa.select(table, currency.c.minor_digits)
        .join(currency, currency.c.currency == table.c.currency)
        .where(table.c.model == model)
        .order_by(table.c.breakdown, table.c.currency, table.c.net_minor.desc(), table.c.segment)
    )


def _by_step(table: sa.Table, then: str) -> sa.Select[Any, *tuple[Any, ...]]:
    return sa.select(table).order_by(table.c.funnel, table.c.step_number, table.c[then])


def _lifecycle() -> sa.Select[Any, *tuple[Any, ...]]:
    table = mart.lifecycle
    return (
        sa.select(table).where(table.c.unit == "week", table.c.is_complete).order_by(table.c.start.desc()).limit(WEEKS)
    )
