"""The ledger of alerts, `ops.alert`, and their notices, written in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import polars as pl
import sqlalchemy as sa

from pipelines.alerts.decide import Alert, Decision, Evaluation, Known, Notice, Policy, decide
from pipelines.alerts.outcomes import outcomes, track_record
from pipelines.alerts.triage import Action, UserVerdict, actions_of
from pipelines.operations.staleness import RULES as PIPELINE_RULES
from pipelines.publish.database import Database, Refused, take_turns
from pipelines.publish.errors import LedgerFailed
from pipelines.time import business_day
from schemas import operations
from schemas.operations import alert_notice

_REFUSED: Final = Refused(
    LedgerFailed,
    "See that the warehouse is prepared and that this role may write to its schema ops.",
    operations.alert.fullname,
)
_OPEN: Final = operations.alert.c.resolved_at.is_(None)
_KNOWN: Final = ("since", "reason", "name", "purpose", "state", "details")
_MOVING: Final = (
    "seen_at", "told_at", "notices", "acknowledged_at", "acknowledged_by", "snoozed_until", "unmeasured_since", "error",
    "resolved_at", "severity",
)  # fmt: skip
"""Columns that may change after an alert fired, beside those of `Known`."""
_FIELDS: Final = ("rule", "subject", "opened_at", *_MOVING)
_ENDS: Final = ("recovered", "closed")

Judge = Callable[[Sequence[Alert]], Iterable[Evaluation]]
"""Evaluates the rules, given the alerts that are open."""


@dataclass(frozen=True)
class Entry:
    """An alert with its number, the group's outcome, and people's actions on it, the oldest first."""

    alert_id: int
    alert: Alert
    outcome: str | None
    outcome_day: dt.date | None
    verdict: UserVerdict | None
    actions: tuple[Action, ...]


class AlertLedger:
    """The tables `ops.alert` and `ops.alert_notice` of a prepared warehouse.

    Every call raises `LedgerFailed` where PostgreSQL refuses, and `WarehouseUnreachable` where it does not answer.
    """

    def __init__(self, url: str) -> None:
        """Take the warehouse's SQLAlchemy URL, `postgresql+psycopg://...`."""
        self._database = Database(url)

    def update(
        self, judge: Judge, policy: Policy, channels: Collection[str], now: dt.datetime, *, rules: Collection[str]
    ) -> Decision:
        """Evaluate, decide, and write alerts and notices, all or nothing; evaluations take turns.

        Args:
            judge: Called with the open alerts, inside the transaction: nobody acknowledges meanwhile.
            policy: Which rules are on, and how often reminders are sent.
            channels: Names of the channels that get new alerts and reminders. The end of an alert goes to the channels
                that got the alert.
            now: The clock, with a time zone.
            rules: All rules of this evaluation, on or off; alerts of other rules are left unchanged.
        """
        with self._database.transaction(_REFUSED) as connection:
            _lock(connection)
            of_rules = sa.and_(_OPEN, operations.alert.c.rule.in_(rules))
            rows = connection.execute(
                sa.select(operations.alert).where(of_rules).order_by(operations.alert.c.alert_id)
            ).all()
            numbers = {(row.rule, row.subject): row.alert_id for row in rows}
            known_open = [_alert(row) for row in rows]
            decision = decide(known_open, judge(known_open), policy, now)
            numbers |= _save(connection, decision.alerts, numbers)
            _enqueue(connection, decision.notices, numbers, channels, now)
        return decision

    def entries(self, *, only_open: bool = True) -> tuple[Entry, ...]:
        """The alerts, the newest last."""
        query = sa.select(operations.alert).order_by(operations.alert.c.opened_at, operations.alert.c.alert_id)
        numbers = sa.select(operations.alert.c.alert_id)
        if only_open:
            query, numbers = query.where(_OPEN), numbers.where(_OPEN)
        with self._database.transaction(_REFUSED) as connection:
            actions = actions_of(connection, numbers)
            rows = connection.execute(query).all()
        return tuple(
            Entry(
                row.alert_id, _alert(row), row.outcome, row.outcome_day, row.verdict, actions.get(row.alert_id, ())
            )
            for row in rows
        )  # fmt: skip

    def record_outcomes(self, spells: pl.DataFrame) -> int:
        """Record the outcomes of alerts that have none yet (`outcomes`), and return how many got one."""
        unknown = sa.select(
            operations.alert.c.alert_id, operations.alert.c.rule, operations.alert.c.subject, operations.alert.c.since
        ).where(operations.alert.c.outcome.is_(None))
        statement = sa.update(operations.alert).where(operations.alert.c.alert_id == sa.bindparam("number"))
        with self._database.transaction(_REFUSED) as connection:
            rows = connection.execute(unknown).fetchall()
            schema = {"alert_id": pl.Int64, "rule": pl.String, "subject": pl.String, "since": pl.Date}
            found = outcomes(pl.DataFrame(rows, schema=schema, orient="row"), spells)
            if not found.is_empty():
                values = {name: sa.bindparam(name) for name in ("outcome", "outcome_day")}
                connection.execute(statement.values(values), found.rename({"alert_id": "number"}).to_dicts())
        return found.height

    def track_record(self, zone: str) -> pl.DataFrame:
        """Measure the rules by the ledger (`pipelines.alerts.outcomes.RECORD`); days are those of the zone."""
        alert = operations.alert
        query = sa.select(alert.c.rule, alert.c.opened_at, alert.c.outcome, alert.c.outcome_day, alert.c.verdict)
        with self._database.transaction(_REFUSED) as connection:
            rows = connection.execute(query).fetchall()
        schema = {
            "rule": pl.String, "at": pl.Datetime("us", "UTC"), "outcome": pl.String, "outcome_day": pl.Date,
            "verdict": pl.String,
        }  # fmt: skip
        alerts = pl.DataFrame(rows, schema=schema, orient="row")
        return track_record(alerts.with_columns(opened_day=business_day(pl.col("at"), zone)))

    def delete_delivered(self, before: dt.datetime) -> int:
        """Delete notices of resolved alerts that were delivered before this time, and return how many; alerts stay."""
        resolved = sa.select(operations.alert.c.alert_id).where(sa.not_(_OPEN))
        old = sa.delete(alert_notice).where(alert_notice.c.delivered_at < before, alert_notice.c.alert_id.in_(resolved))
        with self._database.transaction(_REFUSED) as connection:
            return connection.execute(old).rowcount

    def delete_resolved(self, before: dt.datetime) -> int:
        """Delete pipeline alerts that were resolved before this time, with their notices, and return how many."""
        old = sa.delete(operations.alert).where(
            operations.alert.c.rule.in_(PIPELINE_RULES), operations.alert.c.resolved_at < before
        )
        with self._database.transaction(_REFUSED) as connection:
            return connection.execute(old).rowcount


