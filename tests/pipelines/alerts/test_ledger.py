"""The ledger of alerts: a decision is written with its notices, or nothing is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from pipelines.alerts.decide import Alert, Decision, Evaluation
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.rules import RULES
from pipelines.publish.errors import LedgerFailed
from schemas.operations import alert, alert_notice
from tests.pipelines.alerts.samples import DAY, HOUR, NOON, POLICY, judged


@pytest.fixture
def ledger(prepared: str) -> AlertLedger:
    return AlertLedger(prepared)


def evaluate(
    ledger: AlertLedger, *evaluations: Evaluation, channels: Sequence[str] = ("ops",), now: dt.datetime = NOON
) -> Decision:
    return ledger.update(lambda _open: evaluations, POLICY, channels, now, rules=RULES)


def notices(url: str) -> list[tuple[str, str, str]]:
    query = (
        sa.select(alert.c.subject, alert_notice.c.event, alert_notice.c.channel)
        .join_from(alert_notice, alert)
        .order_by(alert_notice.c.notice_id)
    )
    with sa.create_engine(url).connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_what_was_decided_is_read_again_as_it_was(ledger: AlertLedger):
    decided = evaluate(ledger, judged(True, "a", "b"))
    assert tuple(entry.alert for entry in ledger.entries()) == decided.alerts
    assert [entry.alert_id for entry in ledger.entries()] == [1, 2]


def test_an_evaluation_is_given_what_is_open(ledger: AlertLedger):
    evaluate(ledger, judged(True, "a", "b"))
    evaluate(ledger, judged(False, "b"), now=NOON + HOUR)
    given: list[Alert] = []
    ledger.update(lambda known: given.extend(known) or (), POLICY, (), NOON + 2 * HOUR, rules=RULES)
    assert [alert.subject for alert in given] == ["a"]


def test_a_notice_goes_to_every_channel_and_the_end_to_those_that_were_told(ledger: AlertLedger, prepared: str):
    evaluate(ledger, judged(True, "a"), channels=["ops", "kafka"])
    evaluate(ledger, judged(False, "a"), channels=["ops", "new"], now=NOON + HOUR)
    assert notices(prepared) == [
        ("a", "firing", "kafka"), ("a", "firing", "ops"), ("a", "recovered", "kafka"), ("a", "recovered", "ops"),
    ]  # fmt: skip


def test_an_evaluation_that_breaks_writes_nothing(ledger: AlertLedger, prepared: str):
    def breaks(_open: Sequence[Alert]) -> list[Evaluation]:
        raise RuntimeError

    evaluate(ledger, judged(True, "a"))
    before = ledger.entries(only_open=False), notices(prepared)
    with pytest.raises(RuntimeError):
        ledger.update(breaks, POLICY, ["ops"], NOON + HOUR, rules=RULES)
    # A channel without a name is refused after the alerts were written.
    with pytest.raises(LedgerFailed):
        evaluate(ledger, judged(True, "b"), channels=[None], now=NOON + HOUR)  # type: ignore[list-item]
    assert (ledger.entries(only_open=False), notices(prepared)) == before


def test_the_database_itself_refuses_a_second_open_alert(ledger: AlertLedger, prepared: str):
    evaluate(ledger, judged(True, "a"))
    again = sa.text(
        "INSERT INTO ops.alert (rule, subject, severity, since, reason, details, opened_at, seen_at, told_at, "
        "notices) SELECT rule, subject, severity, since, reason, details, opened_at, seen_at, told_at, notices "
        "FROM ops.alert"
    )
    with sa.create_engine(prepared).begin() as connection, pytest.raises(IntegrityError):
        connection.execute(again)


def test_what_holds_again_is_an_alert_of_its_own(ledger: AlertLedger):
    for hours, holds in ((0, True), (1, False), (2, True)):
        evaluate(ledger, judged(holds, "a"), now=NOON + hours * HOUR)
    assert [entry.alert.resolved_at for entry in ledger.entries(only_open=False)] == [NOON + HOUR, None]


def test_what_became_of_a_group_is_noted_and_makes_the_record_of_its_rule(ledger: AlertLedger):
    evaluate(ledger, judged(True, "a", "b", "c"))
    spells = pl.DataFrame(
        {"group_id": ["a", "b"], "state": ["dead", "alive"], "since": [NOON.date() + 20 * DAY, NOON.date() + 5 * DAY]}
    )
    assert [ledger.record_outcomes(spells), ledger.record_outcomes(spells)] == [2, 0]
    assert [(entry.outcome, entry.outcome_day) for entry in ledger.entries()] == [
        ("died", NOON.date() + 20 * DAY), ("recovered", NOON.date() + 5 * DAY), (None, None),
    ]  # fmt: skip
    assert ledger.track_record("Asia/Shanghai").rows() == [("group_dying", 3, 1, 1, 0, 1, 0.5, 20.0, 0, 0, None)]


def test_upkeep_forgets_what_was_delivered_of_resolved_alerts_and_keeps_the_alerts(ledger: AlertLedger, prepared: str):
    evaluate(ledger, judged(True, "a", "b"))
    evaluate(ledger, judged(False, "a"), now=NOON + HOUR)
    delivered = sa.update(alert_notice).values(delivered_at=NOON + HOUR)
    with sa.create_engine(prepared).begin() as connection:
        connection.execute(delivered.where(alert_notice.c.event == "firing"))
    assert ledger.delete_delivered(NOON + HOUR) == 0
    assert ledger.delete_delivered(NOON + DAY) == 1
    assert notices(prepared) == [("b", "firing", "ops"), ("a", "recovered", "ops")]
    assert len(ledger.entries(only_open=False)) == 2
