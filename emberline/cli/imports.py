"""The command `import`: run exports of chats through the whole pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from emberline.cli.app import app
from emberline.cli.errors import ExitCode
from emberline.cli.hints import next_command
from emberline.cli.output import Reporting, print_json, print_line, reporting
from emberline.cli.pipeline import Json
from pipelines.carriers import CARRIERS
from pipelines.carriers.base import LEAVES_ARE_MISSING, MEMBERSHIPS
from schemas.errors import EmberlineError

if TYPE_CHECKING:
    from emberline.runner import RunOutcome
    from emberline.services import Services
    from pipelines.carriers.readers import Found, ReadOptions
    from pipelines.ingest.import_export import Imported

_COVERAGE = {
    "full": "all messages",
    "mentions": "only messages that mention somebody",
    "metadata": "that messages were sent, without their texts",
    "aggregate": "sums",
}
_TIME = {
    "exact": "exact times",
    "second": "times to the second",
    "minute": "times to the minute",
    "bound": "bounds of times",
    "arrival": "no times",
}


class NoTopic(EmberlineError):
    """No topic of the settings has the carrier of an export."""


@app.command("import")
def import_(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Exports: files, folders or ZIPs.", metavar="PATH...")],
    reader: Annotated[
        str | None, typer.Option("--as", help="Name of the reader, if it cannot be detected from the file.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="Id of the group, if the export has none.")] = None,
    platform: Annotated[
        str | None, typer.Option(help="Platform, if the export does not have it: qq, wechat ...")
    ] = None,
    self_id: Annotated[str | None, typer.Option("--self", help="Id of the person who made the export.")] = None,
    zone: Annotated[
        str | None, typer.Option(help="Zone of times without an offset.  [default: rules.zone]", show_default=False)
    ] = None,
    date_order: Annotated[
        Literal["dmy", "mdy", "ymd"] | None,
        typer.Option(help="Order of day, month and year, if no date is unambiguous."),
    ] = None,
    operator: Annotated[
        list[str] | None, typer.Option(help="Id or name of a member who works for the company; may be repeated.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=COLUMN: which column of a table has what, such as time=Date; may be repeated.",
            metavar="NAME=COLUMN",
        ),
    ] = None,
    carrier: Annotated[str | None, typer.Option(help="The file has unchanged payloads of this carrier.")] = None,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Only send to Kafka; `emberline run` does the rest.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read exports of chats, send them to Kafka, run the pipeline and show the results; may be repeated."""
    from emberline.runner import run_pipeline
    from emberline.services import Services
    from emberline.settings import load_settings
    from pipelines.carriers.readers import detect, readers
    from pipelines.carriers.readers.source import source_of

    if reader is not None and reader not in readers():
        raise typer.BadParameter(f"{reader!r}; there are {', '.join(readers())}", param_hint="--as")
    if carrier is not None and carrier not in CARRIERS:
        raise typer.BadParameter(f"{carrier!r}; `emberline carriers` lists them", param_hint="--carrier")
    settings = load_settings()
    name = "payloads" if carrier is not None and reader is None else reader
    found = [one for path in paths for one in detect(source_of(path), name)]
    if not as_json:
        _say_what_they_are(found)
    with reporting(quiet=as_json) as show:
        services = Services(settings, show.line)
        options = _options(
            services, group=group, platform=platform, self_id=self_id, zone=zone, date_order=date_order,
            operators=frozenset(operator or ()), carrier=carrier, columns=_columns(column or ()),
        )  # fmt: skip
        topics = [_topic(services, one, options) for one in found]
        done = [_send(services, one, topic, options, show) for one, topic in zip(found, topics, strict=True)]
    if not as_json:
        _say_what_was_sent(found, topics, done)
    outcome = None
    if not no_run:
        with reporting(quiet=as_json) as show:
            outcome = run_pipeline(services, show.steps)
    if as_json:
        print_json(_as_dict(found, topics, done, outcome))
    elif outcome is None:
        print_line("Next: ", (next_command(context, "run"), "bold"), whole=True)
    else:
        _show(services, outcome)
    if outcome is not None:
        from emberline.cli.pipeline import code_of

        raise typer.Exit(code_of(outcome))


def _columns(given: Iterable[str]) -> dict[str, str]:
    """Return the pairs of `--column NAME=COLUMN`."""
    columns = {}
    for one in given:
        name, is_said, column = one.partition("=")
        if not is_said:
            raise typer.BadParameter(f"{one!r}; write NAME=COLUMN, such as time=Date", param_hint="--column")
        columns[name] = column
    return columns


