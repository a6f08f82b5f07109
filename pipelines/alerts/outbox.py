"""The notices that wait in `ops.alert_notice`: each is delivered once, in the order of the decisions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from pipelines.alerts.channels import Channel, ChannelFailed
from pipelines.alerts.ledger import known_from_json
from pipelines.alerts.messages import OutboxNotice
from pipelines.publish.database import Database, Refused
from pipelines.publish.errors import LedgerFailed
from schemas.operations import alert, alert_notice

_REFUSED: Final = Refused(
    LedgerFailed,
    "See that the warehouse is prepared and that this role may write to its schema ops.",
    alert_notice.fullname,
)
_WAITING: Final = alert_notice.c.delivered_at.is_(None)
_CLAIMED: Final = 1000
_FIRST_WAIT: Final = dt.timedelta(seconds=30)
_LONGEST_WAIT: Final = dt.timedelta(minutes=15)


@dataclass(frozen=True)
class Delivered:
    """How many notices a channel accepted, in how many messages, and the error if it then failed."""

    notices: int = 0
    messages: int = 0
    error: str | None = None


@dataclass(frozen=True)
class Waiting:
    """How many notices wait for a channel, since when, and the error of the newest attempt if it failed."""

    channel: str
    notices: int
    since: dt.datetime
    error: str | None


class Outbox:
    """The table `ops.alert_notice` of a prepared warehouse.

    A notice is sent and marked as delivered in one transaction. If that fails after sending, the message is sent again:
    delivery is at least once.
    """

    def __init__(self, url: str) -> None:
        """Take the warehouse's SQLAlchemy URL, `postgresql+psycopg://...`."""
        self._database = Database(url)

    def deliver(self, channel: Channel, now: dt.datetime, messages: int = 3) -> Delivered:
        """Send pending notices of a channel, in at most so many messages.

        The oldest notice is first. While it waits for its next attempt (with exponential back-off), all behind it wait
        too, so that no recovery is delivered before its alert. Of several concurrent calls one delivers.
        """
        done = Delivered()
        while done.messages < messages:
            taken, error = self._deliver_message(channel, now)
            if not taken:
                return Delivered(done.notices, done.messages, error)
            done = Delivered(done.notices + taken, done.messages + 1)
        return done

    def waiting(self) -> tuple[Waiting, ...]:
        """Count the pending notices, by channel."""
        query = (
            sa.select(
                alert_notice.c.channel,
                sa.func.count().label("notices"),
                sa.func.min(alert_notice.c.decided_at).label("since"),
                sa.func.max(alert_notice.c.error).label("error"),
            )
            .where(_WAITING)
            .group_by(alert_notice.c.channel)
            .order_by(alert_notice.c.channel)
        )
        with self._database.transaction(_REFUSED) as connection:
            return tuple(Waiting(**row._mapping) for row in connection.execute(query))

    def _deliver_message(self, channel: Channel, now: dt.datetime) -> tuple[int, str | None]:
        """Send one message, and return how many notices it holds, or 0 and the error."""
        with self._database.transaction(_REFUSED) as connection:
            rows = connection.execute(_head(channel.name)).all() if _is_mine(connection, channel.name) else []
            if not rows or now < rows[0].next_try_at:
                return 0, None
            try:
                taken = channel.send([_notice(row) for row in rows])
            except ChannelFailed as error:
                wait = min(_FIRST_WAIT * 2 ** min(rows[0].attempts, 16), _LONGEST_WAIT)
                failed = {"attempts": rows[0].attempts + 1, "next_try_at": now + wait, "error": error.cause}
                connection.execute(_of([rows[0].notice_id]).values(failed))
                return 0, error.cause
            connection.execute(_of([row.notice_id for row in rows[:taken]]).values(delivered_at=now, error=None))
            return taken, None


def _is_mine(connection: sa.Connection, channel: str) -> bool:
    """Take the lock of a channel until the transaction ends; False if another holds it."""
    key = sa.func.hashtext(f"emberline alert channel {channel}")
    return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key))).scalar_one())


def _head(channel: str) -> sa.Select:
    """Select the oldest pending notices of a channel, with the columns of their alerts."""
    of_alert = (alert.c.rule, alert.c.subject, alert.c.severity, alert.c.opened_at)
    return (
        sa.select(alert_notice, *of_alert)
        .join(alert, alert.c.alert_id == alert_notice.c.alert_id)
        .where(alert_notice.c.channel == channel, _WAITING)
        .order_by(alert_notice.c.notice_id)
        .limit(_CLAIMED)
        .with_for_update(of=alert_notice, skip_locked=True)
    )


def _of(notices: list[int]) -> sa.Update:
    return sa.update(alert_notice).where(alert_notice.c.notice_id.in_(notices))


def _notice(row: sa.Row) -> OutboxNotice:
    return OutboxNotice(
        row.notice_id, row.alert_id, row.event, row.rule, row.subject, row.severity, known_from_json(row.known),
        row.opened_at, row.decided_at,
    )  # fmt: skip
