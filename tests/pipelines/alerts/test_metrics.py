"""A planted fall in `mart` is one alert, by the metric's own SQL, and no notice is sent twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from pipelines.alerts.decide import Notice, Policy
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.metric_rules import MetricRule
from pipelines.alerts.metrics import evaluate_metrics
from pipelines.alerts.rules import Limits
from pipelines.alerts.triage import Triage
from pipelines.alerts.watch import Alerting
from pipelines.publish.warehouse import Warehouse
from schemas import views, warehouse
from schemas.metrics import METRICS

DAY, WEEK = dt.timedelta(days=1), dt.timedelta(days=7)
MONDAY = dt.date(2026, 3, 2)
FELL = MetricRule("metric_quiet", METRICS["messages_sent"], "fell_by", 0.5, per="purpose", least=20)


class Ops:
    """A channel of which only the name matters here."""

    name = "ops"

    def send(self, notices: Sequence[object]) -> int:
        return len(notices)


class Company:
    """Two groups of two purposes in `mart`, and whoever looks at its metrics."""

    def __init__(self, url: str) -> None:
        self.url, self.weeks = url, 0
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.evaluated: dict[str, str] = {}
        self.reader: Callable[[], Warehouse] | None = None
        group = {"carrier": "app", "is_synthetic": True}
        with self._engine.begin() as connection:
            rows = [{"group_id": f"app:{name}", "name": name, "purpose": name} for name in ("sales", "service")]
            connection.execute(
                sa.insert(warehouse.dim_group), [_filled(warehouse.dim_group, row | group) for row in rows]
            )

    def week(self, sales: int, service: int = 100) -> None:
        """Publish a week more, with so many messages."""
        first = MONDAY + self.weeks * WEEK
        self.weeks += 1
        table = warehouse.group_day
        rows = [
            _filled(table, {"group_id": f"app:{name}", "day": first + 6 * DAY, "messages": messages})
            for name, messages in (("sales", sales), ("service", service))
        ]
        complete = {"complete_through": first + 6 * DAY, "version": self.weeks, "zone": "Asia/Shanghai"}
        with self._engine.begin() as connection:
            connection.execute(sa.insert(table), rows)
            connection.execute(sa.insert(warehouse.publication), [_filled(warehouse.publication, complete)])

    def look(self, *rules: MetricRule, hours: float = 0, is_kept: bool = True) -> list[tuple[str, str]]:
        """Evaluate on Monday noon after the newest week; return the notices and their subjects."""
        now = dt.datetime.combine(MONDAY + self.weeks * WEEK, dt.time(12), dt.UTC) + dt.timedelta(hours=hours)
        policy = Policy({}, renotify=2 * DAY)
        alerting = Alerting(policy, Limits(), "Asia/Shanghai", (Ops(),), metric_rules=rules, reader=self.reader)
        decision, evaluated = evaluate_metrics(Warehouse(self.url), alerting, self.evaluated, now)
        if is_kept:
            self.evaluated = dict(evaluated)
        self.notices: tuple[Notice, ...] = decision.notices
        return [(notice.event, notice.alert.subject) for notice in decision.notices]


def _filled(table: sa.Table, row: Mapping[str, object]) -> dict[str, object]:
    """A row, of which every other column that has to have a value has a plain one."""
    plain = {sa.BigInteger: 0, sa.Integer: 0, sa.Text: "x", sa.Boolean: False, sa.Numeric: 0, sa.Double: 0.0,
             sa.DateTime: dt.datetime(2026, 3, 1, tzinfo=dt.UTC), sa.Date: MONDAY}  # fmt: skip
    lacking = [column for column in table.columns if not column.nullable and column.name not in row]
    return {**{str(one.name): next(plain[kind] for kind in type(one.type).__mro__ if kind in plain) for one in lacking},
            **row}  # fmt: skip


@pytest.fixture
def company(prepared: str) -> Company:
    found = Company(prepared)
    for _ in range(4):
        found.week(200)
    return found


def test_a_planted_fall_is_one_alert_until_it_is_back_and_a_kill_between_tells_nothing_twice(company: Company):
    assert company.look(FELL) == []
    company.week(60)
    assert company.look(FELL, is_kept=False) == [("firing", "sales")]  # killed before it kept what is evaluated
    known = company.notices[0].known
    assert known.reason == (
        "messages_sent in the week from 2026-03-30: 60 messages, 70 % less than 200 messages, the mean of the 4 weeks "
        "before 2026-03-30"
    )
    assert company.look(FELL, hours=1) == []
    assert company.look(FELL, hours=2) == []
    company.week(120)  # better, and still within three quarters of the fall
    assert company.look(FELL, hours=1) == [("reminder", "sales")]
    company.week(180)
    assert company.look(FELL) == [("recovered", "sales")]
    assert company.look(FELL, hours=50) == []
    [entry] = AlertLedger(company.url).entries(only_open=False)
    assert entry.alert.resolved_at is not None


def test_the_query_of_an_alert_shows_the_rows_behind_it(company: Company):
    company.week(60)
    company.look(FELL)
    query = str(company.notices[0].known.details["next_step"]).partition(": ")[2]
    with sa.create_engine(company.url, poolclass=sa.NullPool).connect() as connection:
        rows = connection.exec_driver_sql(query).mappings().all()
    assert [row["messages"] for row in rows] == [200, 200, 200, 200, 60]


def test_between_two_periods_it_is_told_again_unless_somebody_took_it(company: Company):
    company.week(60)
    company.look(FELL)
    assert company.look(FELL, hours=49) == [("reminder", "sales")]
    Triage(company.url).acknowledge(1, "li", dt.datetime(2026, 4, 8, tzinfo=dt.UTC), "campaign is over")
    assert company.look(FELL, hours=120) == []
    with sa.create_engine(company.url, poolclass=sa.NullPool).connect() as connection:
        shown = connection.execute(sa.select(views.alert.c.rule, views.alert.c.purpose, views.alert.c.notes)).all()
    assert [tuple(row) for row in shown] == [("metric_quiet", "sales", "campaign is over")]


def test_a_fall_that_stays_becomes_the_usual_level_and_that_is_no_recovery(company: Company):
    for week in range(5):
        company.week(60)
        notices = company.look(FELL)
        assert notices == {0: [("firing", "sales")], 4: [("closed", "sales")]}.get(week, [("reminder", "sales")])
    assert company.notices[0].known.state == "at this level for 4 weeks"


def test_a_rule_that_is_set_otherwise_is_evaluated_again_and_one_that_is_gone_is_resolved_without_a_word(
    company: Company,
):
    company.week(60)
    assert company.look(replace(FELL, line=0.8)) == []
    assert company.look(FELL) == [("firing", "sales")]
    assert company.look() == []
    assert AlertLedger(company.url).entries() == ()


def test_a_ratio_and_the_company_are_asked_by_their_own_sql(company: Company):
    below = MetricRule("metric_low", METRICS["messages_sent"], "below", 500, back=550, period="day", least=0)
    shifted = MetricRule("metric_share", METRICS["messages_sent"], "share_shifted", 0.1, per="group", least=20)
    ratio = MetricRule("metric_replies", METRICS["reply_share"], "fell_by", 0.5, least=20)
    company.week(110, 190)
    assert company.look(below, shifted, ratio) == [
        ("firing", "company"), ("firing", "app:sales"), ("firing", "app:service"),
    ]  # fmt: skip
    details = [notice.known.details for notice in company.notices]
    assert [one.get("group_id") for one in details] == [None, "app:sales", "app:service"]
    assert company.notices[1].known.name == "sales"


def test_what_cannot_be_read_leaves_an_alert_as_one_that_cannot_be_known(company: Company):
    company.week(60)
    company.look(FELL)
    with sa.create_engine(company.url, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("ALTER TABLE mart.group_day RENAME COLUMN messages TO gone"))
    company.evaluated = {}
    assert company.look(FELL, hours=100) == []
    now = dt.datetime(2026, 4, 8, tzinfo=dt.UTC)
    assert AlertLedger(company.url).entries()[0].alert.state(now) == "errored"


def test_while_the_reader_cannot_enter_the_warehouse_each_alert_is_errored_and_is_judged_again_after_it(
    company: Company,
):
    company.week(60)
    company.look(FELL)
    company.reader = lambda: Warehouse(sa.make_url(company.url).set(port=1).render_as_string(hide_password=False))
    assert company.look(FELL, hours=1) == []
    now = dt.datetime(2026, 4, 8, tzinfo=dt.UTC)
    assert AlertLedger(company.url).entries()[0].alert.state(now) == "errored"
    company.reader = None
    company.week(200)
    assert company.look(FELL) == [("recovered", "sales")]
