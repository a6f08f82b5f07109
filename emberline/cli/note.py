"""The command `note`: record what the company did for a group."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
import polars as pl
import typer

from emberline.cli.app import app
from emberline.cli.hints import next_command
from emberline.cli.imports import NoTopic
from emberline.cli.named_groups import group_named
from emberline.cli.output import print_json, print_line, reporting
from emberline.cli.pipeline import Json
from pipelines.printable import printable_name
from schemas import kinds
from schemas.interventions import Action
from schemas.lake import GROUP

_CARRIER = "cloudevents"


def _text(text: str) -> str:
    """Refuse an empty text, and one that the contract of events refuses."""
    try:
        return msgspec.convert(text.strip(), kinds.Note)
    except msgspec.ValidationError:
        raise typer.BadParameter("say what was done, in at most 1,000 characters") from None


def _by(account: str | None) -> str | None:
    try:
        return msgspec.convert(account, kinds.Key | None)
    except msgspec.ValidationError:
        raise typer.BadParameter(
            f"{account!r} is not an account; write carrier:native_id, such as wecom:zhang"
        ) from None


@app.command()
def note(
    context: typer.Context,
    group: Annotated[str, typer.Argument(help="The group, by id or name.", show_default=False)],
    text: Annotated[str, typer.Argument(help="What was done, in words; stored.", callback=_text, show_default=False)],
    kind: Annotated[Action, typer.Option(help="What was done, as one of these codes.", show_default=False)],
    at: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
            help="When, in the business zone.  [default: now]",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Who did it, carrier:native_id; stored as a pseudonym.", callback=_by, show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Record what the company did for a group; the next run stores it beside what the stream shows."""
    from emberline.notes import SOURCE, Note, send_note
    from emberline.services import Services
    from emberline.settings import load_settings
    from pipelines.events.decode import EARLIEST

    settings, now = load_settings(), dt.datetime.now(dt.UTC)
    time = now if at is None else at.replace(tzinfo=settings.zone_info)
    if not EARLIEST <= time <= now:
        raise typer.BadParameter(f"{at:%Y-%m-%d %H:%M} is in the future, or before 1990", param_hint="--at")
    topics = settings.kafka.topics_of(_CARRIER)
    if not topics:
        raise NoTopic(
            f"No topic under [kafka.topics] has the carrier {_CARRIER}, which reads notes.",
            f'Add to [kafka.topics]: "group.messages" = "{_CARRIER}"',
        )
    with reporting(quiet=as_json) as show:
        services = Services(settings, show.line)
        known = services.lake().find(GROUP)
        groups = pl.LazyFrame(schema=GROUP.schema) if known is None else known.scan()
        named = group_named(group, groups.select("group_id", "name"), "GROUP")
        group_id, name = named["group_id"], named["name"] or named["group_id"]
        kafka = services.kafka()
        kafka.create_topics(topics[:1], settings.kafka.partitions)
        event_id = send_note(kafka, topics[0], Note(group_id, kind, text, time, by))
    if as_json:
        print_json({"group_id": group_id, "source": SOURCE, "event_id": event_id, "time": time, "topic": topics[0]})
        return
    print_line(f"Recorded {kind} for {printable_name(name)}: event {event_id} of {SOURCE}, in topic {topics[0]}.")
    print_line("Next: ", (next_command(context, "run"), "bold"), whole=True)
