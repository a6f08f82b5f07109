"""Commands about carriers: `carriers`, and `carrier try`, `check`, `draft`, `drift`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from emberline.cli.app import app, configured
from emberline.cli.errors import ExitCode
from emberline.cli.output import print_error, print_json, print_line, print_table
from emberline.cli.pipeline import Json
from emberline.settings import load_settings
from schemas.errors import EmberlineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.carriers import Carrier
    from pipelines.carriers.base import Decoded

carrier_app = typer.Typer(
    name="carrier", no_args_is_help=True, help="Write a carrier of your own, try it and check it."
)
app.add_typer(carrier_app)

Sample = Annotated[Path, typer.Argument(help="Payloads: a JSON object or list, one object per line (.jsonl), or XML.")]
Named = Annotated[str, typer.Argument(metavar="CARRIER", help="The name of a carrier, or a mapping (.yaml).")]
Cases = Annotated[Path | None, typer.Option(help="Its cases.  [default: NAME.cases.yaml beside a mapping]")]
Mutations = Annotated[
    int, typer.Option(min=0, help="Number of randomly changed payloads of the cases that it must accept.")
]

_SHOWN = ("type", "time", "group_id", "account_id", "event_id", "message_id", "text_length", "order_id", "amount_minor")


@app.command()
def carriers(as_json: Json = False) -> None:
    """List the carriers, the kinds of event each gives, and their limits."""
    from pipelines.carriers.base import MEMBERSHIPS

    registry = load_settings().registry()
    found = []
    for name in registry:
        try:
            found.append(registry[name])
        except EmberlineError as error:
            print_error(name, str(error))
    pulled = _pulled()
    if as_json:
        print_json([_described(carrier, pulled) for carrier in found])
        return
    frame = pl.DataFrame(
        {
            "name": [carrier.name for carrier in found],
            "title": [carrier.title for carrier in found],
            "coverage": [carrier.coverage for carrier in found],
            "membership": [MEMBERSHIPS[carrier.membership] for carrier in found],
            "pullers": [", ".join(pulled.get(carrier.name, ())) for carrier in found],
            "kinds": [", ".join(carrier.kinds) for carrier in found],
        }
    )
    headings = ["Carrier", "Of", "Sees", "Of members", "Puller", "Kinds of event"]
    print_table(f"{len(found)} carriers", frame, headings, sentences=["Kinds of event", "Of"])
    print_line("Limits of each: docs/reference/carriers.md")


@carrier_app.command("try")
def try_carrier(carrier: Named, sample: Sample, as_json: Json = False) -> None:
    """Show what a carrier decodes from payloads in a file: events, ignored and rejected payloads."""
    decoded = _carrier(carrier).decode(_payloads(sample))
    if as_json:
        print_json(_as_dict(decoded))
        return
    shown = decoded.events.select(pl.col("row") + 1, *_SHOWN)
    shown = shown[[column.name for column in shown if column.null_count() < len(column)]]
    if not shown.is_empty():
        texts = shown.with_columns(pl.col(pl.Datetime).dt.to_string("%Y-%m-%d %H:%M:%S"))
        print_table(f"Events: {shown.height}", texts, ["Payload", *shown.columns[1:]], right=["Payload"])
    for title, part in (("Ignored", decoded.ignored), ("Rejected", decoded.rejected)):
        if not part.is_empty():
            lines = part.with_columns(pl.col("row") + 1)
            headings = ["Payload", "Reason", "Detail"][: part.width]
            print_table(f"{title}: {part.height}", lines, headings, right=["Payload"], sentences=headings[1:])


@carrier_app.command()
def check(carrier: Named, cases: Cases = None, mutations: Mutations = 2_000) -> None:
    """Check a carrier by its cases, by the laws of all carriers, and by wrong payloads."""
    from emberline.conformance import Broken, check_mutations, read_cases
    from emberline.conformance import check as check_carrier

    checked = _carrier(carrier)
    found = read_cases(cases or Path(carrier).with_suffix(".cases.yaml"))
    try:
        check_carrier(checked, found)
        check_mutations(checked, found, mutations)
    except Broken as broken:
        print_error("Broken", f"{broken}\nNext: Fix the carrier, or the case if its expectation is wrong.")
        raise typer.Exit(ExitCode.BLOCKED) from broken
    print_line(f"{checked.name} passes its {len(found)} cases and all laws, and accepts {mutations:,} wrong payloads.")


@carrier_app.command()
def draft(sample: Sample, name: Annotated[str, typer.Option(help="Name of the carrier.")] = "mine") -> None:
    """Write a first mapping for payloads in a file: guesses by names and values, each with its reason."""
    from pipelines.carriers.mapping.draft import draft_mapping

    print(draft_mapping(_payloads(sample), name))


@carrier_app.command()
def drift(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="A topic of the settings.")], as_json: Json = False
) -> None:
    """Show what changed in the payloads of a topic: its newest day compared with the 28 days before."""
    from pipelines.ingest.drift import find_drift

    services = configured()
    settings = services.settings
    if topic not in settings.kafka.topics:
        raise typer.BadParameter(f"{topic!r} is not a topic of the settings", param_hint="TOPIC")
    found = find_drift(services.lake(), topic)
    if found is None:
        print_json(None) if as_json else print_line(f"{topic} has no two days of payloads to compare.")
        return
    if as_json:
        print_json({"day": f"{found.day}", "sampled": found.sampled, "changes": found.changes.to_dicts()})
        return
    read = " and ".join(f"{n:,} of {of:,}" for n, of in zip(found.sampled, found.records, strict=True))
    print_line(
        f"{topic}, {found.day} (UTC) compared with the 28 days before: sampled {read} records, the days before first."
    )
    if found.changes.is_empty():
        print_line("Nothing changed.")
        return
    percent = [pl.format("{} %", (pl.col(name) * 100).round(1)) for name in ("before", "now")]
    headings = ["Change", "Path or reason", "Type", "Before", "Now"]
    shown = found.changes.with_columns(percent)
    print_table(f"Changes: {shown.height}", shown, headings, right=headings[3:], sentences=headings[1:2])
    print_line(
        f"Next: compare the paths with the mapping of {settings.kafka.topics[topic]}: docs/reference/carriers.md"
    )


def _carrier(named: str) -> Carrier:
    if named.endswith((".yaml", ".yml")):
        from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
        from pipelines.carriers.mapping.model import read_mapping

        return MappedCarrier(read_mapping(Path(named), named))
    carriers = load_settings().registry()
    if named not in carriers:
        raise typer.BadParameter(f"there is no {named!r}: emberline carriers", param_hint="CARRIER")
    return carriers[named]


def _payloads(file: Path) -> list[bytes]:
    from emberline.conformance.samples import payloads

    return payloads(file)


def _pulled() -> dict[str, list[str]]:
    """Return the names of pullers by the carrier of their payloads."""
    from pipelines.carriers.pullers import pullers

    found: dict[str, list[str]] = {}
    for puller in pullers().values():
        found.setdefault(puller.carrier, []).append(puller.name)
    return found


def _described(carrier: Carrier, pulled: Mapping[str, list[str]]) -> dict[str, object]:
    return {
        "name": carrier.name,
        "title": carrier.title,
        "coverage": carrier.coverage,
        "membership": carrier.membership,
        "pullers": pulled.get(carrier.name, []),
        "kinds": list(carrier.kinds),
        "limits": list(carrier.limits),
    }


def _as_dict(decoded: Decoded) -> Mapping[str, list[dict[str, object]]]:
    return {
        "events": [{k: v for k, v in event.items() if v is not None} for event in decoded.events.to_dicts()],
        "ignored": decoded.ignored.to_dicts(),
        "rejected": decoded.rejected.to_dicts(),
    }
