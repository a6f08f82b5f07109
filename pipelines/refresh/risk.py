"""Refresh `risk_model` and `group_risk`: choose a new score when it is old, and score groups on each newest day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from pipelines.groups.risk.box import Line
from pipelines.groups.risk.disagreement import disagreement
from pipelines.groups.risk.drivers import drivers
from pipelines.groups.risk.features import acts, history, risk_features, with_messages
from pipelines.groups.risk.graded import graded_model
from pipelines.groups.risk.lines import from_json
from pipelines.groups.risk.measured import DEAD_AFTER_DAYS
from pipelines.groups.risk.scores import ScoreInUse, is_current
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import BATCH_INPUT, IDENTITY_INPUT, Changes, Sources, changed_groups
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import (
    SETTINGS,
    Refreshed,
    input_id,
    record_inputs,
    recorded_inputs,
    rows_version,
    through_input,
    unchanged,
    write,
)
from schemas.lake import GROUP_HEALTH, GROUP_RISK, PERSON_DAY, RISK_MODEL


def risk_inputs(people: Handle, health: Handle, through: dt.date | None, settings: int) -> dict[str, int]:
    """Return the inputs of `risk_model` and `group_risk`: positions of `person_day`, and inputs of all groups."""
    positions = {name: people.position(name) or 0 for name in (BATCH_INPUT, IDENTITY_INPUT)}
    return positions | _of_all(health, through, settings)


def _of_all(health: Handle, through: dt.date | None, settings: int) -> dict[str, int]:
    of_health = {input_id(SETTINGS): settings, input_id(GROUP_HEALTH.name): rows_version(health)}
    return of_health | through_input(through)


def refresh_risk(lake: Lake, through: dt.date | None, retrain_days: int, settings: int) -> dict[str, Refreshed]:
    """Score the groups alive on the newest complete day; first choose a score if the newest one is too old.

    While the day is the newest, groups with late events are scored again. Risks of earlier days are never changed, nor
    is the score until it is `retrain_days` old, because people act on them. If history is too short for training, the
    shipped model is used.

    Args:
        lake: The lake with both facts and their inputs `person_day` and `group_health`.
        through: Last complete day; None: there is none.
        retrain_days: Days after which a new model is trained.
        settings: Fingerprint of that and of the settings that decide which days are complete.

    Returns:
        The result by lake table.
    """
    facts = models, risks = lake.open(RISK_MODEL), lake.open(GROUP_RISK)
    people, health = lake.open(PERSON_DAY), lake.open(GROUP_HEALTH)
    sources = Sources.of(lake)
    of_all = _of_all(health, through, settings)
    rebuilds = [rebuild_due(lake, fact) for fact in facts]
    seen = risk_inputs(people, health, through, settings) | rebuilds[0].seen()
    done = recorded_inputs(risks, seen)
    if all(recorded_inputs(fact, seen) == seen for fact in facts):
        return {fact.table.name: unchanged(fact) for fact in facts}
    is_due = any(rebuild.is_due for rebuild in rebuilds)
    if through is None or not (is_due or _has_changed(lake, sources, done, of_all, through)):
        for fact in facts:
            record_inputs(lake, fact, seen)
        return {fact.table.name: unchanged(fact) for fact in facts}

    stored = models.scan().collect()
    is_rebuilt = any(RISK_MODEL.name in rebuild.named for rebuild in rebuilds)
    if is_rebuilt:  # replaces one trained on the same days
        stored = stored.filter(pl.col("trained_through") < through)
    trained = pl.concat([stored, _trained(stored, people, through, retrain_days, is_rebuilt=is_rebuilt)])
    refreshed = {RISK_MODEL.name: write(lake, models, trained, seen)}
    model = _newest(trained)
    measured = _measured_groups(people, health, through)
    is_of_day, counted = pl.col("day") == through, Refreshed(is_changed=False, rows=0)
    if not is_due and all(done[name] == of_all[name] for name in (input_id(SETTINGS), input_id("through"))):
        by_model = pl.col("model").is_in(model["version"].implode())
        of_day = risks.scan().filter(is_of_day & by_model).select("group_id").collect()["group_id"]
        changed = changed_groups(sources, _changes(lake, sources, done), through)["group_id"]
        is_kept = pl.col("group_id").is_in(of_day.implode()) & ~pl.col("group_id").is_in(changed.implode())
        is_of_day &= ~(is_kept & pl.col("group_id").is_in(measured["group_id"].implode()))
        measured = measured.filter(~is_kept)
        counted = replace(counted, groups=len(measured))
    fresh = _risks(model, people, measured, through)
    return refreshed | {GROUP_RISK.name: write(lake, risks, fresh, seen, counted, is_of_day)}


def newest_lines(lake: Lake) -> tuple[list[Line], float] | None:
    """Return alert quality of the newest score by threshold, and the weight of the model in it; None: no score yet."""
    scores = lake.open(RISK_MODEL).scan().select("trained_through", "lines", "model_share").drop_nulls()
    newest = scores.sort("trained_through").tail(1).collect(engine="streaming")
    if newest.is_empty():
        return None
    _, lines, share = newest.row(0)
    return from_json(lines), share


def _has_changed(
    lake: Lake, sources: Sources, done: Mapping[str, int | None], of_all: Mapping[str, int], through: dt.date
) -> bool:
    if any(done[name] != value for name, value in of_all.items()):
        return True
    return not changed_groups(sources, _changes(lake, sources, done), through).is_empty()


def _changes(lake: Lake, sources: Sources, done: Mapping[str, int | None]) -> Changes:
    return Changes.since(lake, sources, {name: done[name] for name in (BATCH_INPUT, IDENTITY_INPUT)})


def _measured_groups(people: Handle, health: Handle, through: dt.date) -> pl.DataFrame:
    """Return the living groups with a measured day, with their `state`.

    Without data of its source, a group's silence is unknown.
    """
    is_recent = pl.col("day").is_between(through - dt.timedelta(days=DEAD_AFTER_DAYS), through, closed="right")
    last_days = people.scan().filter(is_recent & (acts() > 0)).group_by("group_id").agg(last_day=pl.col("day").max())
    is_known = pl.col("silent_days") == (pl.lit(through) - pl.col("last_day")).dt.total_days()
    living = health.scan().filter(pl.col("day") == through).select("group_id", "state", "silent_days")
    return living.join(last_days, on="group_id").filter(is_known).select("group_id", "state").collect()


def _newest(models: pl.DataFrame) -> pl.DataFrame:
    """Return the newest score with the current shipped model and features, as one row or none."""
    current = pl.Series(map(is_current, models["parameters"]), dtype=pl.Boolean)
    return models.filter(current).sort("trained_through").tail(1)


def _trained(
    models: pl.DataFrame, people: Handle, through: dt.date, retrain_days: int, *, is_rebuilt: bool
) -> pl.DataFrame:
    """Return a new score as one row; none if the newest is recent enough."""
    due = pl.col("trained_through") <= pl.lit(through) - pl.duration(days=retrain_days)
    newest = _newest(models)
    if not is_rebuilt and not newest.is_empty() and newest.filter(due).is_empty():
        return models.clear()
    return graded_model(people.scan(), history(people.scan(), through), through, retrain_days)


def _risks(model: pl.DataFrame, people: Handle, groups: pl.DataFrame, through: dt.date) -> pl.DataFrame:
    """Return the risks of groups on a day, `group_id` with the `state` of that day."""
    if model.is_empty() or groups.is_empty():
        return pl.DataFrame(schema=GROUP_RISK.schema)
    known = model.row(0, named=True)
    activity = people.scan().filter((pl.col("day") <= through) & pl.col("group_id").is_in(groups["group_id"].implode()))
    measured = with_messages(activity, risk_features(activity, through, since=through)).sort("group_id").collect()
    return (
        drivers(ScoreInUse.from_json(known["parameters"]), measured)
        .with_columns(pl.lit(known[name]).alias(name) for name in ("may_alert", "score", "model_share"))
        .join(groups, on="group_id")
        .with_columns(model=pl.lit(known["version"]), disagreement=disagreement())
        .select(GROUP_RISK.schema.names())
        .cast(GROUP_RISK.schema)
    )
