"""`rebuild`: make a table of the lake again from what it follows from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from emberline.cli.app import app
from emberline.cli.hints import next_command
from emberline.cli.output import print_json, print_line, reporting
from emberline.cli.pipeline import Json

EVENTS = "events"


@app.command()
def rebuild(
    context: typer.Context,
    table: Annotated[str, typer.Argument(help="events: decode raw again, and compute every fact from scratch.")],
    as_json: Json = False,
) -> None:
    """Make a table of the lake again: after its code was mended, or where it is damaged."""
    if table != EVENTS:
        raise typer.BadParameter(f"{table!r}; there is {EVENTS}", param_hint="TABLE")
    rebuild_events(context, as_json=as_json)


def rebuild_events(context: typer.Context, *, as_json: bool) -> None:
    """Decode raw again; facts follow with the next run."""
    from emberline.services import Services
    from emberline.settings import load_settings
    from pipelines.ingest.rebuild import rebuild_events as decode_again

    with reporting(quiet=as_json) as show:
        services = Services(load_settings(), show.line)
        rules = services.rules()
        progress = show.steps.of("decoding events")
        counts = decode_again(
            services.lake(), rules.topics, rules.decoding, rules.limits.rows, rules.tolerance, progress
        )
    if as_json:
        print_json(asdict(counts))
    else:
        print_line(
            f"Decoded {counts.raw:,} records of raw again: {counts.events:,} events, "
            f"{counts.quarantined:,} quarantined. Facts follow with the next run."
        )
        print_line("Next: ", (next_command(context, "run"), "bold"), whole=True)
