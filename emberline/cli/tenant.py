"""Commands on logins that read only some groups: `tenant add`, `list`, `remove`."""

from __future__ import annotations

import datetime as dt
import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from emberline.cli.app import app, configured
from emberline.cli.output import print_json, print_line, print_table, reporting
from emberline.cli.pipeline import Json
from pipelines.printable import counted

if TYPE_CHECKING:
    from emberline.tenants import Added

tenant_app = typer.Typer(
    name="tenant", no_args_is_help=True, help="Manage logins that read only some groups of the warehouse."
)
app.add_typer(tenant_app)

Name = Annotated[str, typer.Argument(help="Name of the login.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="Id of a group; may be repeated.")]
Actor = Annotated[
    str | None, typer.Option(help="Who grants access, if it is not the user of the system; it is stored.")
]


@tenant_app.command()
def add(
    name: Name,
    group: Groups = None,
    connections: Annotated[
        int | None,
        typer.Option(min=1, max=50, help="Most connections it may open; 5 for a new login.", show_default=False),
    ] = None,
    statement_seconds: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=86_400,
            help="Default statement timeout of the login in seconds, which it may raise; 60 for a new login.",
            show_default=False,
        ),
    ] = None,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Also set the password of an existing login.")
    ] = False,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Let a tenant also read these groups; a missing login is created and its password shown once.

    The variable EMBERLINE_TENANT_PASSWORD sets the password; without it, a random one is generated.
    """
    from emberline.embedded.postgres_tenants import TenantLimits
    from emberline.tenants import add_tenant

    services = configured()
    with reporting(quiet=as_json) as show:
        services.on_progress = show.line
        added = add_tenant(
            services,
            name,
            group or [],
            TenantLimits(connections, statement_seconds),
            new_password=new_password,
            actor=actor or getpass.getuser(),
            now=dt.datetime.now(dt.UTC),
        )
    if as_json:
        print_json(
            {
                "tenant": name,
                "groups": added.tenant.groups,
                "address": added.address,
                "password": added.password,
            }
        )
    else:
        _print_added(added)


@tenant_app.command("list")
def list_tenants(as_json: Json = False) -> None:
    """List the tenants and the groups they read."""
    import polars as pl

    from emberline.tenants import all_tenants

    found = all_tenants(configured())
    if as_json:
        print_json([{"tenant": one.name, "connections": one.connections, "groups": one.groups} for one in found])
        return
    rows = [
        (one.name, "no login" if one.connections is None else str(one.connections), ", ".join(one.groups) or "none")
        for one in found
    ]
    columns = ("tenant", "connections", "groups")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    print_table(counted(len(found), "tenant"), frame, ("Tenant", "Connections", "Groups"), sentences=("Groups",))


@tenant_app.command()
def remove(name: Name, group: Groups = None) -> None:
    """Withdraw these groups from a tenant; without --group, withdraw all and drop its login."""
    from emberline.tenants import remove_tenant

    services = configured()
    with reporting() as show:
        services.on_progress = show.line
        removed = remove_tenant(services, name, group or [])
    login = {None: ".", True: "; its login is dropped.", False: "; there was no login to drop."}[
        removed.is_login_dropped
    ]
    print_line(f"{name} reads {counted(removed.groups, 'group')} fewer{login}")


def _print_added(added: Added) -> None:
    groups = ", ".join(added.tenant.groups) or "no group yet"
    print_line(f"{added.tenant.name} reads {groups}", whole=True)
    print_line(f"Address   {added.address}", whole=True)
    if added.password is not None:
        print_line(f"Password  {added.password}  (shown this once)", whole=True)
