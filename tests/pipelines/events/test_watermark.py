"""The watermark follows the slowest feed that is alive, less the allowed lateness."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.events.watermark import watermark
from schemas import kinds
from schemas.lake import EVENTS

START = dt.datetime(2025, 3, 3, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def at(hours: float) -> dt.datetime:
    return START + hours * HOUR


def events(*rows: tuple[str, float]) -> pl.LazyFrame:
    """Rows of `(source, hours)`; what comes from `notes` are notes of people."""
    kinds_of = {"notes": kinds.GROUP_INTERVENTION, "costs": kinds.SPEND_RECORDED}
    told = [{"source": source, "time": at(hours), "type": kinds_of.get(source)} for source, hours in rows]
    return pl.LazyFrame(told, schema=EVENTS.schema)


@pytest.mark.parametrize("rows", [[], [("notes", 99)]], ids=["nothing", "notes alone"])
def test_without_events_of_feeds_there_is_none(rows: list[tuple[str, float]]):
    assert watermark(events(*rows), HOUR, DAY) is None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([("a", 10)], 9, id="one feed"),
        pytest.param([("a", 10), ("a", 3)], 9, id="its newest event counts"),
        pytest.param([("a", 10), ("b", 4)], 3, id="the slowest feed holds it back"),
        pytest.param([("a", 34), ("b", 10)], 9, id="a feed idle for exactly the timeout still does"),
        pytest.param([("a", 34.001), ("b", 10)], 33.001, id="a feed idle for longer does not"),
        pytest.param([("a", 60), ("b", 40), ("c", 20)], 39, id="idleness is measured from the newest feed"),
        pytest.param([("a", 10), ("notes", 2)], 9, id="a note of what was done before holds nothing back"),
        pytest.param([("a", 10), ("notes", 99)], 9, id="a newer note moves nothing on"),
    ],
)
def test_it_is_the_newest_event_of_the_slowest_live_feed(rows: list[tuple[str, float]], expected: float):
    assert watermark(events(*rows), HOUR, DAY) == at(expected)


feeds = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 72)), min_size=1)


@given(feeds, st.integers(0, 48), st.integers(0, 48))
def test_it_equals_the_oracle(rows: list[tuple[str, int]], late: int, idle: int):
    newest = {source: max(hours for name, hours in rows if name == source) for source, _ in rows}
    slowest = min(hours for hours in newest.values() if hours >= max(newest.values()) - idle)
    assert watermark(events(*rows), late * HOUR, idle * HOUR) == at(slowest - late)


@given(feeds, st.tuples(st.sampled_from("abc"), st.integers(0, 72)))
def test_a_later_event_of_a_known_feed_never_moves_it_back(rows: list[tuple[str, int]], more: tuple[str, int]):
    live = {source for source, _ in rows}
    before, after = watermark(events(*rows), HOUR, 72 * HOUR), watermark(events(*rows, more), HOUR, 72 * HOUR)
    assert before is not None
    assert after is not None
    assert after >= before or more[0] not in live
