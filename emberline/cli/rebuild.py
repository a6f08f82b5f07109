"""The command `rebuild`: compute a lake table and its dependants again after a code change or damage."""

from __future__ import annotations

import datetime as dt
import getpass
from dataclasses import asdict
from typing import Annotated

import typer

from emberline.cli.app import app
from emberline.cli.hints import next_command
from emberline.cli.output import print_json, print_line, reporting
from emberline.cli.pipeline import Json, as_dict, code_of, print_failure
from pipelines.printable import counted

EVENTS = "events"


@app.command()
def rebuild(
    context: typer.Context,
    table: Annotated[
        str,
        typer.Argument(help="A fact, such as group_day. Or events: decode raw again, and rebuild every fact."),
    ],
    since: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The first day to recompute.  [default: all]", show_default=False),
    ] = None,
    reason: Annotated[str, typer.Option(help="Reason; it is stored.")] = "Its code changed.",
    actor: Annotated[
        str | None,
        typer.Option(help="Who requests it, if it is not the user of the system; it is stored.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Rebuild a lake table: after a fix of its code, or if it is damaged."""
    actor = actor or getpass.getuser()
    if table != EVENTS:
        _rebuild_fact(table, since and since.date(), reason, actor, as_json=as_json)
    elif since is not None:
        raise typer.BadParameter(f"{EVENTS} are always decoded again from the first record on", param_hint="--since")
    else:
        _rebuild_events(context, reason, actor, as_json=as_json)


def _rebuild_fact(fact: str, since: dt.date | None, reason: str, actor: str, *, as_json: bool) -> None:
    """Recompute a fact and what depends on it, then publish."""
    from emberline.runner import run_pipeline
    from emberline.services import Services
    from emberline.settings import load_settings
    from pipelines.refresh import request_rebuild
    from sensors.jobs import follow_job

    with reporting(quiet=as_json) as show:
        services, now = Services(load_settings(), show.line), dt.datetime.now(dt.UTC)
        request_rebuild(services.lake(), fact, since=since, actor=actor, reason=reason, now=now)
        outcome = run_pipeline(services, show.steps, follow_job.name)
    if as_json:
        print_json(as_dict(outcome))
    elif not outcome.is_success:
        print_failure(outcome)
    elif n_changed := sum(outcome.rows_changed.values()):
        print_line(
            f"Rebuilt {fact}: {n_changed:,} warehouse rows changed; version {outcome.version} is live. "
            "Published figures that changed are in mart.restatement, with code_changed."
        )
    else:
        print_line(f"Rebuilt {fact}: the published rows are unchanged.")
    raise typer.Exit(code_of(outcome))


def _rebuild_events(context: typer.Context, reason: str, actor: str, *, as_json: bool) -> None:
    """Decode raw again, as far back as values are stored; facts follow in the next run."""
    from emberline.services import Services
    from emberline.settings import load_settings
    from pipelines.ingest.rebuild import rebuild_events

    with reporting(quiet=as_json) as show:
        services = Services(load_settings(), show.line)
        rules = services.rules()
        progress = show.steps.of("decoding events")
        done = rebuild_events(
            services.lake(), rules.topics, rules.decoding, rules.limits.rows, rules.tolerance, progress,
            actor=actor, reason=reason, now=dt.datetime.now(dt.UTC),
        )  # fmt: skip
    if as_json:
        since = done.reach.since
        print_json(
            asdict(done.decoded)
            | {"kept": asdict(done.kept), "values_since": None if since is None else since.isoformat()}
        )
    else:
        decoded, kept = done.decoded, done.kept
        print_line(
            f"Decoded {counted(decoded.raw, 'record')} of raw again: {counted(decoded.events, 'event')}, "
            f"{decoded.quarantined:,} quarantined. Facts follow in the next run."
        )
        if kept.raw:
            print_line(
                f"Kept {counted(kept.events, 'event')} and {kept.quarantined:,} quarantined unchanged. {done.reach}"
            )
        print_line("Next: ", (next_command(context, "run"), "bold"), whole=True)
