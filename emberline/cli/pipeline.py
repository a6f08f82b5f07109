"""Commands that move data: `replay`, `ingest` and `run`."""

from __future__ import annotations

import datetime as dt
import signal
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emberline.cli.app import app
from emberline.cli.errors import ExitCode, print_defect
from emberline.cli.hints import next_command
from emberline.cli.output import print_error, print_json, print_line, reporting
from pipelines.carriers import carrier_of
from pipelines.printable import counted, printable

if TYPE_CHECKING:
    from emberline.runner import RunOutcome
    from pipelines.ingest.counts import Counts

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
AcceptGaps = Annotated[
    bool, typer.Option("--accept-gaps", help="Continue without records that Kafka removed before they were read.")
]


AcceptLoss = Annotated[
    bool,
    typer.Option(
        "--accept-loss",
        help="Publish although tables lose many of their rows, or the warehouse belongs to another lake.",
    ),
]


@app.command()
def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A chat export (.parquet) or payloads, one per line (.jsonl).")],
    carrier: Annotated[str, typer.Option(help="Carrier of the payloads; `emberline carriers` lists them.")],
    topic: Annotated[
        str | None, typer.Option(help="The topic.  [default: the carrier's first]", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a file of events to Kafka, as if its carrier had just sent them."""
    from emberline.services import Services
    from emberline.settings import load_settings
    from pipelines.ingest.replay import replay as send

    settings = load_settings()
    carriers = settings.registry()
    if carrier not in carriers:
        raise typer.BadParameter(f"there is no {carrier!r}: emberline carriers", param_hint="--carrier")
    topics = settings.kafka.topics_of(carrier)
    if topic is not None and topic not in topics:
        raise typer.BadParameter(
            f"{topic!r}; settings give {carrier} {', '.join(topics) or 'none'}", param_hint="--topic"
        )
    if not topics:
        raise typer.BadParameter(f"no topic under [kafka.topics] has the carrier {carrier}", param_hint="--carrier")
    target = topic or topics[0]
    with reporting(quiet=as_json) as show:
        kafka = Services(settings, show.line).kafka()
        kafka.create_topics([target], settings.kafka.partitions)
        unit = "rows" if file.suffix == ".parquet" else "bytes"
        shape = carrier_of(carriers, carrier, decoder=settings.ingest.decoder)
        sent = send(kafka, target, file, shape, show.steps.of(f"sending {file.name} ({unit})"))
    if as_json:
        print_json({"topic": target, **asdict(sent)})
        return
    blank = f" and skipped {sent.blank_lines:,} blank lines" if sent.blank_lines else ""
    print_line(f"Sent {counted(sent.records, 'record')} of {file.name} to topic {target}{blank}.")
    if sent.no_events:
        print_line(f"{sent.no_events:,} of them are not valid events and will go to quarantine:")
        for example in sent.examples:
            print_line(f"  {example}")
    print_line("Next: ", (next_command(context, "run"), "bold"), whole=True)


@app.command()
def ingest(accept_gaps: AcceptGaps = False, as_json: Json = False) -> None:
    """Read Kafka into the lake until stopped; several of these processes share the partitions."""
    from emberline.services import Services
    from emberline.settings import load_settings
    from pipelines.ingest.connection import GroupTimes
    from pipelines.ingest.group import ingest_as_worker

    settings = load_settings(**({"ingest": {"accept_gaps": True}} if accept_gaps else {}))
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with reporting(quiet=as_json) as show:
        services = Services(settings, show.line)
        rules = services.rules()
        report = ingest_as_worker(
            services.kafka(),
            services.lake(),
            rules.topics,
            rules.limits,
            settings.ingest.group,
            stopping.is_set,
            on_commit=lambda report: show.steps.report("reading Kafka", report.rows, 0),
            accept_gaps_at=(lambda: dt.datetime.now(dt.UTC)) if rules.accept_gaps else None,
            times=GroupTimes(session_s=settings.ingest.session_seconds),
        )
    if as_json:
        print_json(asdict(report))
    else:
        print_line(f"Added {counted(report.rows, 'record')} to raw in {counted(report.commits, 'commit')}.")


@app.command()
def run(
    accept_gaps: AcceptGaps = False,
    accept_loss: AcceptLoss = False,
    as_json: Json = False,
) -> None:
    """Read all new records from Kafka, refresh facts and warehouse, and print what changed."""
    from emberline.runner import run_pipeline
    from emberline.services import Services
    from emberline.settings import load_settings

    settings = load_settings(**({"ingest": {"accept_gaps": True}} if accept_gaps else {}))
    with reporting(quiet=as_json) as show:
        outcome = run_pipeline(Services(settings, show.line), show.steps, accept_loss=accept_loss)
    if as_json:
        print_json(as_dict(outcome))
    else:
        print_outcome(outcome)
    raise typer.Exit(code_of(outcome))


def code_of(outcome: RunOutcome) -> ExitCode:
    """Return the exit code of a run."""
    if outcome.is_blocked:
        return ExitCode.BLOCKED
    if outcome.failure is None:
        return ExitCode.OK
    return ExitCode.FAILED if outcome.failure.trace is None else ExitCode.DEFECT


def as_dict(outcome: RunOutcome) -> dict[str, Any]:
    """Return a run's outcome as JSON."""
    return {
        **asdict(outcome.counts),
        "offsets_lost": outcome.offsets_lost,
        "partitions_changed": outcome.partitions_changed,
        "rows_changed": outcome.rows_changed,
        "changed": outcome.is_changed,
        "version": outcome.version,
        "success": outcome.is_success,
        "totals": asdict(outcome.totals),
        "failed_checks": [asdict(check) for check in outcome.failed_checks],
        "rejected": [asdict(reason) for reason in outcome.rejected],
        "ignored_for": [asdict(reason) for reason in outcome.ignored],
        "error": outcome.failure and outcome.failure.text,
        "run_id": outcome.run_id,
    }


def print_failure(outcome: RunOutcome) -> None:
    """Print what failed in a run, and what that means for readers."""
    # The error of a refused publication lists the rows it would delete; checks that only warn would repeat it.
    for check in outcome.failed_checks:
        if outcome.is_refused and not check.is_blocking:
            continue
        print_error(
            f"Check failed on {check.table}" + (": nothing was published" if check.is_blocking else ""),
            "\n".join(check.messages),
        )
    if outcome.is_refused:
        print_error("Nothing was published", outcome.failure.text if outcome.failure else "")
    if outcome.is_blocked:
        print_line("The last good version stays published. Fix the cause, then run again.")
        print_line('To quarantine a wrong event: emberline quarantine add SOURCE ID --reason "…"')
    elif outcome.failure is not None:
        if outcome.failure.trace is None:
            print_error("The run failed", outcome.failure.text)
        else:
            print_defect(outcome.failure.text, outcome.failure.trace)


def print_outcome(outcome: RunOutcome) -> None:
    """Print a run's outcome for a person."""
    print_failure(outcome)
    if not outcome.is_success:
        return
    if outcome.offsets_lost:
        print_line(
            f"Continued without {counted(outcome.offsets_lost, 'offset')} that Kafka no longer has; see lake table "
            "gaps."
        )
    if not outcome.is_changed:
        print_line("Nothing new: no record, no partition and no row changed.")
        return
    _print_counts(outcome.counts)
    for reason in outcome.rejected:
        detail = f", most often: {reason.detail}" if reason.detail else ""
        print_line(f"  {reason.records:,} of the quarantined: {reason.reason}{detail}")
    for reason in outcome.ignored:
        print_line(f"  {reason.records:,} of the ignored, of {reason.carrier}: {printable(reason.reason)}")
    print_line(
        f"Recomputed {counted(outcome.partitions_changed, 'day')}; "
        f"changed {counted(sum(outcome.rows_changed.values()), 'warehouse row')}; version {outcome.version} is live."
    )


def _print_counts(counts: Counts) -> None:
    if counts.taken_out or counts.put_back:
        taken_out = counted(counts.taken_out, "event")
        print_line(f"By rulings of people, {taken_out} went into quarantine, {counts.put_back:,} came back.")
    new, quarantined = counts.events + counts.taken_out - counts.put_back, counts.quarantined - counts.taken_out
    placeholders = f" ({counts.placeholders:,} with a placeholder account)" if counts.placeholders > 0 else ""
    further = f" with {counted(counts.further, 'further event')}" if counts.further > 0 else ""
    ignored = f", {counts.ignored:,} ignored" if counts.ignored else ""
    print_line(
        f"Read {counted(counts.raw, 'record')}{further}: {counted(new, 'new event')}{placeholders}, "
        f"{counted(counts.duplicates, 'duplicate')} "
        f"({counts.conflicts:,} in conflict), {quarantined + counts.put_back:,} quarantined, "
        f"{counted(counts.tombstones, 'tombstone')}{ignored}."
    )
