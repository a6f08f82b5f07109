"""What rules find of groups and feeds."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pipelines.alerts.decide import Evaluation, Verdict
from pipelines.alerts.rules import HEARD, Limits, Signals, evaluate, heard
from pipelines.events.sequences import MISSING
from tests.pipelines.alerts.samples import DAY, HOUR, NOON

ALL = ("group_dying", "group_dead", "group_declining", "stale_feed")
LIMITS = Limits(idle=DAY, silent_days=14, least_messages=10)


def groups(**states: str) -> pl.DataFrame:
    texts = ("group_id", "state", "reason", "name", "purpose")
    schema = {
        **dict.fromkeys(texts, pl.String), "since": pl.Date, "last_active_day": pl.Date, "silent_days": pl.Int32,
        "messages_usual": pl.Float64, "n": pl.Int32, "coverage": pl.String,
    }  # fmt: skip
    today = NOON.date()
    rows = [
        (name, state, "why", name, None, today, today - 15 * DAY, 14, 12.0, 3, "full") for name, state in states.items()
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def heard_from(*rows: tuple[str | None, str, dt.datetime]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=HEARD, orient="row")


def judge(signals: Signals, **open_subjects: set[str]) -> dict[str, dict[str, bool | None]]:
    found = evaluate(signals, ALL, open_subjects, LIMITS, "Asia/Shanghai", NOON)
    return {rule.rule: {verdict.subject: verdict.holds for verdict in rule.verdicts} for rule in found}


NOW = heard_from(*((name, "chat", NOON - HOUR) for name in "abc"))


def test_each_state_has_its_rule():
    found = judge(Signals(groups(a="dying", b="dead", c="declining"), NOW))
    assert found == {
        "group_dying": {"a": True}, "group_dead": {"b": True}, "group_declining": {"c": True}, "stale_feed": {},
    }  # fmt: skip


def test_an_open_group_is_judged_also_where_the_rule_holds_no_more():
    assert judge(Signals(groups(a="alive"), NOW), group_dying={"a"})["group_dying"] == {"a": False}


@pytest.mark.parametrize("coverage", ["mentions", "metadata", "aggregate"])
@pytest.mark.parametrize("state", ["dying", "dead", "declining"])
def test_a_group_that_no_source_sees_all_of_never_raises_an_alert(state: str, coverage: str):
    seen, partly = groups(a=state), groups(b=state).with_columns(coverage=pl.lit(coverage))
    found = judge(Signals(pl.concat([seen, partly]), NOW), **{f"group_{state}": {"b"}})
    assert found[f"group_{state}"] == {"a": True, "b": False}


@pytest.mark.parametrize(
    ("state", "is_recovery"),
    [("alive", True), ("revived", True), ("declining", True), ("dead", False), ("ended", False)],
)
def test_only_a_better_state_is_a_recovery(state: str, is_recovery: bool):
    signals = Signals(groups(a=state), NOW)
    [dying] = evaluate(signals, ["group_dying"], {"group_dying": {"a"}}, LIMITS, "Asia/Shanghai", NOON)
    assert dying.verdicts[0].is_recovery is is_recovery


def test_a_group_of_a_stale_feed_is_not_measured_and_the_feed_is_told():
    silent = heard_from(("a", "chat", NOON - 2 * DAY), ("b", "other", NOON))
    found = judge(Signals(groups(a="dying", b="dying"), silent))
    assert found["group_dying"] == {"a": None, "b": True}
    assert found["stale_feed"] == {"chat": True}


def test_a_heartbeat_or_another_group_tells_that_a_feed_is_alive():
    silent_group = ("a", "chat", NOON - 20 * DAY)
    for sign in ((None, "chat", NOON), ("b", "chat", NOON)):
        found = judge(Signals(groups(a="dead"), heard_from(silent_group, sign)))
        assert (found["group_dead"], found["stale_feed"]) == ({"a": True}, {})


def test_a_group_that_another_connector_took_over_is_measured():
    moved = heard_from(("a", "old", NOON - 9 * DAY), ("a", "new", NOON))
    found = evaluate(Signals(groups(a="dying"), moved), ALL, {}, LIMITS, "Asia/Shanghai", NOON)
    assert found[0].verdicts[0].holds
    assert found[3].verdicts[0].known.details["groups"] == 0


def test_a_feed_that_is_heard_again_is_judged_where_its_alert_is_open():
    assert judge(Signals(groups(), NOW), stale_feed={"chat"})["stale_feed"] == {"chat": False}


def test_where_feeds_are_not_read_up_to_now_nothing_is_measured():
    found = judge(Signals(groups(a="dying"), None), stale_feed={"chat"})
    assert (found["group_dying"], found["stale_feed"]) == ({"a": None}, {})


def test_where_feeds_cannot_be_read_the_rules_have_the_error():
    found = evaluate(Signals(groups(), None, "no lake"), ["group_dead"], {}, LIMITS, "Asia/Shanghai", NOON)
    assert found == (Evaluation("group_dead", error="no lake"),)


def silent(**columns: object) -> Verdict | None:
    """What is found of a living group of which nothing was heard for 14 days, and that usually has 12 messages."""
    group = groups(a="alive")
    changed = {name: pl.lit(value, group.schema[name]) for name, value in columns.items()}
    signals = Signals(group.with_columns(**changed), NOW)
    [found] = evaluate(signals, ["group_silent"], {}, LIMITS, "Asia/Shanghai", NOON)
    return found.verdicts[0] if found.verdicts else None


def test_a_living_group_without_member_activity_for_long_is_silent_since_the_day_after_the_last():
    found = silent()
    assert found is not None
    assert (found.holds, found.known.since) == (True, NOON.date() - 14 * DAY)
    assert found.known.reason == ("no member activity on 14 measured days since 2026-02-15; usually 12 messages a week")


@pytest.mark.parametrize(
    "columns",
    [{"silent_days": 13}, {"messages_usual": 9.0}, {"messages_usual": None}, {"silent_days": None}, {"state": "dying"}],
)
def test_a_group_is_not_silent_sooner_nor_where_silence_is_usual_nor_where_its_state_says_more(
    columns: dict[str, object],
):
    assert silent(**columns) is None


@pytest.mark.parametrize(("state", "is_recovery"), [("alive", True), ("declining", False), ("dead", False)])
def test_a_silent_group_recovers_only_by_speaking(state: str, is_recovery: bool):
    signals = Signals(groups(a=state).with_columns(silent_days=pl.lit(0)), NOW)
    [found] = evaluate(signals, ["group_silent"], {"group_silent": {"a"}}, LIMITS, "Asia/Shanghai", NOON)
    assert (found.verdicts[0].holds, found.verdicts[0].is_recovery) == (False, is_recovery)


def test_the_verdict_keeps_what_is_known():
    [dying] = evaluate(Signals(groups(a="dying"), NOW), ["group_dying"], {}, LIMITS, "Asia/Shanghai", NOON)
    known = dying.verdicts[0].known
    assert (known.name, known.state, known.since, known.reason, known.details) == (
        "a", "dying", NOON.date(), "why", {"silent_days": 14, "messages_usual": 12.0, "n": 3},
    )  # fmt: skip


def test_heard_is_when_the_sources_of_a_group_last_told_anything():
    day, month = NOON.date(), NOON.date().replace(day=1)
    events = pl.LazyFrame(
        [("chat", NOON, day, month), ("chat", NOON + HOUR, day, month), ("shop", NOON, day, month),
         ("old", NOON - 40 * DAY, day - 40 * DAY, (day - 40 * DAY).replace(day=1))],
        schema={"source": pl.String, "time": HEARD["heard_at"], "day": pl.Date, "month": pl.Date},
        orient="row",
    )  # fmt: skip
    feed_day = events.select("source", "day").unique()
    group_day = pl.LazyFrame(
        [("a", "old"), ("a", "chat"), ("b", "chat"), ("b", None)], schema={"group_id": pl.String, "source": pl.String},
        orient="row",
    )  # fmt: skip
    assert set(heard(group_day, feed_day, events).collect().rows()) == {
        ("a", "old", NOON - 40 * DAY), ("a", "chat", NOON + HOUR), ("b", "chat", NOON + HOUR), (None, "shop", NOON),
    }  # fmt: skip


LOST = pl.DataFrame(
    [
        ("chat", "app:a", "a", 3, 10, 13, NOON - 3 * DAY, NOON - 2 * DAY),
        ("chat", "app:a", "a", 1, 20, 21, NOON - DAY, NOON - DAY),
        ("other", "raw.other", None, 7, 1, 8, NOON - 5 * DAY, NOON - 4 * DAY),
    ],
    schema=MISSING,
    orient="row",
)  # fmt: skip


def test_what_did_not_arrive_of_a_group_or_its_source_is_said_before_all_else():
    heard_now = heard_from(("a", "chat", NOON), ("b", "other", NOON), ("c", "chat", NOON))
    signals = Signals(groups(a="dying", b="dying", c="dying"), heard_now, missing=LOST)
    [dying] = evaluate(signals, ["group_dying"], {}, LIMITS, "UTC", NOON)
    days = {n: (NOON - n * DAY).date() for n in range(6)}
    assert {verdict.subject: verdict.known.reason for verdict in dying.verdicts} == {
        "a": f"4 of what its source numbered did not arrive, sent from {days[3]} to {days[1]}; why",
        "b": f"7 of what its source numbered did not arrive, sent from {days[5]} to {days[4]}; why",
        "c": "why",
    }
    assert [verdict.known.details["numbers_missing"] for verdict in dying.verdicts] == [4, 7, None]


def test_of_a_group_of_which_the_rule_holds_no_more_only_the_reason_is_said():
    signals = Signals(groups(a="alive"), NOW, missing=LOST)
    [dying] = evaluate(signals, ["group_dying"], {"group_dying": {"a"}}, LIMITS, "UTC", NOON)
    assert dying.verdicts[0].known.reason == "why"


def test_what_its_platform_counted_beyond_what_arrived_is_said_before_all_else():
    days = {n: (NOON - n * DAY).date() for n in range(6)}
    lost = [("stats", "0a", 4, 2, NOON - 3 * DAY, NOON - DAY, ["a", "b"])]
    columns = ["source", "owner_id", "messages", "n_days", "after", "before", "group_ids"]
    short = pl.DataFrame(lost, schema=columns, orient="row")
    signals = Signals(groups(a="dying", b="alive", c="dying"), NOW, missing=LOST, short=short)
    [dying] = evaluate(signals, ["group_dying"], {"group_dying": {"b"}}, LIMITS, "UTC", NOON)
    assert {verdict.subject: verdict.known.reason for verdict in dying.verdicts} == {
        "a": "4 messages that its platform counted in the groups of its owner did not arrive, sent from "
        f"{days[3]} to {days[2]}; 4 of what its source numbered did not arrive, sent from {days[3]} to {days[1]}; why",
        "b": "why",
        "c": "why",
    }
    assert {verdict.subject: verdict.known.details["messages_missing"] for verdict in dying.verdicts} == {
        "a": 4, "b": 4, "c": None,
    }  # fmt: skip
