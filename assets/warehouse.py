"""Write, audit, publish: `staging/*`, the checks on it, then `mart/*` in one transaction."""

# No postponed annotations: Dagster reads the type of a config from the annotation itself.

from collections.abc import Iterator, Mapping
from dataclasses import replace

import dagster as dg
from pydantic import Field

from assets.completeness import complete_through
from assets.pools import WRITER
from assets.resources import Clock, Plots, Progress, Rules
from assets.steps import lake_assets
from assets.tables import plotted, published, staged
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
from pipelines.publish.staging import State
from pipelines.publish.switch import Known, Late, unchanged
from pipelines.publish.warehouse import Warehouse
from pipelines.refresh import has_simulated
from schemas.expectations import SUITES
from schemas.lake import EVENTS, IDENTITY_CHANGE, QUARANTINED_EVENT
from schemas.warehouse import DATA_TABLES, MART, STAGING

CHECK = "expectations"
_SHOWN = 5
_BEHIND = 0
"""The fingerprint of no facts: what is published is older than they are."""


class CheckConfig(dg.Config):
    """How the staged rows are checked."""

    is_full: bool = Field(
        default=False,
        description="Let Great Expectations judge every expectation, also where one query finds nothing broken: a full "
        "audit. It takes some 20 ms an expectation.",
    )


class StageConfig(dg.Config):
    """How much of the next version is staged."""

    is_whole: bool = Field(
        default=False,
        description="Stage all rows, and run every expectation on all of them: a full audit. Rows of mart that differ "
        "from the lake are mended.",
    )


@lake_assets([dg.AssetSpec(**staged(table), skippable=True) for table in DATA_TABLES])
def stage(
    config: StageConfig,
    lake: dg.ResourceParam[Lake],
    warehouse: dg.ResourceParam[Warehouse],
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.MaterializeResult]:
    """Load the rows that are new, changed or go since the published version into the schema `staging`.

    While `mart` is up to date it stages nothing, and nothing is checked or published: Dagster skips these steps.
    """
    warehouse.prepare()
    lake = LakeReading.of(lake)
    newest, opened = warehouse.known(), _opened(lake)
    states = _states(opened)
    is_whole = config.is_whole or (newest is not None and _is_made_otherwise(newest, lake))
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
        return
    with warehouse.stage_many() as stage_table:
        for number, table in enumerate(DATA_TABLES, start=1):
            state, known, before = states[table.name], published.get(table.name), staged.get(table.name)
            is_staged = before is not None and before.is_next(state, known) and not is_whole
            if before is not None and table.name not in settled:
                # The name of a state can come again with other rows, where a backup of the lake was restored.
                is_staged = is_staged and before.state == state
            loaded = 0
            if not is_staged:
                # Of what a full audit found to be broken all rows are looked at until it passes.
                is_refused = before is not None and before.is_whole and not before.is_checked
                rows = None
                if known is not None and known.contract == state.contract and not (is_whole or is_refused):
                    rows = difference(lake, table, opened, known)
                if rows is None:
                    rows = rows_of(table, lambda source: opened[source.name].scan())
                loaded = stage_table(table, rows, state)
            progress.report("staging tables", number, len(DATA_TABLES))
            yield dg.MaterializeResult(
                [STAGING, table.name],
                metadata={"is_changed": not is_staged, "rows_loaded": loaded},
                data_version=dg.DataVersion(state.name),
            )


def _opened(lake: Lake) -> dict[str, Handle]:
    """The lake tables that the warehouse is made from, in their current versions."""
    return {source.name: lake.open(source) for source in SOURCES}


def _states(opened: Mapping[str, Handle]) -> dict[str, State]:
    """The state that each table has when it is made from these lake tables."""
    return {table.name: state_of(table, opened) for table in DATA_TABLES}


def _is_newest(warehouse: Warehouse, lake: Lake) -> bool:
    """Whether the staged version was made from the current facts; not so if `mart` is materialized by itself."""
    staged = warehouse.staged()
    return all(
        name in staged and (state := staged[name].state) is not None and state.name == newest.name
        for name, newest in _states(_opened(lake)).items()
    )


def _is_made_otherwise(newest: Known, lake: Lake) -> bool:
    """Whether settings or code differ from those that the published version was made with."""
    return (newest.rules, newest.rebuilds) != (rules_state(lake), newest_rebuild(lake))


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            CHECK,
            asset=[STAGING, table.name],
            blocking=True,
            description=f"{len(SUITES[table.name].expectations)} expectations; an error stops the publication.",
        )
        for table in DATA_TABLES
    ],
    pool=WRITER,
)
def check_staging(config: CheckConfig, warehouse: dg.ResourceParam[Warehouse]) -> Iterator[dg.AssetCheckResult]:
    """Run the Great Expectations suites on what is staged; a broken critical expectation blocks the publication.

    A suite is skipped if none of its tables changed since it was published: its result would be the same.
    """
    by_table: dict[str, list[Verdict]] = {table.name: [] for table in DATA_TABLES}
    same, staged = warehouse.unchanged(), warehouse.staged()
    suites = [suite for suite in SUITES.values() if not suite.tables <= same]
    for verdict in audit(warehouse.url, suites, staged=staged, is_full=config.is_full):
        by_table[verdict.table].append(verdict)
    if not any(verdict.severity == "error" and not verdict.success for found in by_table.values() for verdict in found):
        loaded = ((table, staged.get(table.name)) for table in DATA_TABLES)
        warehouse.note_checked({table: one for table, one in loaded if one is not None and not one.is_checked})
    for name, verdicts in by_table.items():
        failed = [verdict for verdict in verdicts if not verdict.success]
        yield dg.AssetCheckResult(
            check_name=CHECK,
            asset_key=[STAGING, name],
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR
            if any(verdict.severity == "error" for verdict in failed)
            else dg.AssetCheckSeverity.WARN,
            description="; ".join(verdict.message for verdict in failed[:_SHOWN]) or None,
            metadata={
                "expectations": len(verdicts),
                "failed": [verdict.message for verdict in failed],
                "is_whole": name in staged and staged[name].is_whole,
            },
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


class PublishConfig(dg.Config):
    """What a person agrees to for one run."""

    accept_loss: bool = Field(
        default=False,
        description="Publish although tables lose more of their rows than warehouse.max_lost_share allows, or although "
        "the warehouse is of another lake.",
    )


@lake_assets([dg.AssetSpec(**published(table)) for table in DATA_TABLES])
def publish(
    config: PublishConfig,
    lake: dg.ResourceParam[Lake],
    warehouse: dg.ResourceParam[Warehouse],
    rules: dg.ResourceParam[Rules],
    clock: dg.ResourceParam[Clock],
    plots: dg.ResourceParam[Plots],
) -> Iterator[dg.MaterializeResult]:
    """Switch all tables of `mart` to the checked version in one transaction."""
    lake = LakeReading.of(lake)
    known, before = _known(lake, rules), warehouse.known()
    if not _is_newest(warehouse, lake):
        known = replace(before or known, lake_state=_BEHIND)
    batch = known.events_batch
    published = warehouse.publish(
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
        now=clock.now(),
    )
    states, drawn = warehouse.published_states(), plots.draw(warehouse)
    for table in DATA_TABLES:
        state = states.get(table.name)
        yield dg.MaterializeResult(
            [MART, table.name],
            data_version=state and dg.DataVersion(state.name),
            metadata={
                "version": published.version,
                "rows_changed": published.rows_changed.get(table.name, 0),
                "figures_restated": published.restated.get(table.name, 0),
                "is_new_version": published.is_new,
                **plotted(drawn.get(table.name)),
            },
        )
