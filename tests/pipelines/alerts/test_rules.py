"""What rules find of groups and feeds."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pipelines.alerts.decide import Evaluation
from pipelines.alerts.rules import HEARD, Signals, evaluate, heard
from tests.pipelines.alerts.samples import DAY, HOUR, NOON

ALL = ("group_dying", "group_dead", "group_declining", "stale_feed")


def groups(**states: str) -> pl.DataFrame:
    texts = ("group_id", "state", "reason", "name", "purpose")
    schema = {**dict.fromkeys(texts, pl.String), "since": pl.Date, "n": pl.Int32}
    rows = [(name, state, "why", name, None, NOON.date(), 3) for name, state in states.items()]
    return pl.DataFrame(rows, schema=schema, orient="row")


def told(*rows: tuple[str | None, str, dt.datetime]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=HEARD, orient="row")


def judge(signals: Signals, **open_subjects: set[str]) -> dict[str, dict[str, bool | None]]:
    found = evaluate(signals, ALL, open_subjects, DAY, "Asia/Shanghai", NOON)
    return {rule.rule: {verdict.subject: verdict.holds for verdict in rule.verdicts} for rule in found}


NOW = told(*((name, "chat", NOON - HOUR) for name in "abc"))


def test_each_state_has_its_rule():
    found = judge(Signals(groups(a="dying", b="dead", c="declining"), NOW))
    assert found == {
        "group_dying": {"a": True}, "group_dead": {"b": True}, "group_declining": {"c": True}, "stale_feed": {},
    }  # fmt: skip


def test_an_open_group_is_judged_also_where_the_rule_holds_no_more():
    assert judge(Signals(groups(a="alive"), NOW), group_dying={"a"})["group_dying"] == {"a": False}


@pytest.mark.parametrize(
    ("state", "is_recovery"),
    [("alive", True), ("revived", True), ("declining", True), ("dead", False), ("ended", False)],
)
def test_only_a_better_state_is_a_recovery(state: str, is_recovery: bool):
    signals = Signals(groups(a=state), NOW)
    [dying] = evaluate(signals, ["group_dying"], {"group_dying": {"a"}}, DAY, "Asia/Shanghai", NOON)
    assert dying.verdicts[0].is_recovery is is_recovery


def test_a_group_of_a_stale_feed_is_not_measured_and_the_feed_is_told():
    silent = told(("a", "chat", NOON - 2 * DAY), ("b", "other", NOON))
    found = judge(Signals(groups(a="dying", b="dying"), silent))
    assert found["group_dying"] == {"a": None, "b": True}
    assert found["stale_feed"] == {"chat": True}


def test_a_heartbeat_or_another_group_tells_that_a_feed_is_alive():
    silent_group = ("a", "chat", NOON - 20 * DAY)
    for sign in ((None, "chat", NOON), ("b", "chat", NOON)):
        found = judge(Signals(groups(a="dead"), told(silent_group, sign)))
        assert (found["group_dead"], found["stale_feed"]) == ({"a": True}, {})


def test_a_group_that_another_connector_took_over_is_measured():
    moved = told(("a", "old", NOON - 9 * DAY), ("a", "new", NOON))
    found = evaluate(Signals(groups(a="dying"), moved), ALL, {}, DAY, "Asia/Shanghai", NOON)
    assert found[0].verdicts[0].holds
    assert found[3].verdicts[0].known.details["groups"] == 0


def test_a_feed_that_is_heard_again_is_judged_where_its_alert_is_open():
    assert judge(Signals(groups(), NOW), stale_feed={"chat"})["stale_feed"] == {"chat": False}


def test_where_feeds_are_not_read_up_to_now_nothing_is_measured():
    found = judge(Signals(groups(a="dying"), None), stale_feed={"chat"})
    assert (found["group_dying"], found["stale_feed"]) == ({"a": None}, {})


def test_where_feeds_cannot_be_read_the_rules_have_the_error():
    found = evaluate(Signals(groups(), None, "no lake"), ["group_dead"], {}, DAY, "Asia/Shanghai", NOON)
    assert found == (Evaluation("group_dead", error="no lake"),)


def test_the_verdict_keeps_what_is_known():
    [dying] = evaluate(Signals(groups(a="dying"), NOW), ["group_dying"], {}, DAY, "Asia/Shanghai", NOON)
    known = dying.verdicts[0].known
    assert (known.name, known.state, known.since, known.reason, known.details) == (
        "a", "dying", NOON.date(), "why", {"n": 3},
    )  # fmt: skip


def test_heard_is_the_newest_event_of_a_source_and_group():
    events = pl.LazyFrame(
        [("a", "chat", NOON), ("a", "chat", NOON + HOUR), (None, "chat", NOON), ("a", "shop", NOON)],
        schema={"group_id": pl.String, "source": pl.String, "time": HEARD["heard_at"]},
        orient="row",
    )
    found = set(heard(events).collect().rows())
    assert found == {("a", "chat", NOON + HOUR), (None, "chat", NOON), ("a", "shop", NOON)}
