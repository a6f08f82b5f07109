"""Where everything is."""

from __future__ import annotations

import sqlalchemy as sa

from emberline.embedded import EmbeddedKafka, EmbeddedPostgres
from emberline.embedded.dagster import EmbeddedDagster
from emberline.services import Services


def addresses(services: Services) -> dict[str, str | None]:
    """Address of each service, None where an embedded one does not run.

    The warehouse is a URL that psql takes. The password of the embedded one is in it, as it is local and generated;
    that of a configured one is not shown.
    """
    settings = services.settings
    return {
        "kafka": settings.kafka.bootstrap_servers or EmbeddedKafka(services.state).address(),
        "lake": services.lake().uri,
        "warehouse": psql_url(services),
        "web": EmbeddedDagster(services.state).address(),
    }


def psql_url(services: Services) -> str | None:
    """The warehouse as a `postgresql://` URL; see `addresses`."""
    configured = services.settings.warehouse.url
    url = configured.get_secret_value() if configured else EmbeddedPostgres(services.state).address()
    if url is None:
        return None
    plain = sa.make_url(url).set(drivername="postgresql")
    return plain.render_as_string(hide_password=configured is not None)
