"""Write, audit, publish: load what changed into the schema `staging`, check it, switch `mart` in one transaction."""

# No postponed annotations: Dagster reads the type of a config from the annotation itself.

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
from pydantic import Field

from assets.completeness import complete_through
from assets.resources import Clock, Plots, Progress, Rules
from assets.steps import lake_assets
from assets.tables import plotted, published
from pipelines.ingest.decoded_through import decoded_through
from pipelines.lake import Handle, Lake
from pipelines.lake_reading import LakeReading
from pipelines.publish.audit import Verdict, audit
from pipelines.publish.differences import difference, is_restored
from pipelines.publish.guard import Guard
from pipelines.publish.lateness import lateness
from pipelines.publish.rows import (
    SOURCES,
    lake_id,
    lake_state,
    newest_batch,
    newest_rebuild,
    rows_of,
    rules_state,
    state_of,
)
from pipelines.publish.switch import Known, Late, Published, unchanged
from pipelines.publish.warehouse import Warehouse
from pipelines.refresh import has_simulated
from schemas.expectations import SUITES
from schemas.lake import EVENTS, IDENTITY_CHANGE, QUARANTINED_EVENT
from schemas.warehouse import DATA_TABLES, MART

CHECK = "expectations"
_SHOWN = 5


class PublishConfig(dg.Config):
    """How a run publishes."""

    is_audit: bool = Field(
        default=False,
        description="A full audit: stage and check all rows, and let Great Expectations judge every expectation, also "
        "where one query finds nothing broken, at some 20 ms each. Rows of mart that differ from the lake are mended.",
    )
    accept_loss: bool = Field(
        default=False,
        description="Publish although tables lose more of their rows than warehouse.max_lost_share allows, or although "
        "the warehouse is of another lake.",
    )


