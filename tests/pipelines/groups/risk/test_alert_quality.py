"""What alerts were worth equals a count by hand."""

import datetime as dt
from statistics import median

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.risk.alert_quality import AlertQuality, crossings, deaths, worth
from tests.examples import examples
from tests.pipelines.groups.risk.oracle import A_DAY, FIRST, Active, frame

THROUGH = 300
GROUPS = ("qq:1", "qq:2", "qq:3")


def watched(spans: dict[str, int]) -> pl.DataFrame:
    """A measured day a week, from each group's first on; some weeks are missing."""
    rows = [(g, day) for g, first in spans.items() for day in range(first, THROUGH + 1, 7) if day == first or day % 3]
    return pl.DataFrame(
        [(group, FIRST + day * A_DAY, THROUGH - day) for group, day in rows],
        schema={"group_id": pl.String, "day": pl.Date, "known_days": pl.Int64},
        orient="row",
    )


def days_of(pairs: list[tuple[str, int]], name: str) -> pl.DataFrame:
    rows = [(group, FIRST + day * A_DAY) for group, day in pairs]
    return pl.DataFrame(rows, schema={"group_id": pl.String, name: pl.Date}, orient="row")


SPANS = st.dictionaries(st.sampled_from(GROUPS[:2]), st.sampled_from([28, 60]), min_size=1)
EDGES = st.sampled_from([27, 28, 59, 60, 84, 88, THROUGH - 56, THROUGH - 28, THROUGH])
EVENTS = st.lists(st.tuples(st.sampled_from(GROUPS), EDGES | st.integers(0, THROUGH + 50)), max_size=12, unique=True)


@examples(100)
@given(SPANS, EVENTS, EVENTS)
def test_worth_is_that_counted_by_hand(spans: dict[str, int], alerts: list, died: list):
    died = [(group, day) for group, day in died if group in spans]
    made = [(group, day) for group, day in alerts if group in spans and spans[group] <= day <= THROUGH]
    leads = {
        (group, death): [death - day for one, day in made if one == group and 1 <= death - day <= 56]
        for group, death in died
    }
    told = [max(found) for found in leads.values() if found]
    known = [alert for alert in made if THROUGH - alert[1] >= 56]
    right = [1 for group, day in known if any(one == group and 1 <= death - day <= 56 for one, death in died)]
    rows = watched(spans)
    expected = AlertQuality(
        alerts=len(made),
        known=len(known),
        precision=len(right) / len(known) if known else None,
        deaths=len(died),
        recall=len(told) / len(died) if died else None,
        early=sum(lead >= 14 for lead in told) / len(died) if died else None,
        lead_days=median(told) if told else None,
        weekly=100 * len(made) / rows.height,
    )
    assert worth(days_of(alerts, "day"), rows, days_of(died, "death")) == expected


@examples(50)
@given(
    SPANS, st.lists(st.tuples(st.sampled_from(GROUPS), EDGES | st.integers(0, THROUGH + 50)), max_size=9, unique=True)
)
def test_deaths_are_the_28th_quiet_days_since_a_watched_activity(spans: dict[str, int], active: list):
    rows = [Active(group, "a", day, 1, 0, 0, 1) for group, day in active]
    expected = {
        (group, FIRST + (day + 28) * A_DAY)
        for group, day in active
        if group in spans
        and spans[group] <= day <= THROUGH - 28
        and not any(one == group and day < later <= day + 28 for one, later in active)
    }
    assert set(deaths(frame(rows), watched(spans)).rows()) == expected


def test_an_alert_goes_on_while_the_score_is_not_below_where_it_leaves():
    weeks = [5, 4, 5, 3.9, 4, 5, 4]
    rows = pl.DataFrame(
        [("qq:1", dt.date(2024, 1, 1) + 7 * week * A_DAY, score) for week, score in enumerate(weeks)],
        schema=["group_id", "day", "score"],
        orient="row",
    )
    found = crossings(rows, pl.col("score"), 5, 4)
    assert [(day - dt.date(2024, 1, 1)).days // 7 for day in found["day"]] == [0, 5]


def test_an_alert_begins_where_the_score_was_low_a_week_before_or_not_measured():
    weeks = [("qq:1", 0, 9), ("qq:1", 7, 9), ("qq:1", 14, 1), ("qq:1", 21, 5), ("qq:1", 35, 9), ("qq:2", 42, 9)]
    rows = pl.DataFrame(
        [(group, dt.date(2024, 1, 1) + day * A_DAY, score) for group, day, score in weeks],
        schema=["group_id", "day", "score"],
        orient="row",
    )
    found = crossings(rows.sample(fraction=1, shuffle=True, seed=2), pl.col("score"), 5).sort("group_id", "day")
    assert [((day - dt.date(2024, 1, 1)).days, group) for group, day in found.rows()] == [
        (0, "qq:1"), (21, "qq:1"), (35, "qq:1"), (42, "qq:2"),
    ]  # fmt: skip
