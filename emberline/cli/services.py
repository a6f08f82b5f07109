"""Commands on the services: `up`, `down`, `status`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emberline.cli.app import app, configured
from emberline.cli.output import Part, print_json, print_line, reporting
from emberline.cli.pipeline import Json
from pipelines.printable import counted, printable_name

if TYPE_CHECKING:
    from emberline.services import Services

_SHOWN = 3
"""Most reasons of ignored records shown; `--json` has all."""


@app.command()
def up(as_json: Json = False) -> None:
    """Start the embedded services: Kafka, PostgreSQL, Dagster, and the webhook receiver and pulls if they are set."""
    from emberline.embedded.dagster import EmbeddedDagster
    from emberline.instance import dagster_environment
    from emberline.pulls import refuse_unfit
    from emberline.receiver.routes import open_routes

    services = configured()
    done: list[str] = []
    with reporting(quiet=as_json) as show:

        def report(line: str) -> None:
            done.append(line)
            show.line(line)

        services.on_progress = report
        if services.settings.receive.routes:
            open_routes(services)  # report a missing secret before anything starts
        refuse_unfit(services.settings)
        kafka = services.kafka()
        kafka.create_topics(services.settings.kafka.own_topics, services.settings.kafka.partitions)
        services.warehouse().prepare()
        EmbeddedDagster(services.state).start(dagster_environment(services), report)
        if services.settings.receive.routes:
            services.receiver().start(report)
        if services.settings.pull:
            services.puller().start(report)
    if not (done or as_json):
        print_line("Already up: nothing to start.")
    _print_status(services, as_json=as_json, with_link=True)


@app.command()
def down() -> None:
    """Stop the embedded services. Data stays in the state folder; external services are not touched."""
    from emberline.bi.superset import EmbeddedSuperset
    from emberline.embedded.dagster import EmbeddedDagster

    services = configured()
    if not services.settings.state.expanduser().exists():
        print_line(f"Nothing to stop: there is no folder {services.settings.state}", whole=True)
        return
    services.receiver().stop()
    services.puller().stop()
    EmbeddedSuperset(services.state).stop()
    EmbeddedDagster(services.state).stop()
    services.stop()
    print_line(f"Stopped. The data stays in {services.state.path}", whole=True)


@app.command()
def status(
    as_json: Json = False,
    with_secrets: Annotated[bool, typer.Option("--secrets", help="Also show passwords in addresses.")] = False,
) -> None:
    """Show addresses and health of all services, and the condition of the pipeline."""
    _print_status(configured(looks_only=True), as_json=as_json, with_secrets=with_secrets)


def _print_status(services: Services, *, as_json: bool, with_secrets: bool = False, with_link: bool = False) -> None:
    from emberline.status import addresses, condition

    found = addresses(services, with_secrets=with_secrets, with_link=with_link)
    how = condition(services, dt.datetime.now(dt.UTC))
    if as_json:
        print_json({**found, **how})
        return
    print_line(f"State folder  {services.state.path}", whole=True)
    for name, value in found.items():
        print_line(f"{_label(name):<13} ", value or ("not running", "dim"), whole=True)
    for line in _condition_lines(how):
        print_line(*line)


def _condition_lines(how: dict[str, Any]) -> Iterator[tuple[Part, ...]]:
    """Yield lines on the pipeline's condition: unread records, publication, checks, runs, alerts."""
    backlog, published, runs, checks = how["backlog"], how["published"], how["runs"], how["checks"]
    dead = [name.replace("_", " ") for name, is_running in how["dagster"].items() if not is_running]
    if 0 < len(dead) < len(how["dagster"]):
        missing = (f"not running: {', '.join(dead)}", "red")
        yield "Dagster       ", missing, ". Next: emberline up starts them"
    if how["slow_reader"] is not None:
        why = f"Kafka is read and written several times more slowly: {how['slow_reader']}"
        yield f"{'Client':<13} ", (why, "yellow"), ". Next: install the tested one, make install does"
    if backlog is not None:
        since = "" if backlog["oldest_seconds"] is None else f", the oldest for {_duration(backlog['oldest_seconds'])}"
        yield (f"Unread        {counted(backlog['records'], 'record')}{since}",)
    yield from _ignored_lines(how["records"])
    yield from _missing_lines(how["missing"])
    yield from _total_lines(how["totals"])
    yield from _pull_lines(how["pulls"] or {})
    if published is not None:
        through = published["complete_through"]
        yield (
            f"Published     version {published['version']}, {_duration(published['age_seconds'])} ago, "
            + ("no day is complete yet" if through is None else f"complete through {through}"),
            (" (simulated)" if published["is_synthetic"] else "", "yellow"),
        )
    if checks is not None:
        failed = f", failed: {', '.join(checks['failed'])}" if checks["failed"] else ""
        yield f"Checks        {checks['passed']} passed", (failed, "red")
    for number, run in enumerate(runs or []):
        ended = "" if run["seconds"] is None else f" in {_duration(run['seconds'])}"
        checks = f", checks failed: {', '.join(run['failed_checks'])}" if run["failed_checks"] else ""
        color = {"success": "green", "failure": "red"}.get(run["status"], "yellow")
        label = "Newest runs" if number == 0 else ""
        started = "not started yet" if run["started_at"] is None else f"{run['started_at']:%m-%d %H:%M:%S}"
        yield f"{label:<13} {started} ", (run["status"], color), f"{ended}{checks}"

    yield from _group_alert_lines(how["group_alerts"])
    if how["alerts"] is not None:
        yield "Alerts        ", str(len(how["alerts"])) if how["alerts"] else ("none", "green")
    for alert in how["alerts"] or []:
        color = "red" if alert["severity"] == "critical" else "yellow"
        since = _duration(alert["open_seconds"])
        of = f" of {printable_name(alert['subject'])}, for {since}: {alert['message']}"
        yield f"{'':<13} ", (alert["rule"], color), of
        yield (f"{'':<13} Next: {alert['next_step']}",)


