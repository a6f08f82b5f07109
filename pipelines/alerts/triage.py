"""People's actions on alerts: acknowledge, snooze, verdict; each with actor, time and an optional note."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from pipelines.publish.database import Database, Refused, take_turns
from pipelines.publish.errors import LedgerFailed
from schemas.errors import EmberlineError
from schemas.operations import alert, alert_action

UserVerdict = Literal["useful", "noise"]
"""A person's verdict on an alert; `pipelines.alerts.decide.Verdict` is that of a rule on a subject."""

Act = Literal["acknowledged", "snoozed", "useful", "noise"]

_REFUSED: Final = Refused(
    LedgerFailed,
    "See that the warehouse is prepared and that this role may write to its schema ops.",
    alert_action.fullname,
)


class NoSuchAlert(EmberlineError):
    """No alert has this number, or none that is open."""


@dataclass(frozen=True)
class Action:
    """A person's action on an alert; `until` is the end of a snooze."""

    action: Act
    actor: str
    acted_at: dt.datetime
    note: str | None = None
    until: dt.datetime | None = None


class Triage:
    """Actions on the alerts of a prepared warehouse: each changes `ops.alert` and adds to `ops.alert_action`.

    Every call returns the subject's name, or its id where it has none, and raises `NoSuchAlert`; `LedgerFailed` where
    PostgreSQL refuses, and `WarehouseUnreachable` where it does not answer.
    """

    def __init__(self, url: str) -> None:
        """Take the warehouse's SQLAlchemy URL, `postgresql+psycopg://...`."""
        self._database = Database(url)

    def acknowledge(self, alert_id: int, actor: str, now: dt.datetime, note: str | None = None) -> str:
        """Acknowledge an open alert: no more reminders are sent."""
        action = Action("acknowledged", actor, now, note)
        return self._act(alert_id, action, is_open=True, acknowledged_at=now, acknowledged_by=actor)

    def snooze(self, alert_id: int, until: dt.datetime, actor: str, now: dt.datetime, note: str | None = None) -> str:
        """Send no reminder of an open alert before this time, and one then."""
        return self._act(alert_id, Action("snoozed", actor, now, note, until), is_open=True, snoozed_until=until)

    def give_verdict(
        self, alert_id: int, verdict: UserVerdict, actor: str, now: dt.datetime, note: str | None = None
    ) -> str:
        """Record whether an alert, open or resolved, was useful; the last verdict counts."""
        return self._act(alert_id, Action(verdict, actor, now, note), is_open=False, verdict=verdict)

    def _act(self, alert_id: int, action: Action, *, is_open: bool, **values: Any) -> str:
        statement = sa.update(alert).where(alert.c.alert_id == alert_id).values(**values)
        if is_open:
            statement = statement.where(alert.c.resolved_at.is_(None))
        name = sa.func.coalesce(sa.func.nullif(alert.c.name, ""), alert.c.subject)
        with self._database.transaction(_REFUSED) as connection:
            take_turns(connection, "alerts")
            found = connection.execute(statement.returning(name)).scalar_one_or_none()
            if found is not None:
                connection.execute(sa.insert(alert_action).values(alert_id=alert_id, **vars(action)))
        if found is None:
            which = "No open alert" if is_open else "No alert"
            raise NoSuchAlert(f"{which} has the number {alert_id}.", "See `emberline alerts list --all`.")
        return found


def actions_of(connection: sa.Connection, alerts: sa.Select[tuple[int]]) -> dict[int, tuple[Action, ...]]:
    """Read the actions on some alerts, by the alert's number, the oldest first."""
    query = sa.select(alert_action).where(alert_action.c.alert_id.in_(alerts)).order_by(alert_action.c.action_id)
    found: dict[int, tuple[Action, ...]] = {}
    for row in connection.execute(query):
        action = Action(row.action, row.actor, row.acted_at, row.note, row.until)
        found[row.alert_id] = (*found.get(row.alert_id, ()), action)
    return found
