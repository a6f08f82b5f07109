"""Stickiness says on how many days persons come, and which share of a month's persons a day brings."""

import datetime as dt

import pytest
from hypothesis import given

from pipelines.engagement.calendar import Unit
from pipelines.engagement.stickiness import ACTIVE_PERSONS, STICKINESS, active_persons, stickiness
from tests.pipelines.engagement.frames import MONDAY, activity_days, last_complete_days, person_days, rows_of
from tests.pipelines.engagement.oracle import Activity, next_start, start_of

UNITS: tuple[Unit, ...] = ("day", "week", "month")


def day(number: int) -> dt.date:
    return MONDAY + dt.timedelta(days=number)


def test_a_week_is_divided_by_the_days_of_its_persons():
    days = [("ann", "app:g", day(0)), ("ann", "app:h", day(0)), ("ann", "app:g", day(2)), ("bob", "app:g", day(6))]
    found = stickiness(person_days(*days), "week", day(6))
    assert rows_of(found, "active_days", "persons") == {(1, 1), (2, 1), *((n, 0) for n in range(3, 8))}


def test_an_incomplete_week_has_no_numbers():
    found = stickiness(person_days(("ann", "app:g", day(0))), "week", day(5))
    assert rows_of(found, "persons", "is_complete", "active_days") == {(None, False, n) for n in range(1, 8)}


def test_a_person_counts_for_a_week_and_a_month_after_a_day():
    found = (
        active_persons(person_days(("ann", "app:g", day(0)), ("bob", "app:g", day(6))), day(30)).sort("day").collect()
    )
    counted = {row["day"]: (row["dau"], row["wau"], row["mau"]) for row in found.iter_rows(named=True)}
    assert [counted[day(n)] for n in (0, 6, 7, 29, 30)] == [(1, 1, 1), (1, 2, 2), (0, 1, 2), (0, 0, 2), (0, 0, 1)]
    assert found["dau_mau"].to_list()[6] == 0.5
    assert found["dau_wau"].to_list()[29] is None


@pytest.mark.parametrize("unit", UNITS)
@given(activity=activity_days(40), through=last_complete_days(40))
def test_stickiness_equals_the_oracle(unit: Unit, activity: list[Activity], through: dt.date | None):
    expected = set()
    active = {(person, on) for person, _, on in activity}
    for start in {start_of(on, unit) for _, on in active}:
        end = next_start(start, unit)
        days = [sum(who == person and start <= on < end for who, on in active) for person in "abc"]
        is_over = through is not None and end - dt.timedelta(days=1) <= through
        for number in range(1, (end - start).days + 1):
            expected.add((unit, start, number, days.count(number) if is_over else None, is_over))
    found = stickiness(person_days(*activity), unit, through)
    assert found.collect_schema() == STICKINESS
    assert rows_of(found) == expected


@given(activity=activity_days(70), through=last_complete_days(70))
def test_active_persons_equal_the_oracle(activity: list[Activity], through: dt.date | None):
    active = {(person, on) for person, _, on in activity}
    expected = set()
    if active:
        first, last = min(on for _, on in active), max(on for _, on in active)
        last = max(last, through or last)
        for on in (first + dt.timedelta(days=n) for n in range((last - first).days + 1)):
            if through is None or on > through:
                expected.add((on, None, None, None, None, None, False))
                continue
            dau, wau, mau = (len({who for who, at in active if 0 <= (on - at).days < length}) for length in (1, 7, 30))
            expected.add((on, dau, wau, mau, dau / wau if wau else None, dau / mau if mau else None, True))
    found = active_persons(person_days(*activity), through)
    assert found.collect_schema() == ACTIVE_PERSONS
    assert rows_of(found) == expected
