"""`maintenance_job`: hourly maintenance of lake, warehouse and Dagster's history, in one run."""

# Dagster reads the type of a context from the annotation itself, so annotations are no strings here.
from dataclasses import asdict

import dagster as dg

from assets.pools import WRITER
from assets.resources import Clock
from pipelines.alerts.ledger import AlertLedger
from pipelines.ingest.old_notes import clear_old_notes
from pipelines.lake import Lake
from pipelines.lake_maintenance import maintain_all, prune_change_log
from pipelines.lake_values import remove_values
from pipelines.operations.maintenance import MaintenancePolicy
from pipelines.publish.warehouse import Warehouse
from sensors.history import prune_history


@dg.op(pool=WRITER, out=dg.Out(dg.Nothing))
def maintain_lake(
    context: dg.OpExecutionContext,
    lake: dg.ResourceParam[Lake],
    maintenance_policy: dg.ResourceParam[MaintenancePolicy],
    clock: dg.ResourceParam[Clock],
) -> None:
    """Remove old values, notes and processed rows of the change log, compact small files, vacuum old files and log."""
    change_log_rows, now = prune_change_log(lake), clock.now()
    values_kept, notes_kept = maintenance_policy.keep_values, maintenance_policy.keep_notes
    removed = {} if values_kept is None else remove_values(lake, values_kept, now)
    notes = 0 if notes_kept is None else clear_old_notes(lake, notes_kept, now)
    files = {
        f"files_{done.table}": dg.MetadataValue.json(asdict(done))
        for done in maintain_all(lake, maintenance_policy)
        if done.compacted or done.removed or done.prevented
    }
    values = {f"values_{name}": rows for name, rows in removed.items()}
    context.add_output_metadata({"change_log_rows": change_log_rows, "notes": notes, **values, **files})


@dg.op(ins={"after": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def prune(
    context: dg.OpExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    maintenance_policy: dg.ResourceParam[MaintenancePolicy],
    clock: dg.ResourceParam[Clock],
) -> None:
    """Prune runs, resolved alerts, delivered notices and restatements beyond the retention."""
    now = clock.now()
    warehouse.prepare()
    pruned = {
        **asdict(prune_history(context.instance, maintenance_policy, now)),
        "alerts": AlertLedger(warehouse.url).delete_resolved(now - maintenance_policy.keep_alerts),
        "notices": AlertLedger(warehouse.url).delete_delivered(now - maintenance_policy.keep_alerts),
        "restatements": warehouse.delete_restatements(now - maintenance_policy.keep_restatements),
    }
    context.add_output_metadata(pruned)


@dg.job(
    executor_def=dg.in_process_executor,
    description="Remove old values and notes and compact small files of the lake; delete old files, log, runs, "
    "alerts, notices and restatements.",
)
def maintenance_job() -> None:
    """Maintain the lake, then prune the rest."""
    prune(maintain_lake())


@dg.schedule(
    job=maintenance_job,
    cron_schedule="41 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Maintenance once an hour; a late run does not make up for missed ones.",
)
def maintenance_schedule() -> dg.RunRequest:
    """Start one run an hour."""
    return dg.RunRequest()
