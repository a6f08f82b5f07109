"""Commands about the services: `up`, `down`, `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emberline.cli.app import app
from emberline.cli.output import print_json, reporting, stdout
from emberline.cli.pipeline import Json

if TYPE_CHECKING:
    from emberline.services import Services


@app.command()
def up(as_json: Json = False) -> None:
    """Start what is embedded: Kafka, PostgreSQL, Dagster's web server and daemon."""
    from emberline.embedded.dagster import EmbeddedDagster
    from emberline.instance import dagster_environment

    services = _services()
    with reporting(quiet=as_json) as show:
        services.on_progress = show.line
        kafka = services.kafka()
        kafka.create_topics(services.settings.kafka.topics, services.settings.kafka.partitions)
        services.warehouse().prepare()
        EmbeddedDagster(services.state).start(dagster_environment(services), show.line)
    _print_status(services, as_json=as_json)


@app.command()
def down() -> None:
    """Stop what is embedded. Data stays in the state folder; services configured elsewhere are not touched."""
    from emberline.embedded.dagster import EmbeddedDagster

    services = _services()
    EmbeddedDagster(services.state).stop()
    services.stop()
    stdout.print(f"Stopped. The data stays in {services.state.path}")


@app.command()
def status(as_json: Json = False) -> None:
    """Show where everything is and whether it runs."""
    _print_status(_services(), as_json=as_json)


def _services() -> Services:
    from emberline.services import Services
    from emberline.settings import load_settings

    return Services(load_settings())


def _print_status(services: Services, *, as_json: bool) -> None:
    from emberline.status import addresses

    found = addresses(services)
    if as_json:
        print_json(found)
        return
    stdout.print(f"State folder  {services.state.path}")
    for name, value in found.items():
        stdout.print(f"{_label(name):<13} {value or '[dim]not running[/dim]'}", soft_wrap=True, highlight=False)


def _label(name: str) -> str:
    labels: dict[str, Any] = {"kafka": "Kafka", "lake": "Lake", "warehouse": "Warehouse", "web": "Web server"}
    return labels.get(name, name)
