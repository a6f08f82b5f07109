"""Commands on linked accounts: `identity links`, `unlink`, `relink`, `rulings`."""

from __future__ import annotations

import datetime as dt
import getpass
from typing import Annotated

import typer

from emberline.cli.app import app, configured
from emberline.cli.hints import next_command
from emberline.cli.output import print_json, print_line, print_table
from emberline.cli.pipeline import Json
from pipelines.printable import counted

identity_app = typer.Typer(
    name="identity",
    no_args_is_help=True,
    help="List the links between accounts of one person, and withdraw wrong ones.",
)
app.add_typer(identity_app)

Account = Annotated[str, typer.Argument(help="carrier:native_id, or the pseudonym of the account.")]
Other = Annotated[
    str | None,
    typer.Argument(help="The other account; without it, every link of the account, also future ones."),
]
Reason = Annotated[str, typer.Option(help="Reason; it is stored.")]
Actor = Annotated[str | None, typer.Option(help="Who rules, if it is not the user of the system; it is stored.")]


@identity_app.command()
def links(account: Account, as_json: Json = False) -> None:
    """List the valid links between an account and others, as pseudonyms."""
    from pipelines.rulings import as_pseudonym, links_of

    services = configured()
    found = links_of(services.lake(), as_pseudonym(account, services.rules().decoding.pseudonyms))
    if as_json:
        print_json(found.to_dicts())
    else:
        print_table(f"{found.height} links", found, ("Account", "Linked account"))


@identity_app.command()
def unlink(context: typer.Context, account: Account, reason: Reason, other: Other = None, actor: Actor = None) -> None:
    """Withdraw a link: from the next run on, the accounts are two persons, unless other links connect them."""
    _rule(context, account, other, reason, actor, is_withdrawn=True)


@identity_app.command()
def relink(context: typer.Context, account: Account, reason: Reason, other: Other = None, actor: Actor = None) -> None:
    """Use a withdrawn link again, from the next run on."""
    _rule(context, account, other, reason, actor, is_withdrawn=False)


@identity_app.command()
def rulings(as_json: Json = False) -> None:
    """List the rulings on links: by whom, when and why."""
    import polars as pl

    from schemas.lake import IDENTITY_RULING

    found = configured().lake().open(IDENTITY_RULING).scan().sort("ruling").collect()
    if as_json:
        print_json(found.to_dicts())
        return
    shown = found.select(
        pl.col("ruled_at").dt.to_string("%Y-%m-%d %H:%M"),
        pl.when("is_withdrawn").then(pl.lit("withdrawn")).otherwise(pl.lit("used again")),
        "account_id",
        pl.col("linked_account_id").fill_null("every account"),
        "actor",
        "reason",
    )
    headings = ("When (UTC)", "Ruling", "Account", "Linked account", "Who", "Why")
    print_table(counted(found.height, "ruling"), shown, headings, sentences=("Why",))


def _rule(
    context: typer.Context, account: str, other: str | None, reason: str, actor: str | None, *, is_withdrawn: bool
) -> None:
    from pipelines.rulings import as_pseudonym, rule

    services = configured()
    pseudonyms = services.rules().decoding.pseudonyms
    rule(
        services.lake(),
        as_pseudonym(account, pseudonyms),
        None if other is None else as_pseudonym(other, pseudonyms),
        is_withdrawn=is_withdrawn,
        actor=actor or getpass.getuser(),
        reason=reason,
        now=dt.datetime.now(dt.UTC),
    )
    print_line("Recorded. Next: ", (next_command(context, "run"), "bold"), whole=True)
