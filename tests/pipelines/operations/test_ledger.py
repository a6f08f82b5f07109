"""The ledger of alerts: one open alert for a finding, resolved once its rule looked and found nothing."""

import datetime as dt
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from pipelines.operations.ledger import Alert, AlertLedger, Finding, Reported
from pipelines.publish.errors import LedgerFailed, WarehouseUnreachable
from pipelines.publish.warehouse import Warehouse
from schemas.operations import alert

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
STALE = Finding("data_stale", "mart", "critical", "The data is 2 hours old.", "See why no run succeeds.")
HELD = Finding("feed_held_back", "orders/0", "warning", "An open transaction hides 40 records.", "End it.")


def later(minutes: int) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


@pytest.fixture
def ledger(database: str) -> AlertLedger:
    return AlertLedger(database)


def names(alerts: tuple[Alert, ...]) -> list[tuple[str, str]]:
    return [(found.rule, found.subject) for found in alerts]


def test_a_finding_opens_an_alert_that_says_what_was_found(ledger: AlertLedger) -> None:
    opened = Alert(
        alert_id=1, rule="data_stale", subject="mart", severity="critical", message="The data is 2 hours old.",
        next_step="See why no run succeeds.", opened_at=NOON, seen_at=NOON, resolved_at=None, occurrences=1,
    )  # fmt: skip
    assert ledger.report([STALE], rules=["data_stale"], now=NOON) == Reported((opened,), ())
    assert ledger.open_alerts() == (opened,)


def test_what_is_found_again_stays_one_alert_with_the_newest_words(ledger: AlertLedger) -> None:
    ledger.report([STALE], rules=["data_stale"], now=NOON)
    older = Finding("data_stale", "mart", "warning", "The data is 3 hours old.", "Hurry.")
    assert ledger.report([older], rules=["data_stale"], now=later(5)) == Reported((), ())
    (found,) = ledger.open_alerts()
    assert (found.opened_at, found.seen_at, found.occurrences) == (NOON, later(5), 2)
    assert (found.severity, found.message, found.next_step) == ("warning", "The data is 3 hours old.", "Hurry.")


def test_what_is_no_longer_found_is_resolved_once(ledger: AlertLedger) -> None:
    ledger.report([STALE], rules=["data_stale"], now=NOON)
    first = ledger.report([], rules=["data_stale"], now=later(5))
    assert (names(first.resolved), first.resolved[0].resolved_at) == ([("data_stale", "mart")], later(5))
    assert ledger.report([], rules=["data_stale"], now=later(6)) == Reported((), ())
    assert ledger.open_alerts() == ()


def test_what_comes_back_is_an_alert_of_its_own(ledger: AlertLedger, database: str) -> None:
    ledger.report([STALE], rules=["data_stale"], now=NOON)
    ledger.report([], rules=["data_stale"], now=later(5))
    again = ledger.report([STALE], rules=["data_stale"], now=later(9))
    assert (again.opened[0].opened_at, again.opened[0].occurrences) == (later(9), 1)
    assert Warehouse(database).read(alert).height == 2


def test_a_rule_that_could_not_be_measured_resolves_nothing(ledger: AlertLedger) -> None:
    ledger.report([STALE, HELD], rules=["data_stale", "feed_held_back"], now=NOON)
    told = ledger.report([], rules=["data_stale"], now=later(5))
    assert names(told.resolved) == [("data_stale", "mart")]
    assert names(ledger.open_alerts()) == [("feed_held_back", "orders/0")]


def test_one_subject_of_a_rule_is_resolved_while_another_stays(ledger: AlertLedger) -> None:
    other = Finding("feed_held_back", "orders/1", "warning", "An open transaction hides 2 records.", "End it.")
    ledger.report([HELD, other], rules=["feed_held_back"], now=NOON)
    assert names(ledger.report([other], rules=["feed_held_back"], now=later(5)).resolved) == [
        ("feed_held_back", "orders/0")
    ]
    assert names(ledger.open_alerts()) == [("feed_held_back", "orders/1")]


