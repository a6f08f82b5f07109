"""Findings about the pipeline: one open alert for each, resolved once its rule finds nothing, with notices of both."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
import sqlalchemy as sa

from pipelines.alerts.channels import AppriseChannel
from pipelines.alerts.decide import Decision
from pipelines.alerts.ledger import AlertLedger, Entry
from pipelines.alerts.messages import NEXT_STEP
from pipelines.alerts.pipeline import report
from pipelines.alerts.rules import Limits
from pipelines.alerts.watch import Alerting, deliver
from pipelines.operations.staleness import Finding, Findings
from pipelines.publish.errors import LedgerFailed, WarehouseUnreachable
from schemas.operations import alert_notice
from tests.pipelines.alerts.receiver import Receiver
from tests.pipelines.alerts.samples import DAY, NOON, POLICY, judged
from tests.pipelines.alerts.test_ledger import evaluate

STALE = Finding("data_stale", "mart", "critical", "The data is 2 hours old.", "See why no run succeeds.")
HELD = Finding("feed_held_back", "orders/0", "warning", "An open transaction hides 40 records.", "End it.")
BOTH = ("data_stale", "feed_held_back")
ALERTING = Alerting(POLICY, Limits(), "Asia/Shanghai", pipeline_channels=("ops",))


def later(minutes: int) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def found(url: str, *findings: Finding, rules: tuple[str, ...] = BOTH, now: dt.datetime = NOON) -> Decision:
    return report(url, Findings(findings, frozenset(rules)), ALERTING, now)


def entries(url: str, *, only_open: bool = True) -> tuple[Entry, ...]:
    return AlertLedger(url).entries(only_open=only_open)


def names(url: str) -> list[tuple[str, str]]:
    return [(entry.alert.rule, entry.alert.subject) for entry in entries(url)]


def events(decision: Decision) -> list[tuple[str, str]]:
    return [(notice.alert.rule, notice.event) for notice in decision.notices]


def test_a_finding_opens_an_alert_that_says_what_was_found_and_what_to_do(prepared: str):
    assert events(found(prepared, STALE)) == [("data_stale", "firing")]
    (entry,) = entries(prepared)
    known = entry.alert.known
    assert (entry.alert.severity, entry.alert.opened_at, known.since) == ("critical", NOON, NOON.date())
    assert (known.reason, known.details[NEXT_STEP]) == ("The data is 2 hours old.", "See why no run succeeds.")


def test_what_is_found_again_stays_one_alert_with_the_newest_words_and_is_not_told_again(prepared: str):
    found(prepared, STALE)
    older = Finding("data_stale", "mart", "warning", "The data is 26 hours old.", "Hurry.")
    assert events(found(prepared, older, now=NOON + DAY)) == []
    (entry,) = entries(prepared)
    known = entry.alert.known
    assert (entry.alert.opened_at, entry.alert.seen_at, known.since) == (NOON, NOON + DAY, NOON.date())
    assert (entry.alert.severity, known.reason, known.details[NEXT_STEP]) == (
        "warning", "The data is 26 hours old.", "Hurry.",
    )  # fmt: skip
    assert events(found(prepared, older, now=NOON + 3 * DAY)) == [("data_stale", "reminder")]


def test_what_is_no_longer_found_is_resolved_once_and_what_comes_back_is_an_alert_of_its_own(prepared: str):
    found(prepared, STALE)
    assert events(found(prepared, now=later(5))) == [("data_stale", "recovered")]
    assert events(found(prepared, now=later(6))) == []
    assert events(found(prepared, STALE, now=later(9))) == [("data_stale", "firing")]
    assert [entry.alert.resolved_at for entry in entries(prepared, only_open=False)] == [later(5), None]


def test_a_rule_that_could_not_be_evaluated_resolves_nothing(prepared: str):
    found(prepared, STALE, HELD)
    assert events(found(prepared, rules=("data_stale",), now=later(5))) == [("data_stale", "recovered")]
    assert names(prepared) == [("feed_held_back", "orders/0")]


def test_one_subject_of_a_rule_is_resolved_while_another_stays(prepared: str):
    other = Finding("feed_held_back", "orders/1", "warning", "An open transaction hides 2 records.", "End it.")
    found(prepared, HELD, other)
    found(prepared, other, now=later(5))
    assert names(prepared) == [("feed_held_back", "orders/1")]


def test_of_two_findings_about_the_same_the_last_counts(prepared: str):
    found(prepared, STALE, Finding("data_stale", "mart", "warning", "Again.", "Wait."))
    assert [entry.alert.known.reason for entry in entries(prepared)] == ["Again."]


def test_a_look_at_the_past_resolves_nothing_found_since(prepared: str):
    found(prepared, STALE, now=later(5))
    assert events(found(prepared)) == []
    assert [entry.alert.seen_at for entry in entries(prepared)] == [later(5)]


def test_groups_and_the_pipeline_are_evaluated_each_for_itself(prepared: str):
    evaluate(AlertLedger(prepared), judged(True, "a"))
    found(prepared, STALE, now=later(1))
    evaluate(AlertLedger(prepared), judged(True, "a"), now=later(2))
    found(prepared, STALE, now=later(3))
    assert names(prepared) == [("group_dying", "a"), ("data_stale", "mart")]


def test_reporters_at_once_open_one_alert(prepared: str):
    start, decisions = threading.Barrier(4), list[Decision]()

    def reporting() -> None:
        start.wait()
        decisions.extend(found(prepared, STALE, HELD) for _ in range(3))

    threads = [threading.Thread(target=reporting) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    assert sorted(event for decision in decisions for event in events(decision)) == [
        ("data_stale", "firing"), ("feed_held_back", "firing"),
    ]  # fmt: skip
    assert len(entries(prepared, only_open=False)) == 2


def test_only_the_channels_of_the_pipeline_are_told_of_it_with_what_to_do(prepared: str, receiver: Receiver):
    found(prepared, STALE)
    with sa.create_engine(prepared).connect() as connection:
        assert list(connection.execute(sa.select(alert_notice.c.channel)).scalars()) == ["ops"]
    channels = (AppriseChannel("ops", receiver.url, "https://pages"),)
    assert deliver(prepared, Alerting(POLICY, Limits(), "UTC", channels), NOON)["ops"].notices == 1
    [message] = receiver.messages
    assert "mart is stale" in message["title"]
    assert "Why: The data is 2 hours old" in message["message"]
    assert "Next: See why no run succeeds." in message["message"]
    assert "https://pages" not in message["message"]


def test_old_resolved_alerts_on_the_pipeline_are_forgotten_and_those_on_groups_are_not(prepared: str):
    ledger = AlertLedger(prepared)
    evaluate(ledger, judged(True, "a"))
    evaluate(ledger, judged(False, "a"), now=later(1))
    found(prepared, STALE, HELD)
    found(prepared, HELD, now=later(5))
    assert [ledger.delete_resolved(later(5)), ledger.delete_resolved(later(6))] == [0, 1]
    assert {entry.alert.subject for entry in entries(prepared, only_open=False)} == {"a", "orders/0"}


def test_a_ledger_that_was_never_prepared_says_so(empty_database: str):
    with pytest.raises(LedgerFailed, match=r"ops\.alert[\s\S]*prepared"):
        entries(empty_database)


def test_an_unreachable_ledger_is_told_without_its_password():
    with pytest.raises(WarehouseUnreachable) as caught:
        entries("postgresql+psycopg://user:hush-hush@127.0.0.1:1/emberline")
    assert "hush-hush" not in str(caught.value)
