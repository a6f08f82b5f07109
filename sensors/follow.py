"""`follow_sensor`: refreshes tables that do not include the current version of their inputs.

A fact records its input versions, and `mart` those of its facts (decision 0003). So what has to run is derived from the
data alone: nothing can be missed between two ticks, and no state is needed (decision 0039).
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Set
from typing import Any, Final

import dagster as dg

from assets.completeness import fact_rules
from assets.resources import Clock, Rules
from pipelines.lake import Lake
from pipelines.lake_reading import LakeReading
from pipelines.operations.backlog import StartPolicy, decide_follow
from pipelines.publish.rows import is_mart_behind
from pipelines.publish.warehouse import Warehouse
from pipelines.refresh import facts_behind
from schemas.funnel import fingerprint_of_all
from schemas.lake import EVENTS, FACTS, REBUILD, TABLES
from schemas.warehouse import DATA_TABLES, MART
from sensors.backlog import runs_of
from sensors.jobs import follow_job, pipeline_job

_EVERY_S: Final = 60
_DECIDING: Final = {REBUILD, *(table for fact in FACTS for table in (fact, *fact.inputs, *fact.guided_by))}
"""The tables to compare: facts and their inputs."""


@dg.sensor(
    job=follow_job,
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts one run of tables that do not include the current version of their inputs, and of their "
    "dependants.",
)
def follow_sensor(
    context: dg.SensorEvaluationContext,
    lake: dg.ResourceParam[Lake],
    warehouse: dg.ResourceParam[Warehouse],
    rules: dg.ResourceParam[Rules],
    clock: dg.ResourceParam[Clock],
) -> dg.SensorResult:
    """Start a run if needed; the cursor is the last state in which nothing was outdated. It may be lost."""
    runs = runs_of(context.instance, follow_job.name, pipeline_job.name)
    if runs.in_flight:
        return dg.SensorResult(skip_reason=decide_follow((), runs, StartPolicy(), clock.now()).reason)
    warehouse.prepare()
    published = warehouse.lake_state()
    state = _state(lake, rules, published)
    if context.cursor == state:
        return dg.SensorResult(skip_reason="Nothing changed since all tables were up to date.", cursor=state)
    behind = assets_behind(lake, rules, published)
    decision = decide_follow(behind, runs, StartPolicy(), clock.now())
    if not decision.act:
        return dg.SensorResult(skip_reason=decision.reason, cursor=None if behind else state)
    context.log.info(decision.reason)
    if (repository := context.repository_def) is None:
        raise ValueError("the context has no repository: build it with `definitions`")
    return dg.SensorResult([dg.RunRequest(asset_selection=sorted(with_dependents(repository.asset_graph, behind)))])


def assets_behind(lake: Lake, rules: Rules, published: int | None) -> frozenset[str]:
    """Return the assets that do not include the current version of their inputs; none before the first event.

    Args:
        lake: The lake of the facts.
        rules: The company's definitions.
        published: `Warehouse.lake_state`.
    """
    if not lake.open(EVENTS).content:
        return frozenset()
    lake = LakeReading.of(lake)
    mart = {f"{MART}/{table.name}" for table in DATA_TABLES} if is_mart_behind(lake, published) else set()
    return facts_behind(lake, fact_rules(lake, rules)) | mart


def with_dependents(graph: Any, names: Collection[str]) -> Set[dg.AssetKey]:
    """Add to assets of Dagster's graph those that are computed together with them, and all dependants."""
    chosen = dg.AssetSelection.assets(*(dg.AssetKey.from_user_string(name) for name in names))
    together = chosen.required_multi_asset_neighbors().downstream().required_multi_asset_neighbors()
    return together.resolve(graph)


def _state(lake: Lake, rules: Rules, published: int | None) -> str:
    """Return a fingerprint of everything that decides which tables are outdated."""
    contents = [(table.name, lake.open(table).content) for table in TABLES.values() if table in _DECIDING]
    definitions = (
        sorted(rules.settings.items()),
        [(table.name, table.code_version) for table in FACTS],
    )
    parts = (contents, definitions, fingerprint_of_all(rules.funnels), published)
    return f"{zlib.crc32(repr(parts).encode()):08x}"
