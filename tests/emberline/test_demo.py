"""When the simulated half year of the demo ends."""

import datetime as dt

import pytest

from emberline.cli.demo import half_year


@pytest.mark.parametrize(
    ("now", "last_day"),
    [
        (dt.datetime(2026, 11, 30, 15, 59, tzinfo=dt.UTC), dt.date(2026, 11, 29)),
        (dt.datetime(2026, 11, 30, 16, 0, tzinfo=dt.UTC), dt.date(2026, 11, 30)),
    ],
)
def test_it_ends_with_the_day_before_today_in_the_zone_of_the_company(now: dt.datetime, last_day: dt.date):
    scenario = half_year(7, now, None)
    assert scenario.zone == "Asia/Shanghai"
    assert scenario.start + dt.timedelta(days=scenario.days - 1) == last_day


def test_it_ends_with_the_day_before_one_that_is_given():
    scenario = half_year(7, dt.datetime(2026, 11, 30, tzinfo=dt.UTC), dt.date(2025, 7, 7))
    assert scenario.start == dt.date(2025, 1, 6)
