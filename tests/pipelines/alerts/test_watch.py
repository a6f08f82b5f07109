"""When rules are evaluated, and when silence means anything."""

from __future__ import annotations

import datetime as dt

import pytest

from pipelines.alerts.watch import LastEvaluation, is_due, is_read_up
from pipelines.operations.backlog import Backlog
from tests.pipelines.alerts.samples import NOON

MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (None, True),
        (LastEvaluation(NOON - MINUTE, 7), False),
        (LastEvaluation(NOON - MINUTE, 6), True),
        (LastEvaluation(NOON - MINUTE, None), True),
        (LastEvaluation(NOON - 10 * MINUTE, 7), True),
    ],
)
def test_rules_are_evaluated_at_first_after_a_publication_and_every_ten_minutes(
    last: LastEvaluation | None, expected: bool
):
    assert is_due(last, 7, NOON) is expected


@pytest.mark.parametrize(
    ("backlog", "expected"),
    [
        (None, False),
        (Backlog(0, None), True),
        (Backlog(5, NOON - 9 * MINUTE), True),
        (Backlog(5, NOON - 10 * MINUTE), False),
        (Backlog(5, None), False),
    ],
)
def test_silence_means_something_only_where_all_is_read_but_for_minutes(backlog: Backlog | None, expected: bool):
    assert is_read_up(backlog, NOON) is expected
