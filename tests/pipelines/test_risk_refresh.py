"""Risks are told of each newest day and stay as told; a model is trained when there is none young enough."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.engagement.person_day import person_day
from pipelines.groups.group_day import group_day
from pipelines.groups.risk import graded, model
from pipelines.groups.risk.disagreement import disagreement
from pipelines.groups.risk.drivers import drivers
from pipelines.groups.risk.features import history, risk_features, with_messages
from pipelines.groups.risk.graded import graded_model
from pipelines.groups.risk.scores import ScoreInUse
from pipelines.lake import Lake
from pipelines.refresh import (
    Refreshed,
    refresh_days,
    refresh_feed_days,
    refresh_groups,
    refresh_identity,
    refresh_life,
    refresh_risk,
)
from schemas import kinds
from schemas.lake import GROUP_DAY, GROUP_HEALTH, GROUP_RISK, PERSON_DAY, RISK_MODEL, LakeTable
from tests.pipelines.canonical import NOON, Event, encoded, ingest, land, message, records
from tests.pipelines.groups.risk.company import company
from tests.pipelines.groups.risk.oracle import A_DAY
from tests.pipelines.test_incremental import LIFE

DAYS = 260
RETRAIN = 50
ZONE = "Asia/Shanghai"


class Risks:
    """A lake of some chatting groups, refreshed as its assets do; days are counted from the first."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.sent = lake, 0
        self.first = (NOON - 300 * A_DAY).date()
        self.refreshed: dict[str, Refreshed] = {}

    def day(self, number: int) -> dt.date:
        return self.first + number * A_DAY

    def send(self, *events: Event) -> None:
        offsets = range(self.sent, self.sent + len(events))
        self.sent += len(events)
        land(self.lake, records([encoded(event) for event in events], offsets=offsets, kafka_time=NOON))
        ingest(self.lake)

    def refresh(self, through: int | None, retrain: int = RETRAIN) -> None:
        lake, last = self.lake, None if through is None else self.day(through)
        refresh_identity(lake)
        refresh_days(lake, PERSON_DAY, person_day)
        refresh_days(lake, GROUP_DAY, group_day)
        refresh_groups(lake)
        refresh_feed_days(lake)
        refresh_life(lake, last, ZONE, LIFE, 1)
        self.refreshed = refresh_risk(lake, last, retrain, retrain)

    def stored(self, table: LakeTable) -> pl.DataFrame:
        return self.lake.open(table).scan().sort(table.key).collect()

    def told(self, number: int) -> pl.DataFrame:
        return self.stored(GROUP_RISK).filter(pl.col("day") == self.day(number))

    def said(self, group: str, number: int, minute: int = 0, person: str = "a", **payload: str) -> Event:
        time = (NOON - (300 - number) * A_DAY + minute * dt.timedelta(minutes=1)).isoformat()
        data = {"member_id": f"app:{person}", "message_id": "m", **payload}
        name = f"{group} {person} {number} {minute} {payload}"
        return message(data, id=name, source="bridge", type=kinds.MESSAGE_SENT, subject=group, time=time)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a model learn from little, so that the tests need little."""
    monkeypatch.setattr(model, "LEAST_GROUPS", 4)
    monkeypatch.setattr(model, "LEAST_DEATHS", 5)


@pytest.fixture
def risks(tmp_path_factory: pytest.TempPathFactory, small: None) -> Risks:
    risks = Risks(Lake(str(tmp_path_factory.mktemp("risks"))))
    events = [risks.said(f"app:g{n}", 0, minute, p) for n in range(8) for minute, p in enumerate("abca")]
    for row in company(5, groups=8, days=DAYS):
        group = f"app:g{int(row.group.removeprefix('qq:'))}"
        events += [risks.said(group, row.day, 9, row.person), risks.said(group, row.day, 10, row.person)]
    risks.send(*events)
    return risks


def test_the_newest_day_s_living_groups_are_told_their_risks_by_the_stored_model(risks: Risks):
    risks.refresh(250)
    (stored,) = risks.stored(RISK_MODEL).to_dicts()
    people = risks.lake.open(PERSON_DAY).scan()
    through = risks.day(250)
    model = graded_model(people, history(people, through), through, RETRAIN)
    assert risks.stored(RISK_MODEL).equals(model, null_equal=True)
    living = risks.stored(GROUP_HEALTH).filter(pl.col("day") == through)
    measured = with_messages(people, risk_features(people, through)).filter(pl.col("day") == through).collect()
    expected = drivers(
        ScoreInUse.from_json(stored["parameters"]), measured.join(living, on="group_id", how="semi")
    ).sort("group_id")
    told = risks.told(250)
    assert told.height > 2
    assert_frame_equal(told.select(expected.columns), expected, abs_tol=2e-6, rel_tol=0)
    assert set(told["model"]) == {stored["version"]}
    for name in ("may_alert", "score", "model_share"):
        assert set(told[name]) == {stored[name]}
    states = told.join(living.select("group_id", "state"), on="group_id", maintain_order="left")
    assert told["disagreement"].to_list() == states.select(disagreement()).to_series().to_list()


def test_earlier_days_stay_as_they_were_told_and_a_model_is_used_until_it_is_old(risks: Risks):
    for day in (200, 201, 249):
        risks.refresh(day)
    assert risks.stored(RISK_MODEL)["trained_through"].to_list() == [risks.day(200)]
    earlier = risks.stored(GROUP_RISK)
    assert set(earlier["day"]) == {risks.day(day) for day in (200, 201, 249)}
    risks.refresh(250)
    assert sorted(risks.stored(RISK_MODEL)["trained_through"]) == [risks.day(200), risks.day(250)]
    assert risks.told(250)["model"].unique().to_list() != earlier["model"].unique().to_list()
    assert risks.stored(GROUP_RISK).filter(pl.col("day") < risks.day(250)).equals(earlier)


def test_a_late_event_changes_the_risks_of_the_newest_day_and_neither_the_model_nor_earlier_days(risks: Risks):
    risks.refresh(248)
    risks.refresh(249)
    before, models, earlier = risks.told(249), risks.stored(RISK_MODEL), risks.told(248)
    group = before.sort("risk_28")["group_id"][-1]
    risks.send(risks.said(group, 245, 0, "a"), risks.said(group, 249, 0, "b"))
    risks.refresh(249)
    changed = risks.told(249).join(before, on=["group_id", "risk_28"], how="anti")["group_id"]
    assert changed.to_list() == [group]
    small = set(risks.stored(GROUP_HEALTH).filter(pl.col("day") == risks.day(249))["group_id"]) - set(
        before["group_id"]
    )
    assert risks.refreshed[GROUP_RISK.name].groups <= 1 + len(small)
    assert risks.told(248).equals(earlier)
    assert risks.stored(RISK_MODEL).equals(models)


def test_risks_that_followed_late_events_are_those_of_a_lake_that_had_them_from_the_start(
    risks: Risks, monkeypatch: pytest.MonkeyPatch
):
    risks.refresh(248)
    risks.refresh(249)
    late = [risks.said(f"app:g{n}", 240 + n, 3, "z") for n in (0, 3)]
    for event in late:
        risks.send(event)
        risks.refresh(249)
    followed = risks.told(249)
    # All of the day at once, by the same model: as if it had never been told before.
    risks.lake.replace(risks.lake.open(GROUP_RISK), risks.told(248), {})
    monkeypatch.setattr("pipelines.refresh.risk.recorded_inputs", lambda _handle, names: dict.fromkeys(names))
    risks.refresh(249)
    assert followed.height > 2
    assert risks.told(249).equals(followed)


def test_what_happens_today_tells_nothing_anew(risks: Risks):
    risks.refresh(249)
    before = risks.stored(GROUP_RISK)
    risks.send(risks.said("app:g1", 250))
    risks.refresh(249)
    assert [one.is_changed for one in risks.refreshed.values()] == [False, False]
    assert risks.stored(GROUP_RISK).equals(before)
    versions = [risks.lake.open(table).version for table in (RISK_MODEL, GROUP_RISK)]
    risks.refresh(249)
    assert [risks.lake.open(table).version for table in (RISK_MODEL, GROUP_RISK)] == versions


def test_a_merge_of_persons_tells_the_newest_day_anew(risks: Risks):
    risks.refresh(249)
    before = risks.told(249)
    link = message(
        {"member_id": "app:p1", "linked_id": "app:p2", "message_id": ...},
        id="link", source="bridge", type=kinds.IDENTITY_LINKED, subject=..., time=(NOON - 40 * A_DAY).isoformat(),
    )  # fmt: skip
    risks.send(link)
    risks.refresh(249)
    assert not risks.told(249).equals(before)


def test_of_a_silence_that_a_silent_feed_may_explain_nothing_is_told(risks: Risks):
    risks.refresh(DAYS + 8)
    assert risks.stored(RISK_MODEL).height == 1
    assert risks.stored(GROUP_HEALTH).filter(pl.col("day") == risks.day(DAYS + 8)).height > 0
    assert risks.told(DAYS + 8).is_empty()


def test_a_model_of_other_features_is_replaced_at_once(risks: Risks, monkeypatch: pytest.MonkeyPatch):
    risks.refresh(248)
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.refresh.risk.is_current", lambda _: False)
        risks.refresh(249)
    assert risks.told(249).is_empty()
    assert sorted(risks.stored(RISK_MODEL)["trained_through"]) == [risks.day(248), risks.day(249)]


def test_without_a_complete_day_nothing_is_told(risks: Risks):
    risks.refresh(None)
    assert risks.stored(RISK_MODEL).is_empty()
    assert risks.stored(GROUP_RISK).is_empty()


def test_of_a_short_history_the_box_tells_from_a_group_s_day_28_on(risks: Risks):
    risks.refresh(27)
    (stored,) = risks.stored(RISK_MODEL).to_dicts()
    assert (stored["score"], stored["model_share"], stored["judged_deaths"]) == ("box", 0.15, 0)
    assert stored["auc"] is None
    assert risks.told(27).is_empty()
    risks.refresh(28)
    assert risks.stored(RISK_MODEL)["version"].to_list() == [stored["version"]]
    told = risks.told(28)
    assert told.height > 2
    assert set(told["score"]) == {"box"}
    assert told["may_alert"].all()


@pytest.mark.usefixtures("small")
def test_risks_that_do_not_come_true_may_not_alert():
    rows = pl.DataFrame({
        "group_id": ["a"] * 40 + ["b"] * 40,
        "is_dead": [True] * 40 + [False] * 40,
        "risk_28": [0.99] * 40 + [0.01] * 40,
        "box_28": [0.9, 0.1] * 40,
        "since_active_day_1": [3.0, 1.0] * 40,
        "messages_28d": [3, 4] * 40,
        "messages_28d_before": [3, 4] * 40,
    })  # fmt: skip
    good = graded._graded(rows)
    assert good["may_alert"]
    assert (good["judged_days"], good["judged_deaths"]) == (80, 40)
    assert good["auc"] == good["average_precision"] == 1
    assert good["auc_silence"] == good["auc_box"] == pytest.approx(0.5)
    assert good["calibration_error"] == pytest.approx(0.01)
    assert not graded._graded(rows.with_columns(pl.col("risk_28") / 2))["may_alert"]
    # Of few deaths nothing is known but what the box came with.
    few = rows.with_columns(pl.col("is_dead") & (pl.int_range(80) < 4))
    assert graded._graded(few)["may_alert"]
    nobody_died = rows.with_columns(is_dead=pl.lit(value=False))
    assert graded._graded(nobody_died) == {"judged_days": 80, "judged_deaths": 0, "may_alert": True}
