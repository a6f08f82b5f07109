"""The command `erase`: delete all data of a person permanently."""

from __future__ import annotations

import datetime as dt
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from emberline.cli.app import app
from emberline.cli.errors import ExitCode
from emberline.cli.hints import next_command
from emberline.cli.output import print_json, print_line, print_points, print_table, reporting
from emberline.cli.pipeline import AcceptLoss, Json, code_of, print_failure
from pipelines.printable import counted

if TYPE_CHECKING:
    from emberline.erase import Receipt, Store
    from pipelines.erasure import Person


@app.command()
def erase(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="carrier:native_id of any account, or its pseudonym.")],
    reason: Annotated[str, typer.Option(help="Reason, without an id or a name; it is stored.")],
    text: Annotated[
        list[str] | None,
        typer.Option(help="Other text that names the person, such as a name; may be repeated.", show_default=False),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be erased.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    actor: Annotated[
        str | None,
        typer.Option(help="Who requests it, if it is not the user of the system; it is stored.", show_default=False),
    ] = None,
    accept_loss: AcceptLoss = False,
    as_json: Json = False,
) -> None:
    """Delete all data of a person from lake, warehouse and logs, and ignore data of the person that arrives later."""
    from emberline.erase import erase_person, receipt_file
    from emberline.services import Services
    from emberline.settings import load_settings
    from pipelines.erasure import person_of

    with reporting(quiet=as_json) as show:
        services = Services(load_settings(), show.line)
        rules = services.rules()
        found = person_of(services.lake(), person, rules.decoding.pseudonyms, rules.topics, text or ())
    if plan or not yes:
        _print_plan(found, as_json=as_json and plan)
    if plan:
        return
    if not (yes or _is_wanted()):
        print_line("Nothing was erased.")
        return
    with reporting(quiet=as_json) as show:
        outcome, receipt = erase_person(
            Services(load_settings(), show.line),
            found,
            show.steps,
            actor=actor or getpass.getuser(),
            reason=reason,
            now=dt.datetime.now(dt.UTC),
            accept_loss=accept_loss,
        )
    again = next_command(context, "erase", "…", "--reason", "…")
    if receipt is None:
        print_failure(outcome)
        print_line("The erasure is not finished. Fix the cause, then run it again: ", (again, "bold"), whole=True)
        raise typer.Exit(code_of(outcome))
    if as_json:
        print_json(receipt.as_dict())
    else:
        _print_receipt(receipt, receipt_file(services, receipt.erasure))
    raise typer.Exit(ExitCode.OK if receipt.is_complete else ExitCode.FAILED)


def _rows_of(store: Store) -> list[tuple[str, str, str]]:
    """Return the lines of a store: what was removed, how that was verified, and what is left, one a line."""
    removed, verified = (store.store, "removed", store.removed), ("", "verified", store.verified)
    left = [("", "left", text) for text in store.left or ("nothing",)]
    return [removed, verified, *left]


def _is_wanted() -> bool:
    """Ask for confirmation; without a terminal, `--yes` is required."""
    try:
        return typer.confirm("Erase all of it? This cannot be undone.")
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        raise typer.BadParameter(
            "no terminal to ask for confirmation: --yes erases without asking, --plan only shows"
        ) from None


def _print_plan(person: Person, *, as_json: bool) -> None:
    accounts, events = len(person.pseudonyms), person.events
    if as_json:
        print_json({"accounts": accounts, "accounts_in_clear": list(person.accounts), "events": events})
        return
    in_clear = ", ".join(person.accounts) or "none known"
    print_line(f"The person has {counted(accounts, 'account')} ({in_clear}) and {counted(events, 'event')}.")
    print_line(
        "These events are erased, as are the values of all records that name one of the accounts, and all data derived "
        "from them in facts, warehouse, alerts and logs. Orders are included: figures of sales change."
    )


def _print_receipt(receipt: Receipt, file: Path) -> None:
    rows = [row for store in receipt.stores for row in _rows_of(store)]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("store", "what", "text"), pl.String), orient="row")
    title = f"Erasure {receipt.erasure}: {counted(receipt.accounts, 'account')}, {counted(receipt.events, 'event')}"
    print_table(title, frame, ("Store", "", "What was done"), sentences=("What was done",))
    print_points("Out of reach:", receipt.out_of_reach)
    print_line()
    print_line("Receipt: ", (str(file), "bold"), whole=True)
    if not receipt.is_complete:
        print_line(
            "Some data is left. Run it again while nothing else runs; files of dead writers are deleted after an hour."
        )
