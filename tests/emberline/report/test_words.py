"""The report's words: the same in each language, and none of them unused."""

import datetime as dt
import re
import string
from importlib.resources import files
from typing import get_args

import polars as pl
import pytest
import yaml

from emberline.report.words import LANGUAGES, Words
from pipelines.alerts.decide import Alert, Known
from pipelines.alerts.metric_rules import Kind, MetricRule, Period
from pipelines.alerts.metrics import reason as metric_reason
from pipelines.alerts.pipeline import evaluations
from pipelines.alerts.risks import RISKS
from pipelines.alerts.rules import HEARD, RULES, Limits, Signals, evaluate
from pipelines.events.sequences import MISSING
from pipelines.groups.reasons import reason
from pipelines.groups.risk.drivers import _words
from pipelines.groups.risk.scores import INPUTS, SCORES, score_in_words
from pipelines.operations import staleness
from pipelines.operations.backlog import Backlog
from schemas.disagreement import DISAGREEMENTS
from schemas.lake import GROUP_STATES
from schemas.metrics import METRICS

PACKAGE = files("emberline.report")
THROUGH = dt.date(2026, 3, 1)
OF_CLOSED_LISTS = (
    "state_", "coverage_", "membership_", "rule_", "outcome_", "lifecycle_", "by_", "duration_", "verdict_", "action_",
    "as_",
)  # fmt: skip


def texts(language: str) -> dict[str, str]:
    known = yaml.safe_load((PACKAGE / "words" / f"{language}.yaml").read_text(encoding="utf-8"))
    return {key: text for key, text in known.items() if key != "sentences"}


