"""Commands that show results: `funnel`, `groups` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from emberline.cli.app import app, configured
from emberline.cli.named_groups import group_named
from emberline.cli.output import print_json, print_line
from emberline.cli.pipeline import Json
from schemas.errors import EmberlineError

if TYPE_CHECKING:
    import polars as pl

    from pipelines.publish.warehouse import Warehouse


class NothingPublished(EmberlineError):
    """There are no results yet."""


@app.command()
def funnel(
    name: Annotated[str | None, typer.Argument(help="One funnel.  [default: all]", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show the funnels: how many entries reached each step, their share, and how fast."""
    from emberline.cli.reports import print_funnels
    from emberline.published import funnel_frame

    frame = funnel_frame(_warehouse())
    if name is not None:
        names = frame["funnel"].unique().sort().to_list()
        if name not in names:
            raise typer.BadParameter(f"{name!r}; there are {', '.join(names)}", param_hint="NAME")
        frame = frame.filter(funnel=name)
    if as_json:
        print_json(frame.to_dicts())
    else:
        print_funnels(frame)


@app.command()
def groups(
    name: Annotated[
        str | None,
        typer.Argument(
            help="One group, by id or name, what was done and whom to talk to.  [default: all]", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the groups, those at the highest risk first, with state and reasons, and what each sold."""
    from emberline.cli.reports import print_groups, print_sales
    from emberline.published import groups_frame, sales_frame

    warehouse = _warehouse()
    states, sales = groups_frame(warehouse), sales_frame(warehouse)
    if name is not None:
        _show_group(warehouse, group_named(name, states.lazy(), "NAME"), sales, as_json)
    elif as_json:
        print_json({"groups": states.to_dicts(), "sales": sales.to_dicts()})
    else:
        print_groups(states)
        print_sales(sales)


def _show_group(warehouse: Warehouse, group: dict[str, Any], sales: pl.DataFrame, as_json: bool) -> None:
    from emberline.cli.reports import print_group, print_interventions, print_sales
    from emberline.published import contacts_frame, followed_after, interventions_frame
    from pipelines.groups.contacts import ILL

    done, followed = interventions_frame(warehouse, group["group_id"]), followed_after(warehouse, group)
    found = contacts_frame(warehouse, group["group_id"]) if group["state"] in ILL else None
    sold = sales.filter(sales["group_id"] == group["group_id"])
    if as_json:
        contacts = None if found is None else found.to_dicts()
        print_json(
            {
                "group": group,
                "contacts": contacts,
                "interventions": done.to_dicts(),
                "followed": followed,
                "sales": sold.to_dicts(),
            }
        )
    else:
        print_group(group, found)
        print_interventions(done, followed)
        print_sales(sold)


@app.command()
def report(
    out: Annotated[Path, typer.Argument(help="The file to write; an existing one is replaced.", metavar="OUT.html")],
    language: Annotated[Literal["en", "zh"], typer.Option(help="Language of the page.")] = "en",
) -> None:
    """Write the report: one page for a browser, offline, on data health, groups, funnel, retention and sales."""
    from emberline.report import write_report
    from emberline.status import lines_of, missing_of

    print_line(
        str(write_report(_warehouse(), missing_of(configured()), lines_of(configured()), out, language)), whole=True
    )


def _warehouse() -> Warehouse:
    warehouse = configured().warehouse()
    warehouse.prepare()
    if warehouse.lake_state() is None:
        raise NothingPublished("The warehouse is empty.", "Run the pipeline: emberline run")
    return warehouse
