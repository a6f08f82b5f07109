"""Commands on events that must not count: `quarantine add`, `remove`, `list`, `rulings`."""

from __future__ import annotations

import datetime as dt
import getpass
from typing import Annotated

import polars as pl
import typer

from emberline.cli.app import app, configured
from emberline.cli.hints import next_command
from emberline.cli.output import print_json, print_line, print_table
from emberline.cli.pipeline import Json
from pipelines.printable import counted

quarantine_app = typer.Typer(
    name="quarantine", no_args_is_help=True, help="Remove a wrong event from every figure, or restore it."
)
app.add_typer(quarantine_app)

Source = Annotated[str, typer.Argument(help="The event's `source`.")]
EventId = Annotated[str, typer.Argument(metavar="ID", help="The event's `id` in its source or in `events`.")]
Reason = Annotated[str, typer.Option(help="Reason; it is stored.")]
Actor = Annotated[str | None, typer.Option(help="Who rules, if it is not the user of the system; it is stored.")]
Expected = Annotated[bool, typer.Option("--expected", help="Also accept an event that has not arrived yet.")]


@quarantine_app.command()
def add(
    context: typer.Context,
    source: Source,
    event_id: EventId,
    reason: Reason,
    expected: Expected = False,
    actor: Actor = None,
) -> None:
    """Put an event in quarantine: from the next run on, no figure counts it, however often it arrives."""
    _rule(context, source, event_id, reason, actor, is_quarantined=True, is_expected=expected)


@quarantine_app.command()
def remove(context: typer.Context, source: Source, event_id: EventId, reason: Reason, actor: Actor = None) -> None:
    """Restore a quarantined event: from the next run on, it counts again."""
    _rule(context, source, event_id, reason, actor, is_quarantined=False)


@quarantine_app.command("list")
def list_quarantine(as_json: Json = False) -> None:
    """List the events that people put in quarantine, and the reasons of invalid records."""
    from pipelines.quarantine import in_quarantine, rejected_records

    lake = configured().lake()
    events, records = in_quarantine(lake), rejected_records(lake)
    if as_json:
        print_json({"events": events.to_dicts(), "records": records.to_dicts()})
        return
    shown = events.select(
        "source", "event_id", pl.col("type").fill_null("not seen yet"), _minute("ruled_at"), "actor", "reason"
    )
    headings = ("Source", "Id", "Kind", "Since (UTC)", "Who", "Why")
    print_table(f"{counted(events.height, 'event')} that people put in quarantine", shown, headings)
    headings = ("Reason", "Records", "Topic", "Newest offset", "Most often")
    shown = records.select("reason", "records", "topic", "offset", "detail")
    total = int(records["records"].sum())
    title = counted(total, "record that is no valid event", "records that are not valid events")
    print_table(title, shown, headings, right=("Records", "Newest offset"))


@quarantine_app.command()
def rulings(as_json: Json = False) -> None:
    """List the rulings on events: by whom, when and why."""
    from schemas.lake import QUARANTINE_RULING

    found = configured().lake().open(QUARANTINE_RULING).scan().sort("ruling").collect()
    if as_json:
        print_json(found.to_dicts())
        return
    ruling = pl.when("is_quarantined").then(pl.lit("in quarantine")).otherwise(pl.lit("restored"))
    shown = found.select(_minute("ruled_at"), ruling, "source", "event_id", "actor", "reason")
    print_table(counted(found.height, "ruling"), shown, ("When (UTC)", "Ruling", "Source", "Id", "Who", "Why"))


def _minute(column: str) -> pl.Expr:
    return pl.col(column).dt.to_string("%Y-%m-%d %H:%M")


def _rule(
    context: typer.Context,
    source: str,
    event_id: str,
    reason: str,
    actor: str | None,
    *,
    is_quarantined: bool,
    is_expected: bool = False,
) -> None:
    from pipelines.events.event_ids import pseudonym_of
    from pipelines.quarantine import rule_on_event

    services = configured()
    # Without the key, an event is known by the id that `events` has.
    pseudonym = pseudonym_of(event_id, services.pseudonyms()) if services.has_pseudonym_key() else None
    rule_on_event(
        services.lake(),
        source,
        event_id,
        is_quarantined=is_quarantined,
        actor=actor or getpass.getuser(),
        reason=reason,
        now=dt.datetime.now(dt.UTC),
        pseudonym=pseudonym,
        is_expected=is_expected,
    )
    print_line("Recorded. Next: ", (next_command(context, "run"), "bold"), whole=True)