def known_as_json(known: Known) -> dict[str, Any]:
    """Convert `Known` to the JSON of `ops.alert_notice`."""
    return {**asdict(known), "since": known.since.isoformat()}


def known_from_json(stored: Mapping[str, Any]) -> Known:
    """The reverse of `known_as_json`."""
    return Known(**{**stored, "since": dt.date.fromisoformat(stored["since"])})


def _lock(connection: sa.Connection) -> None:
    take_turns(connection, "alerts")


def _save(
    connection: sa.Connection, alerts: Iterable[Alert], numbers: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], int]:
    """Update the alerts that have a number, insert the others, and return the numbers of these."""
    changed, opened = [], []
    for alert in alerts:
        number, row = numbers.get((alert.rule, alert.subject)), _row(alert)
        if number is None:
            opened.append(row)
        else:
            changed.append({"number": number, **{name: row[name] for name in (*_MOVING, *_KNOWN)}})
    if changed:
        values = {name: sa.bindparam(name) for name in (*_MOVING, *_KNOWN)}
        statement = (
            sa.update(operations.alert).where(operations.alert.c.alert_id == sa.bindparam("number")).values(values)
        )
        connection.execute(statement, changed)
    if not opened:
        return {}
    columns = (operations.alert.c.rule, operations.alert.c.subject, operations.alert.c.alert_id)
    rows = connection.execute(sa.insert(operations.alert).returning(*columns), opened)
    return {(row.rule, row.subject): row.alert_id for row in rows}


def _enqueue(
    connection: sa.Connection,
    notices: Iterable[Notice],
    numbers: Mapping[tuple[str, str], int],
    channels: Collection[str],
    now: dt.datetime,
) -> None:
    notices = list(notices)
    ended = [numbers[notice.alert.rule, notice.alert.subject] for notice in notices if notice.event in _ENDS]
    notified = sa.select(alert_notice.c.alert_id, alert_notice.c.channel).where(alert_notice.c.alert_id.in_(ended))
    told_in: dict[int, set[str]] = {}
    for alert_id, channel in connection.execute(notified):
        told_in.setdefault(alert_id, set()).add(channel)
    rows = []
    for notice in notices:
        number = numbers[notice.alert.rule, notice.alert.subject]
        row = {
            "alert_id": number,
            "event": notice.event,
            "known": known_as_json(notice.known),
            "decided_at": now,
            "next_try_at": now,
        }
        goes_to = told_in.get(number, set()) if notice.event in _ENDS else channels
        rows += [{**row, "channel": channel} for channel in sorted(goes_to)]
    if rows:
        connection.execute(sa.insert(alert_notice), rows)


def _row(alert: Alert) -> dict[str, Any]:
    known = {name: getattr(alert.known, name) for name in _KNOWN}
    return {**{name: getattr(alert, name) for name in _FIELDS}, **known}


def _alert(row: sa.Row) -> Alert:
    known = Known(**{name: getattr(row, name) for name in _KNOWN})
    return Alert(**{name: getattr(row, name) for name in _FIELDS}, known=known)