def test_of_two_findings_about_the_same_the_last_counts_once(ledger: AlertLedger) -> None:
    again = Finding("data_stale", "mart", "warning", "Again.", "Wait.")
    ledger.report([STALE, again], rules=["data_stale"], now=NOON)
    assert [(found.message, found.occurrences) for found in ledger.open_alerts()] == [("Again.", 1)]


def test_a_look_at_the_past_resolves_nothing_found_since(ledger: AlertLedger) -> None:
    ledger.report([STALE], rules=["data_stale"], now=later(5))
    assert ledger.report([], rules=["data_stale"], now=NOON) == Reported((), ())
    ledger.report([STALE], rules=["data_stale"], now=NOON)
    assert ledger.open_alerts()[0].seen_at == later(5)


def test_an_alert_is_resolved_by_hand_and_opens_again_if_still_found(ledger: AlertLedger) -> None:
    ledger.report([STALE], rules=["data_stale"], now=NOON)
    resolved = ledger.resolve("data_stale", "mart", later(1))
    assert resolved is not None
    assert resolved.resolved_at == later(1)
    assert ledger.resolve("data_stale", "mart", later(2)) is None
    assert names(ledger.report([STALE], rules=["data_stale"], now=later(3)).opened) == [("data_stale", "mart")]


def test_old_resolved_alerts_are_forgotten_and_open_ones_are_not(ledger: AlertLedger) -> None:
    ledger.report([STALE, HELD], rules=["data_stale", "feed_held_back"], now=NOON)
    ledger.resolve("data_stale", "mart", later(5))
    assert ledger.forget(later(5)) == 0
    assert ledger.forget(later(6)) == 1
    assert names(ledger.open_alerts()) == [("feed_held_back", "orders/0")]


def test_a_finding_of_a_rule_that_was_not_evaluated_is_refused(ledger: AlertLedger) -> None:
    with pytest.raises(ValueError, match="feed_held_back"):
        ledger.report([STALE, HELD], rules=["data_stale"], now=NOON)
    assert ledger.open_alerts() == ()


def test_a_report_needs_an_aware_clock(ledger: AlertLedger) -> None:
    with pytest.raises(ValueError, match="zone"):
        ledger.report([STALE], rules=["data_stale"], now=NOON.replace(tzinfo=None))


def test_reporters_at_once_open_one_alert(ledger: AlertLedger, database: str) -> None:
    start, told = threading.Barrier(4), list[Reported]()

    def report() -> None:
        start.wait()
        for _ in range(5):
            told.append(AlertLedger(database).report([STALE, HELD], rules=["data_stale", "feed_held_back"], now=NOON))

    threads = [threading.Thread(target=report) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    assert sorted(name for report in told for name in names(report.opened)) == [
        ("data_stale", "mart"),
        ("feed_held_back", "orders/0"),
    ]
    assert [found.occurrences for found in ledger.open_alerts()] == [20, 20]


def test_postgresql_itself_refuses_a_second_open_alert(ledger: AlertLedger, database: str) -> None:
    ledger.report([STALE], rules=["data_stale"], now=NOON)
    copied = [column for column in alert.columns if column.name != "alert_id"]
    twice = sa.insert(alert).from_select([column.name for column in copied], sa.select(*copied))
    with (
        sa.create_engine(database, poolclass=sa.NullPool).begin() as connection,
        pytest.raises(IntegrityError, match="ux_alert_open"),
    ):
        connection.execute(twice)


def test_a_ledger_that_was_never_prepared_says_so(empty_database: str) -> None:
    with pytest.raises(LedgerFailed, match=r"ops\.alert[\s\S]*prepared"):
        AlertLedger(empty_database).open_alerts()


def test_an_unreachable_ledger_is_told_without_its_password() -> None:
    ledger = AlertLedger("postgresql+psycopg://user:hush-hush@127.0.0.1:1/emberline")
    with pytest.raises(WarehouseUnreachable) as caught:
        ledger.open_alerts()
    assert "hush-hush" not in str(caught.value)
