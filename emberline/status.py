"""Addresses of all services and the condition of the pipeline, read-only."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from emberline.embedded import EmbeddedKafka, EmbeddedPostgres
from emberline.embedded.dagster import EmbeddedDagster
from emberline.embedded.postgres_roles import READER
from emberline.services import Services
from pipelines.ingest.reader import slow_because
from schemas.lake import EVENTS

if TYPE_CHECKING:
    from emberline.report.contents import LinesInUse
    from pipelines.ingest.short import Missing


def addresses(services: Services, *, with_secrets: bool = False, with_link: bool = False) -> dict[str, str | None]:
    """Return the address of each service, None for an embedded one that does not run.

    The warehouse is a URL for psql; for the embedded server with the login `emberline_reader`, who may read `mart`.
    Only with `with_secrets` it has the password, and `kafka_login` is set: protocol, mechanism, user and password for
    clients of the embedded Kafka, if it runs. With `with_link`, the web server's address has the token of its page.
    `receiver` is set if the settings have a route.
    """
    settings, kafka = services.settings, EmbeddedKafka(services.state)
    dagster = EmbeddedDagster(services.state)
    found = {
        "kafka": settings.kafka.bootstrap_servers or kafka.address(),
        "lake": services.lake().uri,
        "warehouse": psql_url(services, with_secrets=with_secrets),
        "web": dagster.link() if settings.dagster.guard and (with_link or with_secrets) else dagster.address(),
    }
    if settings.receive.routes:
        found["receiver"] = services.receiver().address()
    if with_secrets and settings.kafka.bootstrap_servers is None and found["kafka"] is not None:
        found["kafka_login"] = " ".join(map(str, kafka.client_options.values()))
    return found


def psql_url(services: Services, *, with_secrets: bool) -> str | None:
    """Return the warehouse as a `postgresql://` URL; see `addresses`."""
    configured = services.settings.warehouse.url
    postgres = EmbeddedPostgres(services.state)
    if configured is not None:
        url = configured.get_secret_value()
    elif postgres.address() is not None:
        url = postgres.url(READER)
    else:
        return None
    whole = sa.make_url(url)
    # Without a password psql asks for it; it would use the stars of a masked one.
    password = str(whole.password) if with_secrets and whole.password else None
    plain = sa.URL.create(
        "postgresql", whole.username, password, whole.host, whole.port, whole.database, query=whole.query
    )
    return plain.render_as_string(hide_password=False)


def condition(services: Services, now: dt.datetime) -> dict[str, Any]:
    """Return the condition of the pipeline: unread records, publication, newest runs and checks; starts nothing.

    A part whose service does not run, or that has no data yet, is None. `dagster` is true or false by process.
    `slow_reader` is why Kafka is read by plain polls, None if it is not.
    """
    kafka_runs = services.settings.kafka.bootstrap_servers or EmbeddedKafka(services.state).address()
    warehouse_runs = services.settings.warehouse.url or EmbeddedPostgres(services.state).address()
    records = _records(services)
    return {
        "dagster": EmbeddedDagster(services.state).running(),
        "slow_reader": slow_because(services.settings.ingest.reader),
        "backlog": _backlog(services, now) if kafka_runs else None,
        "records": records,
        **({"missing": None, "totals": None} if records is None else _missing(services)),
        "pulls": _pulls(services) if kafka_runs and services.settings.pull else None,
        "published": _published(services, now) if warehouse_runs else None,
        **(_alerts(services, now) if warehouse_runs else {"alerts": None, "group_alerts": None}),
        **(_runs(services) if warehouse_runs else {"runs": None, "checks": None}),
    }


def _backlog(services: Services, now: dt.datetime) -> dict[str, Any]:
    from pipelines.ingest.lag import backlog, partition_lags

    kafka, lake, topics = services.kafka(), services.lake(), services.settings.kafka.topics
    by_topic: dict[str, int] = {}
    for lag in partition_lags(kafka, lake, topics):
        by_topic[lag.topic] = by_topic.get(lag.topic, 0) + lag.records
    unread = backlog(kafka, lake, topics)
    age = None if unread.oldest is None else (now - unread.oldest).total_seconds()
    return {"records": unread.records, "oldest_seconds": age, "by_topic": by_topic}


def _pulls(services: Services) -> dict[str, dict[str, Any]]:
    """Return the outcome of the newest rounds of each pull; see `Outcome`."""
    from msgspec.structs import asdict as fields_of

    from pipelines.ingest.pulling.cursors import Outcome
    from pipelines.operations.pulls import outcomes

    found = outcomes(services.kafka(), services.settings.cursor_topic)
    return {name: fields_of(found.get(name, Outcome())) for name in services.settings.pull}


def _records(services: Services) -> dict[str, Any] | None:
    """Return the counts of all records so far, and the reasons of ignored ones."""
    from pipelines.ingest.counts import counts_of
    from pipelines.ingest.ignored import ignored_records

    lake = services.lake()
    if (events := lake.find(EVENTS)) is None:
        return None
    ignored = ignored_records(lake, services.settings.kafka.topics)
    return {**asdict(counts_of(events)), "ignored_for": ignored.to_dicts()}


def missing_of(services: Services) -> Missing:
    """Return what did not arrive, by the numbers and totals of platforms."""
    from pipelines.ingest.missing import Lateness
    from pipelines.ingest.short import what_is_missing

    idle = dt.timedelta(hours=services.settings.rules.idle_feed_hours)
    return what_is_missing(services.lake(), Lateness(services.settings.lateness, idle))


def _missing(services: Services) -> dict[str, Any]:
    """Return the missing numbers of each sequence, and messages of each owner, the most first."""
    missing = missing_of(services)
    return {
        "missing": missing.numbers.to_dicts(),
        "totals": {"short": missing.messages.to_dicts(), "not_comparable": missing.not_comparable},
    }


def lines_of(services: Services) -> LinesInUse | None:
    """Return alert quality of the newest score by threshold, and the one in use; None if there is no score yet."""
    from emberline.report.contents import LinesInUse
    from pipelines.groups.risk.lines import line_for, of_score
    from pipelines.refresh.risk import newest_lines

    newest = newest_lines(services.lake())
    if newest is None:
        return None
    return LinesInUse(of_score(*newest), line_for(services.settings.alerts.target_precision, *newest))


def _published(services: Services, now: dt.datetime) -> dict[str, Any] | None:
    from pipelines.publish.errors import ReadFailed
    from pipelines.publish.switch import NEWEST

    try:
        newest = services.warehouse().read(NEWEST)
    except ReadFailed:  # no run has prepared it yet
        return None
    if newest.is_empty():
        return None
    row = newest.row(0, named=True)
    return {
        "version": row["version"],
        "published_at": row["published_at"],
        "age_seconds": (now - row["published_at"]).total_seconds(),
        "complete_through": row["complete_through"],
        "is_synthetic": row["is_synthetic"],
    }


def _alerts(services: Services, now: dt.datetime) -> dict[str, Any]:
    """Return problems of the pipeline, the oldest first; open alerts on groups and feeds, and undelivered notices.

    Both are None if no run has prepared the warehouse yet.
    """
    from collections import Counter

    from pipelines.alerts.ledger import AlertLedger
    from pipelines.alerts.messages import NEXT_STEP
    from pipelines.alerts.outbox import Outbox
    from pipelines.operations.staleness import RULES
    from pipelines.publish.errors import LedgerFailed

    url = services.warehouse().url
    try:
        entries, waiting = AlertLedger(url).entries(), Outbox(url).waiting()
    except LedgerFailed:
        return {"alerts": None, "group_alerts": None}
    return {
        "alerts": [
            {
                "alert_id": entry.alert_id,
                "rule": entry.alert.rule,
                "subject": entry.alert.subject,
                "severity": entry.alert.severity,
                "message": entry.alert.known.reason,
                "next_step": entry.alert.known.details[NEXT_STEP],
                "opened_at": entry.alert.opened_at,
                "seen_at": entry.alert.seen_at,
                "open_seconds": (now - entry.alert.opened_at).total_seconds(),
            }
            for entry in entries
            if entry.alert.rule in RULES
        ],
        "group_alerts": {
            "open": dict(Counter(entry.alert.rule for entry in entries if entry.alert.rule not in RULES)),
            "waiting": [{**asdict(channel), "seconds": (now - channel.since).total_seconds()} for channel in waiting],
        },
    }


def _runs(services: Services) -> dict[str, Any]:
    """Return the newest runs with their failed checks, and the newest result of every check."""
    from emberline.instance import recorded_instance
    from emberline.runs import newest_runs
    from sensors.failures import newest_evaluations

    with recorded_instance(services) as instance:
        if instance is None:
            return {"runs": None, "checks": None}
        evaluations = newest_evaluations(instance)
        failed = sorted(table for table, found in evaluations.items() if not found.passed)
        return {
            "runs": [asdict(run) for run in newest_runs(instance)],
            "checks": {"passed": len(evaluations) - len(failed), "failed": failed} if evaluations else None,
        }