def _ignored_lines(found: dict[str, Any] | None) -> Iterator[tuple[Part, ...]]:
    if found is None or not found["ignored"]:
        return
    yield (f"Ignored       {found['ignored']:,} of {counted(found['raw'], 'record')}",)
    reasons = found["ignored_for"]
    for one in reasons[:_SHOWN]:
        yield (f"{'':<13} {one['records']:,} of {one['carrier']}: {printable_name(one['reason'])}",)
    if others := sum(one["records"] for one in reasons[_SHOWN:]):
        yield (f"{'':<13} {others:,} for other reasons; all of them: emberline status --json",)


def _missing_lines(found: list[dict[str, Any]] | None) -> Iterator[tuple[Part, ...]]:
    if not found:
        return
    from pipelines.ingest.missing import sentence

    yield "Missing       ", (f"numbers of {counted(len(found), 'sequence')} did not arrive", "yellow")
    for one in found[:_SHOWN]:
        yield (f"{'':<13} {sentence(one)}",)
    if len(found) > _SHOWN:
        yield (f"{'':<13} All of them: emberline status --json",)


def _total_lines(found: dict[str, Any] | None) -> Iterator[tuple[Part, ...]]:
    if found is None:
        return
    from pipelines.ingest.short import incomparable_sentence, short_sentence

    short = found["short"]
    if short:
        owners = counted(len(short), "owner")
        yield "Short         ", (f"messages of the groups of {owners} did not arrive", "yellow")
    for one in short[:_SHOWN]:
        yield (f"{'':<13} {short_sentence(one)}",)
    if len(short) > _SHOWN:
        yield (f"{'':<13} All of them: emberline status --json",)
    if found["not_comparable"]:
        yield (f"{'' if short else 'Totals':<13} {incomparable_sentence(found['not_comparable'])}",)


def _pull_lines(found: dict[str, dict[str, Any]]) -> Iterator[tuple[Part, ...]]:
    """Yield lines on the newest round of each pull, and on data that is no longer available."""
    for number, (name, pull) in enumerate(found.items()):
        label = f"{'' if number else 'Pulls':<13} {name}: "
        since = "never" if pull["succeeded_at"] is None else f"{_ago(pull['succeeded_at'])}"
        if pull["error"] is not None:
            yield label, ("failed", "red"), f" {_ago(pull['failed_at'])}, succeeded {since}: {pull['error']}"
        else:
            yield label, f"succeeded {since}"
        if pull["gap"] is not None:
            yield f"{'':<13} ", (f"{pull['gap_at']:%m-%d %H:%M}: {pull['gap']}", "yellow")


def _ago(at: dt.datetime) -> str:
    return f"{_duration((dt.datetime.now(dt.UTC) - at).total_seconds())} ago"


def _group_alert_lines(found: dict[str, Any] | None) -> Iterator[tuple[Part, ...]]:
    if found is None:
        return
    open_alerts = ", ".join(f"{number} {rule}" for rule, number in sorted(found["open"].items()))
    if open_alerts:
        yield "Group alerts  ", (open_alerts, "red"), ", see emberline alerts list"
    else:
        yield "Group alerts  ", ("none", "green")
    for channel in found["waiting"]:
        why = f": {channel['error']}" if channel["error"] else ""
        waiting = f"{counted(channel['notices'], 'notice')} for {channel['channel']} waiting"
        yield f"{'':<13} ", (waiting, "yellow"), f" for {_duration(channel['seconds'])}{why}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _label(name: str) -> str:
    labels = {
        "kafka": "Kafka",
        "kafka_login": "Kafka login",
        "lake": "Lake",
        "warehouse": "Warehouse",
        "web": "Web server",
        "receiver": "Receiver",
    }
    return labels.get(name, name)