def _options(services: Services, *, zone: str | None, **given: Any) -> ReadOptions:
    from zoneinfo import ZoneInfo, available_timezones

    from pipelines.carriers.readers import ReadOptions
    from pipelines.carriers.texts import Texts

    settings = services.settings
    if zone is not None and zone not in available_timezones():
        raise typer.BadParameter(f"{zone!r} is not an IANA time zone such as Europe/Berlin", param_hint="--zone")
    return ReadOptions(
        texts=Texts.of_company(services.pseudonyms(), keeps=settings.privacy.keep_texts),
        zone=ZoneInfo(zone or settings.rules.zone),
        **given,
    )


def _topic(services: Services, one: Found, options: ReadOptions) -> str:
    carrier = options.carrier or one.reader.carrier
    topics = services.settings.kafka.topics_of(carrier)
    if not topics:
        raise NoTopic(
            f"No topic under [kafka.topics] has the carrier {carrier}, which reads {one.source.name}.",
            f'Add to [kafka.topics]: "raw.{carrier}" = "{carrier}"',
        )
    return topics[0]


def _send(services: Services, one: Found, topic: str, options: ReadOptions, show: Reporting) -> Imported:
    from emberline.import_places import ImportPlace
    from pipelines.ingest.import_export import send_export

    kafka = services.kafka()
    kafka.create_topics([topic], services.settings.kafka.partitions)
    source = one.source
    given = (options.zone.key, options.group, options.platform, options.self_id, options.date_order, options.carrier)
    place = ImportPlace.of(
        services.state, source.place, source.stamp, one.reader.name, topic, kafka.bootstrap_servers,
        options.texts.keeps, *given, *sorted(options.operators), *sorted(options.columns.items()),
    )  # fmt: skip
    n_before = place.payloads
    if n_before:
        show.line(f"{source.name}: {n_before:,} payloads were sent before; the import continues after them")
    step = show.steps.of(f"sending {source.name} (bytes)")

    def acknowledged(payloads: int, done: int) -> None:
        place.reach(payloads)
        step(done, source.size)

    sent = send_export(kafka, topic, one.reader.read(source, options), n_before, acknowledged)
    place.leave()
    return sent


def _say_what_they_are(found: list[Found]) -> None:
    for one in found:
        capabilities = one.reader.capabilities
        answers = "replies" if capabilities.replies else "no replies"
        print_line((one.source.name, "bold"), f" is {one.reader.title}: {', '.join(one.sniffed.reasons)}.")
        parts = (
            _COVERAGE[capabilities.coverage],
            MEMBERSHIPS[capabilities.membership],
            answers,
            _TIME[capabilities.time],
        )
        print_line(f"  It has: {'; '.join(parts)}.")
        if capabilities.membership in LEAVES_ARE_MISSING and capabilities.coverage != "aggregate":
            print_line("  Members who left still count: joins less leaves are not the growth of the group.")
        for limit in (*capabilities.limits, *one.sniffed.limits):
            print_line(f"  {limit}")


def _say_what_was_sent(found: list[Found], topics: list[str], done: list[Imported]) -> None:
    for one, topic, sent in zip(found, topics, done, strict=True):
        print_line(f"Sent {sent.payloads:,} payloads of {one.source.name} to topic {topic}.")
        for title, counts in (("Repaired", sent.repairs), ("Skipped", sent.skipped)):
            for what, times in sorted(counts.items()):
                print_line(f"  {title}: {what} ({times:,})")


def _as_dict(found: list[Found], topics: list[str], done: list[Imported], outcome: RunOutcome | None) -> dict[str, Any]:
    from emberline.cli.pipeline import as_dict

    exports = [
        {
            "path": one.source.place,
            "reader": one.reader.name,
            "reasons": list(one.sniffed.reasons),
            "capabilities": asdict(one.reader.capabilities),
            "limits": list(one.sniffed.limits),
            "topic": topic,
            **{name: dict(value) if isinstance(value, Counter) else value for name, value in vars(sent).items()},
        }
        for one, topic, sent in zip(found, topics, done, strict=True)
    ]
    return {"exports": exports, "run": None if outcome is None else as_dict(outcome)}


def _show(services: Services, outcome: RunOutcome) -> None:
    from emberline.cli.pipeline import code_of, print_outcome
    from emberline.cli.reports import print_funnels, print_groups, print_sales
    from emberline.published import funnel_frame, groups_frame, sales_frame
    from emberline.report import write_report
    from emberline.status import lines_of, missing_of

    print_outcome(outcome)
    if code_of(outcome) is not ExitCode.OK:
        return
    warehouse = services.warehouse()
    print_line()
    print_funnels(funnel_frame(warehouse))
    print_groups(groups_frame(warehouse))
    print_sales(sales_frame(warehouse))
    page = write_report(warehouse, missing_of(services), lines_of(services), services.state.path / "report.html")
    print_line("Report: ", (str(page), "bold"), whole=True)
