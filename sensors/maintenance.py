"""`maintenance_job`: hourly maintenance of lake, warehouse and Dagster's history, in one run."""

# Dagster reads the type of a context from the annotation itself, so annotations are no strings here.
from dataclasses import asdict

import dagster as dg

from assets.pools import WRITER
from assets.resources import Clock
from pipelines.alerts.ledger import AlertLedger
from pipelines.lake import Lake
from pipelines.lake_upkeep import forget_marks, tidy_all
from pipelines.lake_values import remove_values
from pipelines.operations.maintenance import Upkeep
from pipelines.publish.warehouse import Warehouse
from sensors.history import forget_history


@dg.op(pool=WRITER, out=dg.Out(dg.Nothing))
def tidy_lake(
    context: dg.OpExecutionContext,
    lake: dg.ResourceParam[Lake],
    upkeep: dg.ResourceParam[Upkeep],
    clock: dg.ResourceParam[Clock],
) -> None:
    """Remove old values and processed change log rows, compact small files, and vacuum old files and log."""
    marks = forget_marks(lake)
    removed = {} if upkeep.keep_values is None else remove_values(lake, upkeep.keep_values, clock.now())
    files = {
        f"files_{done.table}": dg.MetadataValue.json(asdict(done))
        for done in tidy_all(lake, upkeep)
        if done.compacted or done.removed or done.prevented
    }
    values = {f"values_{name}": rows for name, rows in removed.items()}
    context.add_output_metadata({"marks": marks, **values, **files})


@dg.op(ins={"after": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def forget(
    context: dg.OpExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    upkeep: dg.ResourceParam[Upkeep],
    clock: dg.ResourceParam[Clock],
) -> None:
    """Prune runs, resolved alerts, delivered notices and restatements beyond the retention."""
    now = clock.now()
    warehouse.prepare()
    forgotten = {
        **asdict(forget_history(context.instance, upkeep, now)),
        "alerts": AlertLedger(warehouse.url).forget(now - upkeep.keep_alerts),
        "notices": AlertLedger(warehouse.url).forget_delivered(now - upkeep.keep_alerts),
        "restatements": warehouse.forget_restatements(now - upkeep.keep_restatements),
    }
    context.add_output_metadata(forgotten)


@dg.job(
    executor_def=dg.in_process_executor,
    description="Remove old values and compact small files of the lake; delete old files, log, runs, alerts, notices "
    "and restatements.",
)
def maintenance_job() -> None:
    """Maintain the lake, then prune the rest."""
    forget(tidy_lake())


@dg.schedule(
    job=maintenance_job,
    cron_schedule="41 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Maintenance once an hour; a late run does not make up for missed ones.",
)
def maintenance_schedule() -> dg.RunRequest:
    """Start one run an hour."""
    return dg.RunRequest()
