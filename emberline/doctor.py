"""Examine all parts of an installation, read-only."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

from emberline.embedded import EmbeddedKafka, EmbeddedPostgres
from emberline.pulls import refuse_unfit
from emberline.services import Services
from pipelines.ingest.lag import partition_lags
from pipelines.operations.examination import Examined, examined
from pipelines.operations.examine_lake import examine_lake
from pipelines.operations.pulls import quiet_pulls
from pipelines.printable import counted
from pipelines.pseudonym_key import recorded_fingerprint, refuse_lost_key
from pipelines.publish.examine import examine_warehouse
from schemas.errors import EmberlineError
from schemas.lake import RAW

_PARTS: Final = ("emberline", "polars", "deltalake", "dagster", "SQLAlchemy", "kafka-python")
_START: Final = "Start what is embedded: emberline up"


def examine(services: Services, *, is_read: bool = False) -> list[Examined]:
    """Examine versions, key, lake, warehouse, Kafka and pulls, in this order.

    Args:
        services: the services of the settings.
        is_read: whether to read every data file of the lake completely.
    """
    return [
        *_versions(),
        *examined("key", "pseudonyms", lambda: _key(services)),
        *examine_lake(services.lake(), is_read=is_read),
        *examined("warehouse", "server", lambda: _warehouse(services)),
        *examined("kafka", "brokers", lambda: _kafka(services)),
        *examined("pulls", "settings", lambda: _pulls(services)),
    ]


def _versions() -> Iterator[Examined]:
    parts = ", ".join(f"{name} {version(name)}" for name in _PARTS)
    yield Examined("versions", "installed", "ok", f"{parts}, Python {platform.python_version()}.")


def _key(services: Services) -> Iterator[Examined]:
    if services.has_pseudonym_key():
        services.pseudonyms()
    else:
        refuse_lost_key(services.lake())
        yield Examined("key", "pseudonyms", "ok", "There is none yet: a new lake gets one.")
        return
    if recorded_fingerprint(services.lake()) is None:
        yield Examined("key", "pseudonyms", "ok", "The lake has no fingerprint yet: the next run records this key's.")
    else:
        yield Examined("key", "pseudonyms", "ok", "It is the key of this lake.")


def _warehouse(services: Services) -> list[Examined]:
    configured = services.settings.warehouse.url
    url = configured.get_secret_value() if configured else EmbeddedPostgres(services.state).address()
    if url is None:
        return [Examined("warehouse", "server", "warning", "The embedded PostgreSQL does not run.", _START)]
    return examine_warehouse(url, _lake_id(services))


def _lake_id(services: Services) -> str | None:
    """Return the id of the lake; None if there is none, or it cannot be read, which is reported of the lake."""
    lake = services.lake()
    try:
        raw = lake.find(RAW)
        return None if raw is None else raw.id
    except EmberlineError:
        return None


def _kafka(services: Services) -> Iterator[Examined]:
    if not (services.settings.kafka.bootstrap_servers or EmbeddedKafka(services.state).address()):
        yield Examined("kafka", "brokers", "warning", "The embedded Kafka does not run.", _START)
        return
    kafka, configured = services.kafka(), services.settings.kafka
    there = {topic.name for topic in kafka.topics(configured.topics)}
    yield Examined("kafka", "brokers", "ok", f"They answer at {kafka.bootstrap_servers}.")
    lags = partition_lags(kafka, services.lake(), there)
    for name in configured.topics:
        if name not in there:
            if name not in configured.own_topics:
                continue
            next_step = "Let its producer create it, correct kafka.topics, or send a file: emberline replay"
            yield Examined("kafka", name, "warning", "There is no such topic.", next_step)
            continue
        unread = sum(lag.records for lag in lags if lag.topic == name)
        yield Examined("kafka", name, "ok", f"Unread: {counted(unread, 'record')}." if lags else "It is there.")


def _pulls(services: Services) -> Iterator[Examined]:
    limits = services.settings.pull_limits()
    if limits is None:
        return
    refuse_unfit(services.settings)
    if not (services.settings.kafka.bootstrap_servers or EmbeddedKafka(services.state).address()):
        return  # said of Kafka
    now = dt.datetime.now(dt.UTC)
    for pull in quiet_pulls(services.kafka(), limits):
        step = f"See what it says: emberline pull {pull.name}"
        if pull.since is None:
            yield Examined("pulls", pull.name, "warning", "It was never pulled.", step)
        elif pull.error is not None:
            yield Examined("pulls", pull.name, "warning", f"Its newest round failed: {pull.error}", step)
        elif now - pull.since >= pull.limit:
            yield Examined("pulls", pull.name, "warning", f"No round has succeeded since {pull.since:%F %R} UTC.", step)
        else:
            yield Examined("pulls", pull.name, "ok", f"Its newest round succeeded at {pull.since:%F %R} UTC.")
