"""The command `pull`: send new data of APIs to Kafka, once or until stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from emberline.cli.app import app, configured
from emberline.cli.errors import ExitCode
from emberline.cli.hints import next_command
from emberline.cli.output import Reporting, print_error, print_json, print_line, reporting
from emberline.cli.pipeline import Json
from pipelines.printable import counted
from schemas.errors import EmberlineError

if TYPE_CHECKING:
    from emberline.services import Services
    from pipelines.ingest.pulling.pull import Pulled, Source


@app.command()
def pull(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Pulls of the settings, [pull.NAME].  [default: all]", metavar="[NAME]..."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat until stopped, each at its interval.")] = False,
    as_json: Json = False,
) -> None:
    """Read new data from the APIs of the settings and send it to Kafka; `emberline run` does the rest."""
    from emberline.pulls import open_sources, refuse_unfit

    services = configured()
    refuse_unfit(services.settings)
    sources = open_sources(services, names)
    if watch:
        from emberline.pull_watch import watch_sources

        watch_sources(services, sources)
        return
    done: dict[str, Pulled | EmberlineError] = {}
    with reporting(quiet=as_json) as show:
        services.on_progress = show.line
        for source in sources:
            done[source.name] = _pulled(services, source, show)
    if as_json:
        print_json({name: _as_dict(found) for name, found in done.items()})
    else:
        for source in sources:
            _show(source, done[source.name])
        if any(not isinstance(found, EmberlineError) and found.payloads for found in done.values()):
            print_line("Next: ", (next_command(context, "run"), "bold"), whole=True)
    if any(isinstance(found, EmberlineError) for found in done.values()):
        raise typer.Exit(ExitCode.FAILED)


def _pulled(services: Services, source: Source, show: Reporting) -> Pulled | EmberlineError:
    """Return the result of a pull or its error: the other pulls run regardless."""
    from emberline.pulls import pull_of
    from pipelines.ingest.pulling.pull import Hooks

    step = show.steps.of(f"pulling {source.name} (payloads)")
    hooks = Hooks(
        on_page=lambda pulled: step(pulled.payloads, 0),
        on_wait=lambda error, seconds: show.line(f"{source.name}: {error.cause} Retry in {seconds:.0f} s."),
    )
    try:
        return pull_of(services, source, hooks).once()
    except EmberlineError as error:
        return error


def _show(source: Source, found: Pulled | EmberlineError) -> None:
    if isinstance(found, EmberlineError):
        print_error(f"{source.name}: {type(found).__name__}", str(found))
        return
    print_line((source.name, "bold"), f": {counted(found.payloads, 'payload')} sent to topic {source.topic}.")
    for what, times in sorted(found.skipped.items()):
        print_line(f"  Skipped: {what} ({times:,})")
    for gap in found.gaps:
        print_line("  ", (gap, "yellow"))


def _as_dict(found: Pulled | EmberlineError) -> dict[str, Any]:
    if isinstance(found, EmberlineError):
        return {"error": found.cause, "next_step": found.next_step}
    return {
        "payloads": found.payloads,
        "pages": found.pages,
        "skipped": dict(found.skipped),
        "gaps": found.gaps,
    }
