"""First activity is that of all history, group by group."""

import datetime as dt

from hypothesis import given

from pipelines.engagement.first_seen import first_seen
from pipelines.engagement.person_day import person_day
from schemas.lake import FIRST_SEEN
from tests.pipelines.engagement import oracle
from tests.pipelines.engagement.frames import (
    MONDAY,
    Row,
    complete,
    event_rows,
    events,
    person_days,
    rows_of,
)


def test_each_group_has_its_own_first_day():
    later = MONDAY + dt.timedelta(days=3)
    seen = first_seen(person_days(("ann", "app:g", later), ("ann", "app:g", MONDAY), ("ann", "app:h", later)))
    assert rows_of(seen, "group_id", "first_day") == {("app:g", MONDAY), ("app:h", later)}


def test_the_schema_is_that_of_the_table():
    assert first_seen(person_days()).collect().schema == FIRST_SEEN.schema


@given(event_rows())
def test_first_activity_is_the_earliest_event_of_a_person_in_a_group(rows: list[Row]):
    earliest: dict[tuple[str, str], Row] = {}
    for row in complete(rows):
        if oracle.is_message(row) or oracle.is_reaction(row):
            key = row["person_id"], row["group_id"]
            earliest[key] = min(earliest.get(key, row), row, key=lambda each: each["time"])
    expected = {(*key, row["time"], row["day"]) for key, row in earliest.items()}
    assert rows_of(first_seen(person_day(events(*rows)))) == expected
