"""The commands `bi up`, `bi down` and `bi bundle`: dashboards in Superset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emberline.cli.app import app, configured
from emberline.cli.output import print_line, reporting

bi = typer.Typer(name="bi", help="Dashboards in Superset, with a read-only login.", no_args_is_help=True)
app.add_typer(bi)


@bi.command("up")
def bi_up(
    with_secrets: Annotated[bool, typer.Option("--secrets", help="Also show the password of the page.")] = False,
) -> None:
    """Start Superset with the five dashboards; the first time it is installed, about 700 MB."""
    from emberline.bi.superset import USER, EmbeddedSuperset
    from schemas.dashboards import DASHBOARDS

    services = configured()
    superset = EmbeddedSuperset(services.state)
    with reporting() as show:
        services.on_progress = show.line
        url = superset.start(services.reader_url(), show.line)
    for dashboard in DASHBOARDS:
        print_line(f"{dashboard.title:<12} {url}/superset/dashboard/{dashboard.slug}/", whole=True)
    shown = superset.password if with_secrets else "with: emberline bi up --secrets"
    print_line(f"Log in as {USER}, password {shown}", whole=True)


@bi.command("down")
def bi_down() -> None:
    """Stop Superset. Its data stays in the state folder."""
    from emberline.bi.superset import EmbeddedSuperset

    services = configured()
    if not services.settings.state.expanduser().exists():
        print_line(f"Nothing to stop: there is no folder {services.settings.state}", whole=True)
        return
    EmbeddedSuperset(services.state).stop()
    print_line("Superset is stopped.")


@bi.command("bundle")
def bi_bundle(
    out: Annotated[Path, typer.Argument(metavar="OUT.zip", help="The file to write.")],
) -> None:
    """Write the dashboards to a file for import in a Superset that runs elsewhere. It has no password."""
    import sqlalchemy as sa

    from emberline.bi.bundle import write_bundle

    write_bundle(sa.make_url(configured().reader_url()), out)
    print_line(f"Wrote {out}", whole=True)
