"""Commands on alerts: `alerts list`, `ack`, `snooze`, `verdict`, `test`."""

from __future__ import annotations

import datetime as dt
import getpass
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from emberline.cli.alerts_shown import entry_as_dict, print_actions, print_entries, print_record
from emberline.cli.app import app, configured
from emberline.cli.errors import ExitCode
from emberline.cli.output import print_json, print_line, print_lines
from emberline.cli.pipeline import Json
from pipelines.printable import counted, printable_name

if TYPE_CHECKING:
    from emberline.services import Services
    from pipelines.alerts.ledger import AlertLedger
    from pipelines.alerts.messages import Message, OutboxNotice
    from pipelines.alerts.triage import Triage

alerts_app = typer.Typer(
    name="alerts", no_args_is_help=True, help="List, acknowledge, snooze and rate alerts on groups and the pipeline."
)
app.add_typer(alerts_app)

_GREATEST_NUMBER = 2**63 - 1
_MOST_HOURS = 3650 * 24
_SPAN = re.compile(r"([0-9]{1,6})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_LONGEST_NOTE = 1000
_MESSAGE_BYTES = 2048
"""What a message may have at the strictest of the services, WeCom."""

Number = Annotated[
    int, typer.Argument(min=1, max=_GREATEST_NUMBER, help="Number of the alert, as `alerts list` and messages show it.")
]
Actor = Annotated[str | None, typer.Option(help="Who does it, if it is not the user of the system; it is stored.")]


def _note(text: str | None) -> str | None:
    if text is not None and len(text) > _LONGEST_NOTE:
        raise typer.BadParameter(f"a note has at most {_LONGEST_NOTE} characters")
    return text or None


def _span(text: str) -> dt.timedelta:
    found = _SPAN.fullmatch(text)
    hours = int(found[1]) * _HOURS[found[2]] if found else 0
    if not 0 < hours <= _MOST_HOURS:
        raise typer.BadParameter(f"{text!r} is no span from 1h to 3650d; write 12h, 3d or 2w", param_hint="--for")
    return dt.timedelta(hours=hours)


Note = Annotated[str | None, typer.Option(callback=_note, help="A note, stored with who and when.")]


@alerts_app.command("list")
def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Also show resolved alerts.")] = False,
    as_json: Json = False,
) -> None:
    """List the open alerts on groups, feeds and the pipeline, and how good the rules on groups have been."""
    services = configured()
    ledger, now = _ledger(services), dt.datetime.now(dt.UTC)
    entries, record = ledger.entries(only_open=not every), ledger.track_record(services.settings.rules.zone)
    if as_json:
        print_json({"alerts": [entry_as_dict(entry, now) for entry in entries], "record": record.to_dicts()})
        return
    print_entries(counted(len(entries), "alert"), entries, now)
    if any(entry.actions for entry in entries):
        print_actions(entries, services.settings.zone_info)
    if record.height:
        print_record(record)


@alerts_app.command()
def ack(number: Number, note: Note = None, actor: Actor = None) -> None:
    """Acknowledge an alert: no more reminders; its recovery is still sent."""
    actor = actor or getpass.getuser()
    name = _triage(configured()).acknowledge(number, actor, dt.datetime.now(dt.UTC), note)
    print_line(f"Noted: {actor} takes care of {printable_name(name)}.")


@alerts_app.command()
def snooze(
    number: Number,
    span: Annotated[str, typer.Option("--for", metavar="SPAN", help="Duration: 12h, 3d or 2w.")] = "3d",
    until: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="End of the snooze in the business zone, instead of --for."
        ),
    ] = None,
    note: Note = None,
    actor: Actor = None,
) -> None:
    """Snooze an alert: no reminder meanwhile, then one; its recovery is still sent."""
    services, now = configured(), dt.datetime.now(dt.UTC)
    zone = services.settings.zone_info
    clock = now.astimezone(zone).replace(tzinfo=None)
    if until is not None and not clock < until <= clock + dt.timedelta(hours=_MOST_HOURS):
        raise typer.BadParameter("that is over, or more than 3650 days from now", param_hint="--until")
    end = now + _span(span) if until is None else until.replace(tzinfo=zone).astimezone(dt.UTC)
    name = _triage(services).snooze(number, end, actor or getpass.getuser(), now, note)
    print_line(f"No reminder of {printable_name(name)} before {end.astimezone(zone):%Y-%m-%d %H:%M} ({zone}).")


@alerts_app.command()
def verdict(
    number: Number,
    word: Annotated[
        Literal["useful", "noise"],
        typer.Argument(metavar="useful|noise", help="Whether the alert was useful or noise."),
    ],
    note: Note = None,
    actor: Actor = None,
) -> None:
    """Rate an alert as useful or noise, also after its end; the last verdict counts."""
    actor = actor or getpass.getuser()
    name = _triage(configured()).give_verdict(number, word, actor, dt.datetime.now(dt.UTC), note)
    print_line(f"Noted: the alert on {printable_name(name)} is {word} to {actor}.")


@alerts_app.command("test")
def send_test(as_json: Json = False) -> None:
    """Send a test message to every channel, and show which accepted it."""
    from pipelines.alerts.channels import ChannelFailed
    from pipelines.alerts.messages import trial_notice

    alerting = configured().alerting()
    errors: dict[str, str | None] = {}
    for channel in alerting.channels:
        try:
            channel.send([trial_notice(dt.datetime.now(dt.UTC))])
        except ChannelFailed as error:
            errors[channel.name] = error.cause
        else:
            errors[channel.name] = None
    if as_json:
        print_json(errors)
    else:
        for name, error in errors.items():
            print_line(f"{name:<12} ", ("accepted", "green") if error is None else (error, "red"))
    if any(errors.values()):
        raise typer.Exit(ExitCode.FAILED)


def print_raised(services: Services, now: dt.datetime) -> None:
    """Evaluate the rules at a time, and show the alerts and the message that a channel gets.

    Args:
        services: Its Kafka has no unread records.
        now: The clock, UTC.
    """
    from pipelines.alerts.messages import KAFKA
    from pipelines.alerts.watch import deliver, evaluate_rules

    warehouse, alerting, shown = services.warehouse(), services.alerting(), _ShownChannel()
    alerting = replace(alerting, channels=(*alerting.channels, shown))
    evaluate_rules(warehouse, services.lake(), alerting, now, read_up=True)
    delivered = deliver(warehouse.url, alerting, now)
    clock = now.astimezone(services.settings.zone_info)
    entries = _ledger(services).entries()
    print_entries(f"Alerts: {len(entries)} open at {clock:%Y-%m-%d %H:%M}", entries, now)
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
    """A channel that keeps messages to print them."""

    name = "demo"

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, notices: Sequence[OutboxNotice]) -> int:
        from pipelines.alerts.messages import message

        self.sent.append(message(notices, None, _MESSAGE_BYTES))
        return self.sent[-1].notices


def _ledger(services: Services) -> AlertLedger:
    from pipelines.alerts.ledger import AlertLedger

    return AlertLedger(_prepared(services))


def _triage(services: Services) -> Triage:
    from pipelines.alerts.triage import Triage

    return Triage(_prepared(services))


def _prepared(services: Services) -> str:
    warehouse = services.warehouse()
    warehouse.prepare()
    return warehouse.url
