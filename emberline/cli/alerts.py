"""Commands about alerts: `alerts list`, `ack`, `snooze`, `test`."""

from __future__ import annotations

import datetime as dt
import getpass
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from emberline.cli.app import app, configured
from emberline.cli.errors import ExitCode
from emberline.cli.output import print_json, print_line, print_lines, print_table
from emberline.cli.pipeline import Json
from pipelines.printable import counted, printable_name

if TYPE_CHECKING:
    import polars as pl

    from emberline.services import Services
    from pipelines.alerts.decide import Alert
    from pipelines.alerts.ledger import AlertLedger, Entry
    from pipelines.alerts.messages import Message, Told

alerts_app = typer.Typer(
    name="alerts", no_args_is_help=True, help="See what is told of groups and of the pipeline, and take care of it."
)
app.add_typer(alerts_app)

_GREATEST_NUMBER = 2**63 - 1
_MOST_DAYS = 3650
_MESSAGE_BYTES = 2048
"""What a message may have at the strictest of the services, WeCom."""

Number = Annotated[
    int, typer.Argument(min=1, max=_GREATEST_NUMBER, help="Number of the alert, as `alerts list` and messages show it.")
]
Actor = Annotated[str | None, typer.Option(help="Who takes care, if it is not the user of the system; it is kept.")]


@alerts_app.command("list")
def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Those that are resolved, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the open alerts on groups, feeds and the pipeline, and how good the rules on groups have been."""
    services = configured()
    ledger, now = _ledger(services), dt.datetime.now(dt.UTC)
    entries, record = ledger.entries(only_open=not every), ledger.track_record(services.settings.rules.zone)
    if as_json:
        print_json({"alerts": [_as_dict(entry, now) for entry in entries], "record": record.to_dicts()})
        return
    _print_entries(counted(len(entries), "alert"), entries, now)
    if record.height:
        _print_record(record)


@alerts_app.command()
def ack(number: Number, actor: Actor = None) -> None:
    """Acknowledge an alert: no more reminders; its end is still told."""
    alert = _ledger(configured()).acknowledge(number, actor or getpass.getuser(), dt.datetime.now(dt.UTC))
    print_line(f"Noted: {alert.acknowledged_by} takes care of {_name(alert)}.")


@alerts_app.command()
def snooze(
    number: Number,
    days: Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="No reminder for so many days, then one.")] = 3,
) -> None:
    """Put an alert off for some days; its end is still told."""
    alert = _ledger(configured()).snooze(number, dt.datetime.now(dt.UTC) + dt.timedelta(days=days))
    until = f"{alert.snoozed_until:%Y-%m-%d %H:%M} UTC"
    print_line(f"No reminder of {_name(alert)} before {until}.")


@alerts_app.command("test")
def send_test(as_json: Json = False) -> None:
    """Send a message to every channel, now, and show who took it."""
    from pipelines.alerts.channels import ChannelFailed
    from pipelines.alerts.messages import notice_of_test

    alerting = configured().alerting()
    errors: dict[str, str | None] = {}
    for channel in alerting.channels:
        try:
            channel.send([notice_of_test(dt.datetime.now(dt.UTC))])
        except ChannelFailed as error:
            errors[channel.name] = error.cause
        else:
            errors[channel.name] = None
    if as_json:
        print_json(errors)
    else:
        for name, error in errors.items():
            print_line(f"{name:<12} ", ("took it", "green") if error is None else (error, "red"))
    if any(errors.values()):
        raise typer.Exit(ExitCode.FAILED)


def print_raised(services: Services, now: dt.datetime) -> None:
    """Evaluate the rules at a time, show what they raise, and what a channel is sent of it.

    Args:
        services: A run has read all that its Kafka holds.
        now: The clock, UTC.
    """
    from pipelines.alerts.messages import KAFKA
    from pipelines.alerts.watch import look, tell

    warehouse, alerting, shown = services.warehouse(), services.alerting(), _ShownChannel()
    alerting = replace(alerting, channels=(*alerting.channels, shown))
    look(warehouse, services.lake(), alerting, now, read_up=True)
    delivered = tell(warehouse.url, alerting, now)
    clock = now.astimezone(services.settings.zone_info)
    entries = _ledger(services).entries()
    _print_entries(f"Alerts: {len(entries)} open at {clock:%Y-%m-%d %H:%M}", entries, now)
    for text in shown.sent:
        print_line("What a chat channel of [alerts.channels] would be sent:")
        print_lines(f"{text.title}\n\n{text.body}", indent="  | ")
        print_line()
    kafka = delivered.get(KAFKA)
    if kafka is not None:
        topic = services.settings.alerts.topic
        print_line(f"The topic {topic} got {counted(kafka.notices, 'notice')}. Channels: docs/how-to/alerts.md.")
        print_line()


class _ShownChannel:
    """A channel that keeps the messages, to be shown in place of being sent."""

    name = "demo"

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, told: Sequence[Told]) -> int:
        from pipelines.alerts.messages import message

        self.sent.append(message(told, None, _MESSAGE_BYTES))
        return self.sent[-1].notices


def _ledger(services: Services) -> AlertLedger:
    from pipelines.alerts.ledger import AlertLedger

    warehouse = services.warehouse()
    warehouse.prepare()
    return AlertLedger(warehouse.url)


def _name(alert: Alert) -> str:
    return printable_name(alert.known.name or alert.subject)


def _as_dict(entry: Entry, now: dt.datetime) -> dict[str, object]:
    alert = entry.alert
    fields = {name: value for name, value in asdict(alert).items() if name != "known"}
    outcome = {"outcome": entry.outcome, "outcome_day": entry.outcome_day}
    return {"alert_id": entry.alert_id, "alert_state": alert.state(now), **fields, **asdict(alert.known), **outcome}


def _print_entries(title: str, entries: tuple[Entry, ...], now: dt.datetime) -> None:
    headings = ("No.", "Severity", "State", "Rule", "Of", "Since", "Why", "Became of it")
    print_table(title, _shown(entries, now), headings, sentences=("Why",))


def _shown(entries: tuple[Entry, ...], now: dt.datetime) -> pl.DataFrame:
    import polars as pl

    rows = [
        (
            str(entry.alert_id),
            entry.alert.severity,
            entry.alert.state(now),
            entry.alert.rule,
            entry.alert.known.name or entry.alert.subject,
            entry.alert.known.since.isoformat(),
            entry.alert.known.reason,
            "" if entry.outcome is None else f"{entry.outcome} {entry.outcome_day}",
        )
        for entry in entries
    ]
    columns = ("number", "severity", "state", "rule", "subject", "since", "reason", "outcome")
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _print_record(record: pl.DataFrame) -> None:
    import polars as pl

    shown = record.with_columns(
        pl.format("{} %", (100 * pl.col("precision")).round().cast(pl.Int64)),
        pl.format("{} days", pl.col("median_lead_days")),
    )
    headings = ("Rule", "Fired", "Died", "Recovered", "Ended", "Not known yet", "Precision", "Median lead")
    print_table("What became of the groups", shown, headings, right=headings[1:])
