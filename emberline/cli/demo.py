"""The command `demo`: the whole pipeline on a simulated company."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from emberline.cli.app import app
from emberline.cli.errors import ExitCode
from emberline.cli.hints import command
from emberline.cli.output import Reporting, print_line, reporting

if TYPE_CHECKING:
    from emberline.services import Services
    from emberline.simulator import Scenario

_FOLDER = Path(".emberline-demo")


@app.command()
def demo(
    context: typer.Context,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated company.")] = 7,
    end: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Day after the half year.  [default: today]",
            show_default=False,
        ),
    ] = None,
    state: Annotated[Path, typer.Option(help="Folder of the demo, emptied first.")] = _FOLDER,
) -> None:
    """Run everything once on a simulated company: simulate, ingest, compute, check, publish, show, alert."""
    if context.parent is not None and context.parent.params["state"] is not None:
        # The demo empties its folder, which must not happen to the pipeline's own.
        raise typer.BadParameter("demo empties its folder: give it after the word demo", param_hint="--state")
    from emberline.cli.alerts import print_raised
    from emberline.cli.pipeline import code_of, print_outcome
    from emberline.cli.reports import print_funnels, print_groups, print_sales
    from emberline.published import funnel_frame, groups_frame, sales_frame
    from emberline.report import write_report
    from emberline.runner import run_pipeline
    from emberline.status import lines_of, missing_of

    began = time.monotonic()
    now = dt.datetime.now(dt.UTC)
    scenario = half_year(seed, now, None if end is None else end.date())
    ended = _midnight(scenario.start + dt.timedelta(days=scenario.days), scenario.zone)
    if ended > now:
        raise typer.BadParameter(
            "events from the future go to quarantine: give a day that has begun", param_hint="--end"
        )
    services = _fresh(state)
    with reporting() as show:
        services.on_progress = show.line
        _send_company(services, scenario, show)
        outcome = run_pipeline(services, show.steps)
    print_outcome(outcome)
    if code_of(outcome) is not ExitCode.OK:
        raise typer.Exit(code_of(outcome))
    print_line()
    print_line(("All of this is simulated:", "bold yellow"), " no such company, groups or customers exist.")
    print_line()
    warehouse = services.warehouse()
    print_funnels(funnel_frame(warehouse))
    print_groups(groups_frame(warehouse))
    print_sales(sales_frame(warehouse))
    print_raised(services, ended)
    page = write_report(warehouse, missing_of(services), lines_of(services), state / "report.html")
    _say_how_to_go_on(state, page, time.monotonic() - began)


def half_year(seed: int, now: dt.datetime, end: dt.date | None) -> Scenario:
    """Return the company of the demo, whose half year ends the day before `end`; None: before today in its zone."""
    from emberline.simulator import Scenario

    scenario = Scenario(seed=seed)
    end = now.astimezone(ZoneInfo(scenario.zone)).date() if end is None else end
    return Scenario(seed=seed, start=end - dt.timedelta(days=scenario.days))


def _midnight(day: dt.date, zone: str) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)


def _fresh(state: Path) -> Services:
    """Return services in an empty demo folder, so that simulated events never mix with real ones."""
    from emberline.embedded.dagster import EmbeddedDagster
    from emberline.services import Services
    from emberline.settings import Settings

    settings = Settings.model_construct(state=state)
    old = Services(settings)
    EmbeddedDagster(old.state).stop()
    old.stop()
    old.state.destroy()
    return Services(settings)


def _send_company(services: Services, scenario: Scenario, show: Reporting) -> None:
    from emberline.simulator import simulate
    from pipelines.ingest.replay import produce

    kafka = services.kafka()
    kafka.create_topics(services.settings.kafka.own_topics, services.settings.kafka.partitions)
    show.line("simulating a company")
    world = simulate(scenario)
    show.line(f"sending {world.records.height:,} simulated records to Kafka")
    produce(kafka, world.records)


def _say_how_to_go_on(state: Path, page: Path, seconds: float) -> None:
    print_line(f"Done in {seconds:.0f} s. Kafka and PostgreSQL of the demo keep running. Continue with:")
    for what, how in (
        ("report", str(page)),
        ("tables", command("sql", "-c", r"\dt", state=state)),
        ("figures", "docs/reference/warehouse.md: their tables, meanings and units, and the code that computes them"),
        ("groups", command("groups", state=state)),
        ("alerts", command("alerts", "list", state=state)),
        ("Dagster", command("up", state=state)),
        ("stop", command("down", state=state)),
    ):
        print_line(f"  {what:<8} {how}", whole=True)
