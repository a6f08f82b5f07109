"""At which hour something happens is told by the clocks of the business zone."""

import datetime as dt

from pipelines.groups.group_hour import group_hour
from pipelines.publish.rows import hour_rows
from schemas import kinds
from tests.pipelines.funnel.samples import event, frame

UTC = dt.UTC
SENT = {"group_id": "qq:1", "role": "member"}


def sent(time: dt.datetime, day: dt.date, kind: str = kinds.MESSAGE_SENT, **fields: str):
    return event(kind, time, "p", **SENT | fields) | {"day": day}


def test_hours_are_those_of_the_zone_and_staff_is_counted_apart():
    monday = dt.date(2025, 3, 3)
    events = frame([
        sent(dt.datetime(2025, 3, 3, 1, 59, tzinfo=UTC), monday),
        sent(dt.datetime(2025, 3, 3, 1, 0, tzinfo=UTC), monday, kinds.REACTION_ADDED),
        sent(dt.datetime(2025, 3, 3, 1, 30, tzinfo=UTC), monday, role="operator"),
        sent(dt.datetime(2025, 3, 3, 1, 40, tzinfo=UTC), monday, role="bot"),
        sent(dt.datetime(2025, 3, 3, 1, 45, tzinfo=UTC), monday, message_kind="red_packet"),
        sent(dt.datetime(2025, 3, 2, 16, 0, tzinfo=UTC), monday),
        sent(dt.datetime(2025, 3, 3, 2, 0, tzinfo=UTC), monday, kinds.MEMBER_JOINED),
    ])  # fmt: skip
    found = group_hour(events, "Asia/Shanghai").sort("hour").select("hour", "messages", "reactions", "staff_messages")
    assert found.collect().rows() == [(0, 1, 0, 0), (9, 1, 1, 2)]


def test_the_hour_that_a_day_has_twice_is_one_hour():
    sunday = dt.date(2025, 10, 26)
    events = frame([sent(dt.datetime(2025, 10, 26, hour, 30, tzinfo=UTC), sunday) for hour in (0, 1, 2)])
    found = group_hour(events, "Europe/Berlin").sort("hour").select("hour", "messages").collect()
    assert found.rows() == [(2, 2), (3, 1)]


def test_mondays_of_a_month_are_summed_and_those_of_another_are_not():
    noon = dt.datetime(2025, 3, 3, 4, tzinfo=UTC)
    events = frame(
        [sent(noon + dt.timedelta(days=days), (noon + dt.timedelta(days=days)).date()) for days in (0, 7, 35)]
    )
    found = hour_rows(group_hour(events, "Asia/Shanghai")).select("month", "weekday", "hour", "messages")
    assert found.sort("month").collect().rows() == [(dt.date(2025, 3, 1), 1, 12, 2), (dt.date(2025, 4, 1), 1, 12, 1)]
