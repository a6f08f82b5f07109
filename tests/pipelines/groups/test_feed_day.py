"""A day of a group is measured where a connector of the group told anything."""

from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.feed_day import feed_day, measured_days
from schemas.lake import FEED_DAY, GROUP_DAY
from tests.pipelines.engagement.frames import MONDAY, rows_of

Told = tuple[str | None, int, str | None]
"""A group (None: a heartbeat), a day, and the source."""


def day(number: int) -> dt.date:
    return MONDAY + dt.timedelta(days=number)


def measured(told: list[Told]) -> set[tuple[str, int]]:
    """Groups and days, counted from the first Monday."""
    days = pl.LazyFrame(
        [{"group_id": group, "day": day(number), "source": source} for group, number, source in told if group],
        schema=GROUP_DAY.schema,
    )
    flowing = {(source, day(number)) for _, number, source in told if source is not None}
    feeds = pl.LazyFrame(list(flowing), schema=FEED_DAY.schema, orient="row")
    found = measured_days(days, feeds).collect()
    assert found.is_unique().all()
    return {(group, (each - MONDAY).days) for group, each in found.rows()}


def test_another_group_of_the_connector_or_its_heartbeat_measures_a_silent_one():
    assert measured([("app:g", 0, "a"), ("app:h", 1, "a"), (None, 2, "a")]) == {
        *(("app:g", number) for number in range(3)), ("app:h", 1), ("app:h", 2)
    }  # fmt: skip


def test_another_connector_measures_nothing_of_it():
    assert measured([("app:g", 0, "a"), (None, 1, "b")]) == {("app:g", 0)}


def test_a_connector_that_takes_over_measures_from_then_on_and_not_before():
    assert measured([("app:g", 0, "a"), (None, 1, "b"), ("app:g", 2, "b"), (None, 3, "b")]) == {
        ("app:g", 0), ("app:g", 2), ("app:g", 3)
    }  # fmt: skip


def test_a_group_that_only_a_shop_names_is_not_measured():
    assert measured([("app:g", 0, None)]) == set()


@given(
    st.lists(
        st.tuples(st.sampled_from([None, "app:g", "app:h"]), st.integers(0, 6), st.sampled_from(["a", "b", None])),
        max_size=12,
        unique_by=lambda told: told[:2] if told[0] else told,
    )
)
def test_measured_days_equal_a_search_for_each_day(told: list[Told]):
    expected = {
        (group, number)
        for group in ("app:g", "app:h")
        for number in range(7)
        for connector in {source for other, since, source in told if other == group and since <= number and source}
        if any(source == connector and on == number for _, on, source in told)
    }
    assert measured(told) == expected


def test_every_source_has_each_of_its_days_once():
    events = pl.LazyFrame({"source": ["a", "a", "b"], "day": [day(0), day(0), day(1)], "type": ["x"] * 3})
    assert rows_of(feed_day(events), "source", "day") == {("a", day(0)), ("b", day(1))}
    assert feed_day(events).collect().height == 2


def test_what_people_note_says_nothing_of_a_feed():
    noted = pl.LazyFrame({"source": ["a"], "day": [day(0)], "type": ["group.intervention"]})
    assert feed_day(noted).collect().is_empty()
