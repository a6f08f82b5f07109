"""People's actions on alerts are kept with actor and time, and change what is delivered."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from pipelines.alerts.decide import Evaluation
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.rules import RULES
from pipelines.alerts.triage import Action, NoSuchAlert, Triage
from pipelines.publish.views import declare
from schemas import views
from schemas.operations import alert_notice
from tests.pipelines.alerts.samples import DAY, HOUR, NOON, POLICY, judged


@pytest.fixture
def triage(prepared: str) -> Triage:
    """One open alert, number 1, with a notice for channel `ops`."""
    evaluate(prepared, judged(True, "a"))
    return Triage(prepared)


def evaluate(url: str, evaluation: Evaluation, days: float = 0) -> None:
    AlertLedger(url).update(lambda _open: [evaluation], POLICY, ["ops"], NOON + days * DAY, rules=RULES)


def delivered(url: str) -> list[str]:
    with sa.create_engine(url).connect() as connection:
        return list(connection.scalars(sa.select(alert_notice.c.event).order_by(alert_notice.c.notice_id)))


def test_an_acknowledged_alert_keeps_who_and_when_and_is_not_told_again(triage: Triage, prepared: str):
    assert triage.acknowledge(1, "li", NOON + HOUR) == "Tea lovers"
    found = AlertLedger(prepared).entries()[0].alert
    assert (found.acknowledged_by, found.state(NOON + HOUR)) == ("li", "acknowledged")
    evaluate(prepared, judged(True, "a"), 9)
    assert delivered(prepared) == ["firing"]


def test_a_snoozed_alert_is_told_again_when_its_time_is_over(triage: Triage, prepared: str):
    triage.snooze(1, NOON + 5 * DAY, "li", NOON)
    assert AlertLedger(prepared).entries()[0].alert.state(NOON + DAY) == "snoozed"
    evaluate(prepared, judged(True, "a"), 4)
    assert delivered(prepared) == ["firing"]
    evaluate(prepared, judged(True, "a"), 5)
    assert delivered(prepared) == ["firing", "reminder"]
    assert AlertLedger(prepared).entries()[0].alert.snoozed_until is None


def test_every_action_stays_in_the_ledger_with_its_note_and_the_last_verdict_counts(triage: Triage, prepared: str):
    triage.snooze(1, NOON + DAY, "li", NOON, "host is on holiday")
    triage.acknowledge(1, "mo", NOON + HOUR)
    triage.give_verdict(1, "noise", "mo", NOON + 2 * HOUR, "holiday")
    evaluate(prepared, judged(False, "a"), 1)
    triage.give_verdict(1, "useful", "li", NOON + 2 * DAY)
    entry = AlertLedger(prepared).entries(only_open=False)[0]
    assert entry.verdict == "useful"
    assert entry.actions == (
        Action("snoozed", "li", NOON, "host is on holiday", NOON + DAY),
        Action("acknowledged", "mo", NOON + HOUR),
        Action("noise", "mo", NOON + 2 * HOUR, "holiday"),
        Action("useful", "li", NOON + 2 * DAY),
    )


@pytest.mark.parametrize("number", [1, 7])
def test_what_is_not_open_is_neither_acknowledged_nor_snoozed(triage: Triage, prepared: str, number: int):
    evaluate(prepared, judged(False, "a"), 1)
    with pytest.raises(NoSuchAlert, match=str(number)):
        triage.acknowledge(number, "li", NOON)
    with pytest.raises(NoSuchAlert, match=str(number)):
        triage.snooze(number, NOON + DAY, "li", NOON)
    assert AlertLedger(prepared).entries(only_open=False)[0].actions == ()


def test_of_an_alert_that_never_was_there_is_no_verdict(triage: Triage):
    with pytest.raises(NoSuchAlert, match="No alert has the number 7"):
        triage.give_verdict(7, "useful", "li", NOON)


def test_bi_tools_see_alerts_with_verdict_and_notes_at_once(triage: Triage, prepared: str):
    triage.acknowledge(1, "li", NOON + HOUR, "asked the host")
    triage.give_verdict(1, "useful", "mo", NOON + 2 * HOUR, "back after a call")
    evaluate(prepared, judged(True, "shop", rule="stale_feed"), 1)
    shown = sa.select(*(views.alert.c[name] for name in ("subject", "group_id", "acknowledged_at", "verdict", "notes")))
    with sa.create_engine(prepared).connect() as connection:
        assert [tuple(row) for row in connection.execute(shown.order_by(views.alert.c.alert_id))] == [
            ("a", "a", NOON + HOUR, "useful", "asked the host; back after a call"),
            ("shop", None, None, None, None),
        ]


def test_a_view_is_made_once_and_made_again_where_it_is_otherwise(triage: Triage, prepared: str):
    made = sa.text("SELECT xmin::text FROM pg_rewrite WHERE ev_class = 'mart.alert'::regclass")
    with sa.create_engine(prepared).begin() as connection:
        before = connection.execute(made).scalar()
        declare(connection)
        assert connection.execute(made).scalar() == before
        connection.execute(sa.text("DROP VIEW mart.alert"))
        connection.execute(sa.text("CREATE VIEW mart.alert AS SELECT alert_id FROM ops.alert"))
        declare(connection)
        assert sa.inspect(connection).get_columns("alert", "mart")[-1]["name"] == views.alert.columns.keys()[-1]
