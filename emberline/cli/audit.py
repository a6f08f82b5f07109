"""The command `audit`: check the whole warehouse."""

from __future__ import annotations

import typer

from emberline.cli.app import app
from emberline.cli.output import print_json, print_line, reporting
from emberline.cli.pipeline import AcceptLoss, Json, as_dict, code_of, print_failure
from pipelines.printable import counted


@app.command()
def audit(accept_loss: AcceptLoss = False, as_json: Json = False) -> None:
    """Run every check on all rows of the warehouse, and repair rows that differ from the lake."""
    from emberline.runner import run_pipeline
    from emberline.services import Services
    from emberline.settings import load_settings
    from sensors.jobs import audit_job

    with reporting(quiet=as_json) as show:
        services = Services(load_settings(), show.line)
        outcome = run_pipeline(services, show.steps, audit_job.name, accept_loss=accept_loss)
    if as_json:
        print_json(as_dict(outcome))
    else:
        print_failure(outcome)
        if outcome.is_success:
            if not outcome.failed_checks:
                print_line(f"All rows of {len(outcome.rows_changed)} tables were compared with the lake and checked.")
            for name, rows in outcome.rows_changed.items():
                if rows:
                    print_line(f"  {counted(rows, 'row')} of mart.{name} differed from the lake; repaired")
    raise typer.Exit(code_of(outcome))
