"""What became of groups after alerts, and what that says of the rules."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pipelines.alerts.outcomes import outcomes, track_record
from pipelines.alerts.precedents import precedent

START = dt.date(2026, 3, 1)


def day(number: int) -> dt.date:
    return START + dt.timedelta(days=number)


def spells(*rows: tuple[str, str, int], **components: list[int]) -> pl.DataFrame:
    zeros = [0] * len(rows)
    names = ("operator_messages_7d", "replies_7d", "joined_28d", "newly_active_28d")
    return pl.DataFrame(
        {
            "group_id": [group for group, _, _ in rows],
            "state": [state for _, state, _ in rows],
            "since": [day(number) for _, _, number in rows],
            **{name: components.get(name, zeros) for name in names},
        }
    )


def outcome(rule: str, *rows: tuple[str, str, int]) -> tuple[str, dt.date] | None:
    alert = pl.DataFrame({"alert_id": [7], "rule": [rule], "subject": ["a"], "since": [day(0)]})
    found = outcomes(alert, spells(*rows)).rows()
    return found[0][1:] if found else None


@pytest.mark.parametrize(
    ("rule", "rows", "expected"),
    [
        ("group_dying", [("a", "dying", 0), ("a", "dead", 9)], ("died", day(9))),
        ("group_dying", [("a", "alive", -9), ("a", "dying", 0), ("a", "alive", 5), ("a", "dead", 90)],
         ("recovered", day(5))),
        ("group_dying", [("a", "dying", 0), ("a", "declining", 5)], None),
        ("group_dying", [("a", "dying", 0), ("b", "dead", 5)], None),
        ("group_declining", [("a", "declining", 0), ("a", "dying", 9), ("a", "ended", 12)], ("ended", day(12))),
        ("group_dead", [("a", "dead", 0), ("a", "revived", 40)], ("recovered", day(40))),
        ("group_silent", [("a", "alive", -50), ("a", "dead", 14)], ("died", day(14))),
    ],
)  # fmt: skip
def test_the_outcome_is_the_first_end_after_what_was_told(
    rule: str, rows: list[tuple[str, str, int]], expected: tuple[str, dt.date] | None
):
    assert outcome(rule, *rows) == expected


def alerts_of(*rows: tuple[str, str | None, int | None, str | None]) -> pl.DataFrame:
    """Alerts of the first day: rule, outcome, its day, verdict."""
    schema = {"rule": pl.String, "outcome": pl.String, "days": pl.Int64, "verdict": pl.String}
    alerts = pl.DataFrame(rows, schema=schema, orient="row").with_columns(opened_day=pl.lit(day(0)))
    return alerts.with_columns(outcome_day=pl.col("opened_day") + pl.duration(days="days"))


def test_the_record_of_a_rule_counts_what_became_of_its_groups():
    told = [("died", 10), ("died", 20), ("died", 40), ("recovered", 5), ("ended", 5), (None, None)]
    alerts = alerts_of(*(("group_dying", what, when, None) for what, when in told), ("stale_feed", None, None, None))
    assert track_record(alerts).rows() == [("group_dying", 6, 3, 1, 1, 1, 0.75, 20.0, 0, 0, None)]


def test_a_rule_of_which_nothing_is_known_yet_has_no_precision():
    alerts = alerts_of(("group_dying", None, None, None))
    assert track_record(alerts).rows() == [("group_dying", 1, 0, 0, 0, 1, None, None, 0, 0, None)]


def test_the_record_counts_verdicts_beside_outcomes_also_of_rules_that_foretell_no_death():
    alerts = alerts_of(
        ("group_dying", "died", 10, "noise"), ("group_dying", "recovered", 5, "useful"),
        ("group_dying", None, None, "useful"), ("group_dying", None, None, None),
        ("stale_feed", None, None, "noise"), ("stale_feed", None, None, None), ("run_failed", None, None, None),
    )  # fmt: skip
    assert track_record(alerts).rows() == [
        ("group_dying", 4, 1, 1, 0, 2, 0.5, 10.0, 2, 1, 2 / 3),
        ("stale_feed", 2, None, None, None, None, None, None, 0, 1, 0.0),
    ]


def test_a_precedent_says_how_many_recovered_and_what_had_risen():
    rows = [
        ("a", "dying", 0), ("a", "declining", 7), ("a", "alive", 14), ("b", "dying", 0), ("b", "dead", 20),
        ("c", "dying", 0), ("c", "alive", 9), ("d", "dying", 0), ("e", "alive", 0), ("e", "dead", 40),
    ]  # fmt: skip
    operators = [2, 0, 8, 0, 0, 4, 12, 90, 0, 0]
    joined = [3, 0, 3, 0, 0, 3, 3, 0, 0, 0]
    assert precedent(spells(*rows, operator_messages_7d=operators, joined_28d=joined)) == (
        "2 of 3 dying groups recovered; medians of these: messages of operators a week 3 -> 10"
    )


def test_without_a_recovery_there_is_no_precedent():
    assert precedent(spells(("a", "dying", 0), ("a", "dead", 20))) is None
