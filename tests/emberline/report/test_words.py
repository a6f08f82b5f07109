"""The report's words: the same in each language, and none of them unused."""

import datetime as dt
import re
import string
from importlib.resources import files

import polars as pl
import pytest
import yaml

from emberline.report.words import LANGUAGES, Words
from pipelines.groups.reasons import reason
from pipelines.groups.risk.drivers import _words
from pipelines.groups.risk.scores import INPUTS, SCORES, score_in_words
from schemas.disagreement import DISAGREEMENTS
from schemas.lake import GROUP_STATES

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


def test_chinese_has_words_for_every_reason_and_driver():
    words, said = Words("zh"), [*every_reason(), *every_driver()]
    assert len(said) > 12
    assert [text for text in map(words.sentence, said) if re.search("[a-z]", text)] == []


def test_every_number_of_a_sentence_stays():
    words = Words("zh")
    for text in [*every_reason(), *every_driver()]:
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
