"""Random histories: events come, late or not, and a fact and what it follows are refreshed after them or not."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from tests.pipelines.canonical import NOON, Event
from tests.pipelines.test_incremental import DAY, Company, said

OFTEN = st.sampled_from([True, True, True, False])

Step = tuple[list[Event], int, bool, bool]
"""Events, the day on which Kafka got them, whether what the fact follows is refreshed after them, and the fact."""


def histories(events: st.SearchStrategy[Event], most_events: int, most_steps: int) -> st.SearchStrategy[list[Step]]:
    """Histories of at least two steps."""
    step = st.tuples(st.lists(events, min_size=1, max_size=most_events), st.integers(0, 3), OFTEN, OFTEN)
    return st.lists(step, min_size=2, max_size=most_steps)


def live(company: Company, history: list[Step], refresh: Callable[[bool], None]) -> None:
    """Let a company live a history; in the end there is one event more, and all is refreshed."""
    for batch, day, is_followed_fresh, is_refreshed in [*history, ([said("app:e")], 0, True, True)]:
        company.send(*batch, kafka_time=NOON + day * DAY)
        if is_refreshed:
            refresh(is_followed_fresh)