def holes(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_word_with_the_same_values(language: str):
    english, other = texts("en"), texts(language)
    assert other.keys() == english.keys()
    assert {key: holes(text) for key, text in other.items()} == {key: holes(text) for key, text in english.items()}


def test_no_word_is_unused():
    sources = [file for folder in (PACKAGE, PACKAGE / "templates") for file in folder.iterdir() if file.is_file()]
    code = "".join(file.read_text(encoding="utf-8") for file in sources)
    unused = [key for key in texts("en") if not re.search(rf"""["']{key}["']""", code)]
    assert [key for key in unused if not key.startswith(OF_CLOSED_LISTS)] == []


def every_reason() -> list[str]:
    """The reason of each way from a state into another, with and without causes."""
    numbers = ("speaker_days_7d", "messages_7d", "replies_7d", "newly_active_28d")
    few, usual = dict.fromkeys(numbers, 0), dict.fromkeys(
        ("speaker_days_usual", "messages_usual", "replies_usual"), 30.5
    )  # fmt: skip
    causes = {
        "operator_messages_7d": 4, "left_28d": 3, "joined_28d": 2, "half_writers_28d": 1, "half_writers_before": 2,
    }  # fmt: skip
    rows = [
        {
            "state": state, "before": before, "since": THROUGH, "silent_days": 28, "active_before": active_before,
            "end_reason": end, "silence_chance": chance, "silences_as_long": as_long, "silences_until_dead": 1,
            "dead_after_days": 28, **few, **usual, **causes,
        }
        for state in GROUP_STATES
        for before in GROUP_STATES
        for active_before in (THROUGH - dt.timedelta(days=29), THROUGH - dt.timedelta(days=22))
        for chance, as_long in ((None, 0), (0.0, 0), (0.5, 0), (0.5, 3))
        for end in ("closed on 2026-01-01", "planned to end on 2026-01-01")
    ]  # fmt: skip
    return pl.DataFrame(rows).select(reason()).to_series().unique().to_list()


def every_driver() -> list[str]:
    """What is said of each driver of a risk, of each score, and of each way in which state and risk differ."""
    features = {name: [1.0, 1.0] for name in INPUTS} | {"ends_alone": [0.0, 1.0]}
    said = pl.DataFrame(features).select(**_words())
    scores = pl.DataFrame(SCORES, schema=["score", "model_share"], orient="row")
    of_drivers = (f"{text} (+3)" for column in said for text in column)
    return [*of_drivers, *scores.select(score_in_words()).to_series(), *DISAGREEMENTS.values()]


def of_groups_and_sources() -> list[str]:
    """The reasons of alerts on groups and sources, by each rule, beside those of the groups' states."""
    day, week = dt.timedelta(days=1), dt.timedelta(days=7)
    now = dt.datetime.combine(THROUGH, dt.time(12), dt.UTC)
    schema = {
        **dict.fromkeys(("group_id", "state", "reason", "name", "purpose", "coverage"), pl.String), "since": pl.Date,
        "last_active_day": pl.Date, "silent_days": pl.Int32, "messages_usual": pl.Float64,
    }  # fmt: skip
    ids = ("app:a", "app:b", "app:c")
    usual = (None, None, "full", THROUGH, THROUGH - 2 * week, 14, 12.4)
    rows = [(group_id, "alive", "members active again, and still so", *usual) for group_id in ids]
    groups = pl.DataFrame(rows, schema=schema, orient="row")
    high = (THROUGH, 0.4)
    risks = pl.DataFrame(
        [
            ("app:a", *high, "the group is 90 days old (+3); 5 messages in 28 days (+2)", "box", 0.15, THROUGH, 0.3),
            ("app:b", *high, "", "silence", 0.0, THROUGH, 0.3),
            ("app:c", *high, "the group is 90 days old (+3)", None, None, THROUGH, 0.3),
        ],
        RISKS,
        orient="row",
    )
    lost = pl.DataFrame([("chat", "app:a", "app:a", 3, 10, 20, now - day, now)], MISSING, orient="row")
    short = pl.DataFrame({"group_ids": [ids], "messages": [5], "after": [now - day], "before": [now]})
    heard = [("chat", now), ("silent", now - 9 * day)]

    def heard_by(source: str, at: dt.datetime) -> pl.DataFrame:
        return pl.DataFrame([(name, source, at) for name in ids], HEARD, orient="row")

    found = [
        verdict.known.reason
        for source, at in heard
        for one in evaluate(
            Signals(groups, heard_by(source, at), None, risks, lost, short),
            RULES, {rule: [*ids, "chat", "silent"] for rule in RULES}, Limits(), "Asia/Shanghai", now,
        )
        for verdict in one.verdicts
    ]  # fmt: skip
    return [*dict.fromkeys(found)]


def of_metrics() -> list[str]:
    """The reasons of alerts on each metric, by each rule and period."""
    measured = {"value": -60.0, "base": 0.5, "moved": -0.12}
    rows = (measured, {**measured, "value": 1.0}, {**measured, "base": 0.0, "moved": None}, {**measured, "base": None})
    return [
        metric_reason(MetricRule("metric_x", metric, kind, 0.1, period=period), row, day, THROUGH)
        for number, metric in enumerate(METRICS.values())
        if metric.format != "day"
        for day in [THROUGH - dt.timedelta(days=number % 7)]
        for kind in get_args(Kind)
        for period in get_args(Period)
        for row in rows
    ]


def of_pipeline() -> list[str]:
    """The reasons of alerts on the pipeline, but those that only quote an error."""
    now = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    ago = now - dt.timedelta(hours=9)
    signals = staleness.Signals(
        Backlog(1234, ago),
        (staleness.Feed("T", 0, 5, ago, 1234, ago),),
        True,
        ago,
        {},
        staleness.Receiver(ago, "E"),
        tuple(
            staleness.QuietPull(name, ago, error, dt.timedelta(hours=1)) for name, error in (("P", "E"), ("Q", None))
        ),
    )
    found = staleness.judge(signals, staleness.Limits(), now)
    quoted = {staleness.UNREADABLE, staleness.RUN_FAILED, staleness.CHECK_FAILED}
    assert {finding.rule for finding in found.findings} == set(staleness.RULES) - quoted
    over = Alert(staleness.STALE, "gone", "critical", Known(THROUGH, ""), now, now, now)
    return [verdict.known.reason for one in evaluations(found, [over], now) for verdict in one.verdicts]


def every_sentence() -> list[str]:
    return [*every_reason(), *every_driver(), *of_groups_and_sources(), *of_metrics(), *of_pipeline()]


def test_chinese_has_words_for_every_reason_and_driver():
    words, names = Words("zh"), re.compile("|".join(sorted(METRICS, key=len, reverse=True)) + "|webhook")
    said = every_sentence()
    assert len(said) > 12
    assert [text for text in map(words.sentence, said) if re.search("[a-z]", names.sub("", text))] == []


def test_every_number_of_a_sentence_stays():
    words = Words("zh")
    for text in every_sentence():
        assert sorted(re.findall(r"\d+", words.sentence(text))) == sorted(re.findall(r"\d+", text))


def test_a_sentence_without_words_of_its_own_stays_as_it_is():
    assert (
        Words("zh").sentence("a reason of tomorrow; closed on 2026-01-01") == "a reason of tomorrow；于 2026-01-01 关闭"
    )
    assert Words("en").sentence("a reason of tomorrow; closed on 2026-01-01") == (
        "a reason of tomorrow; closed on 2026-01-01"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, ""), (0, "0 min"), (3599, "60 min"), (5400, "1.5 h"), (216_000, "2.5 d")]
)
def test_a_time_span_is_in_its_most_fitting_unit(seconds: float | None, shown: str):
    assert Words("en").duration(seconds) == shown