@lake_assets(
    [dg.AssetSpec(**published(table), skippable=True) for table in DATA_TABLES],
    check_specs=[
        dg.AssetCheckSpec(
            CHECK,
            asset=[MART, table.name],
            blocking=True,
            description=f"{len(SUITES[table.name].expectations)} expectations; an error stops the publication.",
        )
        for table in DATA_TABLES
    ],
    can_subset=True,
)
def publish(
    context: dg.AssetExecutionContext,
    config: PublishConfig,
    lake: dg.ResourceParam[Lake],
    warehouse: dg.ResourceParam[Warehouse],
    rules: dg.ResourceParam[Rules],
    clock: dg.ResourceParam[Clock],
    progress: dg.ResourceParam[Progress],
    plots: dg.ResourceParam[Plots],
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Load the rows that are new, changed or go since the published version, check them, and publish all tables.

    All tables are published together; a table is reported if it is selected and its facts or its code changed. While
    `mart` is up to date nothing is done or reported.
    """
    warehouse.prepare()
    lake = LakeReading.of(lake)
    loaded = _stage(lake, warehouse, progress, is_audit=config.is_audit)
    if loaded is None:
        return
    verdicts = _checked(warehouse, is_audit=config.is_audit)
    chosen = {key.asset_key.path[-1] for key in context.selected_asset_check_keys}
    whole = {name for name, one in loaded.items() if one.is_whole}
    yield from (
        _check_result(name, found, is_whole=name in whole) for name, found in verdicts.items() if name in chosen
    )
    if any(_is_critical(found) for found in verdicts.values()):
        # Dagster fails the step for its failed checks.
        return
    outcome = _switch(lake, warehouse, rules, config, clock.now())
    states, drawn = warehouse.published_states(), plots.draw(warehouse)
    selected = {key.path[-1] for key in context.selected_asset_keys}
    # A version of the same rows, which only records newer data, is one of all tables.
    for name in (name for name in loaded or [table.name for table in DATA_TABLES] if name in selected):
        state = states.get(name)
        yield dg.MaterializeResult(
            [MART, name],
            data_version=state and dg.DataVersion(state.name),
            metadata={
                "version": outcome.version,
                "rows_loaded": loaded[name].rows if name in loaded else 0,
                "rows_changed": outcome.rows_changed.get(name, 0),
                "figures_restated": outcome.restated.get(name, 0),
                "is_new_version": outcome.is_new,
                **plotted(drawn.get(name)),
            },
        )


@dataclass(frozen=True)
class _Loaded:
    """What is staged for a table: the number of loaded rows, and whether they are all or the difference to `mart`."""

    rows: int
    is_whole: bool


def _stage(lake: Lake, warehouse: Warehouse, progress: Progress, *, is_audit: bool) -> dict[str, _Loaded] | None:
    """Load into the schema `staging` what differs from `mart`.

    Returns:
        What is staged for tables that are not as published; None if `mart` is up to date and not to be audited.
    """
    newest, opened = warehouse.known(), _opened(lake)
    states = {table.name: state_of(table, opened) for table in DATA_TABLES}
    is_whole = is_audit or (newest is not None and _is_made_otherwise(newest, lake))
    is_published = newest is not None and newest.lake_state == lake_state(lake)
    published, staged = warehouse.published_states(), warehouse.staged()
    settled = {
        table.name
        for table in DATA_TABLES
        if (state := published.get(table.name)) is not None
        and state.name == states[table.name].name
        and not is_restored(lake, table, opened, state)
    }
    same = unchanged(staged, published) & settled
    warehouse.note_versions({name: states[name] for name in same if states[name].versions != published[name].versions})
    if is_published and not is_whole and len(same) == len(DATA_TABLES):
        return None
    loaded: dict[str, _Loaded] = {}
    with warehouse.stage_many() as stage_table:
        for number, table in enumerate(DATA_TABLES, start=1):
            state, known, before = states[table.name], published.get(table.name), staged.get(table.name)
            is_staged = before is not None and before.is_next(state, known) and not is_whole
            if before is not None and table.name not in settled:
                # The name of a state can come again with other rows, where a backup of the lake was restored.
                is_staged = is_staged and before.state == state
            if not is_staged:
                # Of what a full audit found to be broken all rows are looked at until it passes.
                is_refused = before is not None and before.is_whole and not before.is_checked
                rows = None
                if known is not None and known.contract == state.contract and not (is_whole or is_refused):
                    rows = difference(lake, table, opened, known)
                are_all = rows is None
                if rows is None:
                    rows = rows_of(table, lambda source: opened[source.name].scan())
                loaded[table.name] = _Loaded(stage_table(table, rows, state), are_all)
            elif before is not None and table.name not in same:
                loaded[table.name] = _Loaded(before.rows, before.is_whole)
            progress.report("staging tables", number, len(DATA_TABLES))
    return loaded


def _opened(lake: Lake) -> dict[str, Handle]:
    """The lake tables that the warehouse is made from, in their current versions."""
    return {source.name: lake.open(source) for source in SOURCES}


def _is_made_otherwise(newest: Known, lake: Lake) -> bool:
    """Whether settings or code differ from those that the published version was made with."""
    return (newest.rules, newest.rebuilds) != (rules_state(lake), newest_rebuild(lake))


def _checked(warehouse: Warehouse, *, is_audit: bool) -> dict[str, list[Verdict]]:
    """Run the suites on what is staged, and note what passed.

    Returns:
        The verdicts by table; none of a suite whose tables are as published: they would be the same.
    """
    same, staged = warehouse.unchanged(), warehouse.staged()
    suites = [suite for suite in SUITES.values() if not suite.tables <= same]
    verdicts: dict[str, list[Verdict]] = {suite.table: [] for suite in suites}
    for verdict in audit(warehouse.url, suites, staged=staged, is_full=is_audit):
        verdicts[verdict.table].append(verdict)
    if not any(map(_is_critical, verdicts.values())):
        loaded = ((table, staged.get(table.name)) for table in DATA_TABLES)
        warehouse.note_checked({table: one for table, one in loaded if one is not None and not one.is_checked})
    return verdicts


def _is_critical(verdicts: Sequence[Verdict]) -> bool:
    return any(verdict.severity == "error" and not verdict.success for verdict in verdicts)


def _check_result(table: str, verdicts: Sequence[Verdict], *, is_whole: bool) -> dg.AssetCheckResult:
    failed = [verdict for verdict in verdicts if not verdict.success]
    return dg.AssetCheckResult(
        check_name=CHECK,
        asset_key=[MART, table],
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if _is_critical(verdicts) else dg.AssetCheckSeverity.WARN,
        description="; ".join(verdict.message for verdict in failed[:_SHOWN]) or None,
        metadata={
            "expectations": len(verdicts),
            "failed": [verdict.message for verdict in failed],
            "is_whole": is_whole,
        },
    )


def _switch(lake: Lake, warehouse: Warehouse, rules: Rules, config: PublishConfig, now: dt.datetime) -> Published:
    """Make what is staged the published version."""
    known = _known(lake, rules)
    batch = known.events_batch
    return warehouse.publish(
        DATA_TABLES,
        known=known,
        late=Late(
            since=lambda before: lateness(
                lake.open(EVENTS).scan(),
                lake.open(QUARANTINED_EVENT).scan(),
                lake.open(IDENTITY_CHANGE).scan(),
                before,
                batch,
                decoded_through(lake, before.events_batch),
            ),
            zone=rules.zone,
        ),
        guard=Guard(lake_id(lake), rules.max_lost_share, is_accepted=config.accept_loss),
        now=now,
    )


def _known(lake: Lake, rules: Rules) -> Known:
    """Return what the new version of the warehouse will record about the lake: newest batch, settings, rebuilds."""
    return Known(
        events_batch=newest_batch(lake),
        lake_state=lake_state(lake),
        complete_through=complete_through(lake, rules),
        zone=rules.zone,
        is_synthetic=has_simulated(lake),
        rules=rules_state(lake),
        rebuilds=newest_rebuild(lake),
    )
