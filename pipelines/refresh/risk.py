"""`risk_model` and `group_risk`: a model that is trained anew when it is old, and what it tells of each newest day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from pipelines.groups.risk.drivers import drivers
from pipelines.groups.risk.features import history, risk_features, talkative
from pipelines.groups.risk.graded import graded_model
from pipelines.groups.risk.model import RiskModel
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import BATCH_INPUT, IDENTITY_INPUT, Changes, Sources, touched_since
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, note, noted, rows_version, unchanged, write
from schemas.lake import GROUP_HEALTH, GROUP_RISK, PERSON_DAY, RISK_MODEL


def refresh_risk(lake: Lake, through: dt.date | None, retrain_days: int) -> dict[str, Refreshed]:
    """Tell the risks of the newest complete day's living groups; train a model first where there is none young enough.

    While the day is the newest, its risks follow late events. Those of earlier days stay as they were told, and so does
    the model until it is `retrain_days` old: what somebody acted on is a record, and no computation of today replaces
    it. Where history is too short for a model, both tables have no rows.

    Args:
        lake: holds both and what they follow: `person_day`, `group_health`.
        through: last complete day; None: there is none.
        retrain_days: days after which a model is trained anew.

    Returns:
        What was done, by lake table.
    """
    facts = models, risks = lake.open(RISK_MODEL), lake.open(GROUP_RISK)
    people, health = lake.open(PERSON_DAY), lake.open(GROUP_HEALTH)
    sources = Sources.of(lake)
    of_all = {
        input_id(SETTINGS): retrain_days,
        input_id("through"): 0 if through is None else through.toordinal(),
        input_id(GROUP_HEALTH.name): rows_version(health),
    }
    seen = {name: people.position(name) or 0 for name in (BATCH_INPUT, IDENTITY_INPUT)} | of_all
    done = noted(risks, seen)
    if all(noted(fact, seen) == seen for fact in facts):
        return {fact.table.name: unchanged(fact) for fact in facts}
    if through is None or not _is_touched(lake, sources, done, of_all, through):
        for fact in facts:
            note(lake, fact, seen)
        return {fact.table.name: unchanged(fact) for fact in facts}

    stored = models.scan().collect()
    trained = _trained(stored, people, through, retrain_days)
    refreshed = {RISK_MODEL.name: write(lake, models, pl.concat([stored, trained]), seen)}
    fresh = _risks(_newest(pl.concat([stored, trained])), people, health, through)
    return refreshed | {GROUP_RISK.name: write(lake, risks, fresh, seen, replaced=pl.col("day") == through)}


def _is_touched(
    lake: Lake, sources: Sources, done: Mapping[str, int | None], of_all: Mapping[str, int], through: dt.date
) -> bool:
    if any(done[name] != value for name, value in of_all.items()):
        return True
    positions = {name: done[name] or 0 for name in (BATCH_INPUT, IDENTITY_INPUT)}
    return not touched_since(sources, Changes.since(lake, sources, positions), through).is_empty()


def _newest(models: pl.DataFrame) -> pl.DataFrame:
    """The newest model of the features that are measured now, as one row or none."""
    current = [RiskModel.from_json(text).is_current for text in models["parameters"]]
    return models.filter(pl.Series(current, dtype=pl.Boolean)).sort("trained_through").tail(1)


def _trained(models: pl.DataFrame, people: Handle, through: dt.date, retrain_days: int) -> pl.DataFrame:
    """A new model, as one row; none where the newest is young enough, or where there is too little to learn from."""
    due = pl.col("trained_through") <= pl.lit(through) - pl.duration(days=retrain_days)
    newest = _newest(models)
    if not newest.is_empty() and newest.filter(due).is_empty():
        return models.clear()
    return graded_model(history(people.scan(), through), through, retrain_days)


def _risks(model: pl.DataFrame, people: Handle, health: Handle, through: dt.date) -> pl.DataFrame:
    """The risks of the groups that live on a day."""
    if model.is_empty():
        return pl.DataFrame(schema=GROUP_RISK.schema)
    known = model.row(0, named=True)
    living = health.scan().filter(pl.col("day") == through).select("group_id", "silent_days")
    measured = (
        risk_features(talkative(people.scan().filter(pl.col("day") <= through)), through, since=through)
        .join(living, on="group_id")
        # Where the feed was silent too, the group's silence is not known, and nothing is told of it.
        .filter(pl.col("since_active_day_1") == pl.col("silent_days"))
        .sort("group_id")
        .collect()
    )
    return (
        drivers(RiskModel.from_json(known["parameters"]), measured)
        .with_columns(model=pl.lit(known["version"]), may_alert=pl.lit(known["may_alert"]))
        .select(GROUP_RISK.schema.names())
        .cast(GROUP_RISK.schema)
    )
