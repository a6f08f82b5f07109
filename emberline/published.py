"""Read published tables from `mart` as frames for the terminal and the report."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import sqlalchemy as sa

from pipelines.groups.contacts import ILL
from pipelines.groups.followed import followed
from pipelines.groups.life import LIVING
from pipelines.groups.risk.scores import score_in_words
from pipelines.publish.warehouse import Warehouse
from schemas import warehouse as mart
from schemas.disagreement import DISAGREEMENTS
from schemas.funnel import standard

STATE_ORDER: Final = ("dying", "declining", "revived", "alive", "dead", "unborn", "ended")
"""States in display order: living ones first, the worst of them first."""


COHORTS: Final = 12
"""Number of cohorts shown, and of weeks each."""

MOST_INTERVENTIONS: Final = 10
"""Most interventions shown per group; older ones are in the warehouse."""


def newest_publication(*columns: sa.Column[Any]) -> sa.Select[Any]:
    """Select these columns of the newest publication."""
    return sa.select(*columns).order_by(mart.publication.c.version.desc()).limit(1)


def funnel_frame(warehouse: Warehouse) -> pl.DataFrame:
    """Read the summary of every funnel, one row per step."""
    table = mart.funnel_step
    return warehouse.read(sa.select(table).order_by(table.c.funnel, table.c.step_number))


def funnel_names(frame: pl.DataFrame) -> list[str]:
    """Return the names of the funnels in a frame, the packaged one first."""
    packaged = standard().name
    return sorted(frame["funnel"].unique(), key=lambda name: (name != packaged, name))


def groups_frame(warehouse: Warehouse) -> pl.DataFrame:
    """Read every group with its state and its risk on the newest complete day.

    Living groups first, by risk; then groups without a risk, in `STATE_ORDER`, the newest first.
    """
    group, state, risk = mart.dim_group, mart.group_state, mart.group_risk
    newest = newest_publication(mart.publication.c.complete_through).scalar_subquery()
    is_current_risk = sa.and_(risk.c.group_id == group.c.group_id, risk.c.day == newest)
    place = sa.case({name: number for number, name in enumerate(STATE_ORDER)}, value=state.c.state)
    is_dead_or_other = state.c.state.not_in(LIVING)
    frame = warehouse.read(
        sa.select(
            group.c.group_id,
            group.c.name,
            group.c.purpose,
            state.c.state,
            state.c.since,
            state.c.silent_days,
            state.c.unmeasured_since,
            state.c.coverage,
            state.c.membership,
            risk.c.risk_28,
            risk.c.risk_56,
            risk.c.drivers,
            risk.c.score,
            risk.c.model_share,
            risk.c.disagreement,
            state.c.reason,
        )
        .join_from(group, state, state.c.group_id == group.c.group_id)
        .outerjoin(risk, is_current_risk)
        .where(state.c.is_current)
        .order_by(is_dead_or_other, risk.c.risk_28.desc().nulls_last(), place, state.c.since.desc(), group.c.group_id)
    )
    difference = pl.col("disagreement").replace_strict(DISAGREEMENTS, default=None, return_dtype=pl.String)
    return frame.with_columns(risk_rests_on=score_in_words(), difference=difference)


def sales_frame(warehouse: Warehouse) -> pl.DataFrame:
    """Read the sales of each group by attribution model and currency, largest first, with `minor_digits`."""
    sales, group, currency = mart.group_sales, mart.dim_group, mart.dim_currency
    columns = [column for column in sales.c if column.name not in {"group_id"}]
    return warehouse.read(
        sa.select(sales.c.group_id, group.c.name, *columns, currency.c.minor_digits)
        .join_from(sales, group, group.c.group_id == sales.c.group_id, isouter=True)
        .join(currency, currency.c.currency == sales.c.currency)
        .order_by(sales.c.model, sales.c.currency, sales.c.net_minor.desc(), sales.c.group_id)
    )


def cohorts_frame(warehouse: Warehouse) -> pl.DataFrame:
    """Read the newest `COHORTS` weekly cohorts of `retention`: `cohort`, `period`, `cohort_size`, `active`."""
    table = mart.retention
    newest = sa.select(table.c.cohort).where(table.c.unit == "week").distinct().order_by(table.c.cohort.desc())
    return warehouse.read(
        sa.select(table.c.cohort, table.c.period, table.c.cohort_size, table.c.active)
        .where(table.c.unit == "week", table.c.cohort.in_(newest.limit(COHORTS)), table.c.period <= COHORTS)
        .order_by(table.c.cohort, table.c.period)
    )


def interventions_frame(warehouse: Warehouse, group_id: str | None = None) -> pl.DataFrame:
    """Read the newest interventions of each group, or of one, at most `MOST_INTERVENTIONS` each, newest first."""
    done = mart.intervention
    newest = (done.c.at.desc(), done.c.intervention_id)
    place = sa.func.row_number().over(partition_by=done.c.group_id, order_by=newest)
    columns = (done.c[name] for name in ("group_id", "day", "at", "action", "origin", "by", "note"))
    numbered = sa.select(*columns, done.c.intervention_id, place.label("place"))
    if group_id is not None:
        numbered = numbered.where(done.c.group_id == group_id)
    found = numbered.subquery()
    shown = [column for column in found.c if column.name not in {"place", "intervention_id"}]
    is_shown = found.c.place <= MOST_INTERVENTIONS
    return warehouse.read(sa.select(*shown).where(is_shown).order_by(found.c.group_id, found.c.place))


def contacts_frame(warehouse: Warehouse, group_id: str | None = None) -> pl.DataFrame:
    """Read whom to talk to in each group in need, or in one, those with most reasons first."""
    contact = mart.contact
    query = sa.select(contact).order_by(contact.c.group_id, contact.c.place)
    return warehouse.read(query if group_id is None else query.where(contact.c.group_id == group_id))


def followed_after(warehouse: Warehouse, group: dict[str, Any]) -> list[dict[str, Any]]:
    """Read what followed actions in groups like one in need; see `followed`."""
    if group["state"] not in ILL:
        return []
    effects, sales = warehouse.read_together(mart.intervention_effect, mart.intervention_sales)
    return followed(effects, sales, group["purpose"])


def with_amounts(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Add, for each `NAME_minor`, the column `NAME` with the amount as text; see `amount`."""
    return frame.with_columns(amount(f"{name}_minor").alias(name) for name in names)


def amount(column: str) -> pl.Expr:
    """Format non-negative minor units in units of their currency by `minor_digits`; without these, as minor units."""
    minor, digits = pl.col(column).cast(pl.Int128), pl.col("minor_digits")
    unit = pl.lit(10, pl.Int64).pow(digits).cast(pl.Int128)
    fraction = (minor % unit).cast(pl.String).str.zfill(digits)
    return (
        pl.when(digits > 0)
        .then(pl.format("{}.{}", minor // unit, fraction))
        .when(digits == 0)
        .then(minor.cast(pl.String))
        .otherwise(pl.format("{} minor units", minor))
    )
