"""The ledger of alerts about the pipeline: what is wrong now, since when, and what was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from pipelines.publish.database import Database, Refused, take_turns
from pipelines.publish.errors import LedgerFailed
from schemas.expectations import Severity
from schemas.operations import OPEN_ALERT, alert

_REFUSED = Refused(
    LedgerFailed, "See that the warehouse is prepared and that this role may write to its schema ops.", alert.fullname
)
_OPEN = alert.c.resolved_at.is_(None)


@dataclass(frozen=True)
class Finding:
    """Something wrong now: `rule` says what, `subject` of what; `message` has the numbers, `next_step` the remedy."""

    rule: str
    subject: str
    severity: Severity
    message: str
    next_step: str


@dataclass(frozen=True)
class Alert:
    """A row of `ops.alert`; its columns say what the fields mean."""

    alert_id: int
    rule: str
    subject: str
    severity: Severity
    message: str
    next_step: str
    opened_at: dt.datetime
    seen_at: dt.datetime
    resolved_at: dt.datetime | None
    occurrences: int


@dataclass(frozen=True)
class Reported:
    """What a report changed: alerts that were not open before it, and those that are not any more."""

    opened: tuple[Alert, ...]
    resolved: tuple[Alert, ...]


class AlertLedger:
    """The table `ops.alert` of a prepared warehouse.

    An alert opens when its finding is first reported, stays one row while it is found again, and is resolved
    when its rule was evaluated and no longer finds it. Every call raises `LedgerFailed` where PostgreSQL refuses,
    as it does before `Warehouse.prepare`, and `WarehouseUnreachable` where it does not answer.
    """

    def __init__(self, url: str) -> None:
        """Take the warehouse's SQLAlchemy URL, `postgresql+psycopg://...`."""
        self._database = Database(url)

    def report(self, findings: Iterable[Finding], *, rules: Collection[str], now: dt.datetime) -> Reported:
        """Open, touch and resolve alerts, in one transaction.

        Args:
            findings: All that the rules found; of several with the same rule and subject the last counts.
            rules: The rules that were evaluated. One that could not be measured is left out: its alerts stay as
                they are, since not knowing is no recovery.
            now: When they were evaluated, with a time zone. Alerts found later than that are not resolved.

        Raises:
            ValueError: A finding's rule is not among the evaluated ones, or `now` has no time zone.
        """
        _require_zone(now)
        found = {(finding.rule, finding.subject): finding for finding in findings}
        if stray := {rule for rule, _ in found} - set(rules):
            raise ValueError(f"findings of rules that are not among the evaluated ones: {', '.join(sorted(stray))}")
        gone = sa.and_(
            alert.c.rule.in_(sorted(rules)),
            sa.tuple_(alert.c.rule, alert.c.subject).not_in(list(found)),
            alert.c.seen_at <= now,
        )
        with self._database.transaction(_REFUSED) as connection:
            # Two that touch the same alerts in different order would wait for each other for ever.
            take_turns(connection, "alerts")
            seen = [_row(connection.execute(_seen(finding, now)).one()) for finding in found.values()]
            resolved = _resolve(connection, gone, now)
        return Reported(tuple(row for row in seen if row.occurrences == 1), resolved)

    def resolve(self, rule: str, subject: str, now: dt.datetime) -> Alert | None:
        """Close an open alert by hand, None where none is open; a report that still finds it opens another."""
        _require_zone(now)
        with self._database.transaction(_REFUSED) as connection:
            take_turns(connection, "alerts")
            resolved = _resolve(connection, sa.and_(alert.c.rule == rule, alert.c.subject == subject), now)
        return next(iter(resolved), None)

    def open_alerts(self) -> tuple[Alert, ...]:
        """What is wrong now, the longest first."""
        query = sa.select(alert).where(_OPEN).order_by(alert.c.opened_at, alert.c.alert_id)
        with self._database.transaction(_REFUSED) as connection:
            return tuple(map(_row, connection.execute(query)))

    def forget(self, resolved_before: dt.datetime) -> int:
        """Delete alerts resolved before this time; the number of them. Open ones stay, however old."""
        _require_zone(resolved_before)
        with self._database.transaction(_REFUSED) as connection:
            return connection.execute(sa.delete(alert).where(alert.c.resolved_at < resolved_before)).rowcount


def _seen(finding: Finding, now: dt.datetime) -> sa.Executable:
    """Open the finding's alert, with 1 occurrence, or note in the open one what is known now."""
    told = {"severity": finding.severity, "message": finding.message, "next_step": finding.next_step}
    first = {"rule": finding.rule, "subject": finding.subject, "opened_at": now, "seen_at": now, "occurrences": 1}
    return (
        postgresql.insert(alert)
        .values(first | told)
        .on_conflict_do_update(
            index_elements=[alert.c.rule, alert.c.subject],
            index_where=OPEN_ALERT.dialect_options["postgresql"]["where"],
            set_={**told, "seen_at": sa.func.greatest(alert.c.seen_at, now), "occurrences": alert.c.occurrences + 1},
        )
        .returning(alert)
    )


def _resolve(connection: sa.Connection, which: sa.ColumnElement[bool], now: dt.datetime) -> tuple[Alert, ...]:
    statement = sa.update(alert).where(_OPEN, which).values(resolved_at=now).returning(alert)
    return tuple(sorted(map(_row, connection.execute(statement)), key=lambda row: row.alert_id))


def _row(row: sa.Row) -> Alert:
    return Alert(**row._mapping)


def _require_zone(time: dt.datetime) -> None:
    if time.tzinfo is None:
        raise ValueError("the time has no zone: pass an aware datetime, for example in UTC")
