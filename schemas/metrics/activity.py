"""How many persons are active, where they come from, and how many stay."""

from __future__ import annotations

from typing import Final

from schemas import warehouse
from schemas.dataset import Dataset
from schemas.metric import Distinct, Metric, One, Ratio, Rows, Sum

_LIFECYCLE: Final = Dataset(warehouse.lifecycle, "engagement", by=("unit", "start", "is_complete"), start="start")
_RETENTION: Final = Dataset(
    warehouse.retention, "engagement", by=("unit", "cohort", "period", "is_complete"), start="cohort"
)
_MEMBERS: Final = Dataset(
    warehouse.member_state,
    "engagement",
    by=("group_id", "state", "is_consistent", "is_vital", "first_active_day", "last_active_day"),
)

_SEGMENT: Final = Dataset(
    warehouse.segment_activity, "engagement", by=("breakdown", "segment", "unit", "start"), start="start"
)
_COHORT: Final = Dataset(
    warehouse.segment_retention, "engagement", by=("breakdown", "segment", "cohort", "period"), start="cohort"
)
_OF_SEGMENT: Final = ("breakdown", "segment", "unit", "start")
_OF_COHORT: Final = ("breakdown", "segment", "period")

_OF_UNIT: Final = ("unit", "start")
_OF_PERIOD: Final = ("unit", "period")
_COMPLETE: Final = "is_complete"

METRICS: Final = (
    Metric("active_persons", _LIFECYCLE, One("active"), "persons active in a day, week or month", "persons",
           within=_OF_UNIT),
    Metric("new_persons", _LIFECYCLE, Sum(("new",)), "persons active for the first time ever", "persons",
           within=("unit",)),
    Metric("returning_persons", _LIFECYCLE, One("returning"), "persons active in the period and in the one before",
           "persons", within=_OF_UNIT),
    Metric("resurrecting_persons", _LIFECYCLE, One("resurrecting"),
           "persons active in the period, not in the one before, but earlier", "persons", within=_OF_UNIT),
    Metric("dormant_persons", _LIFECYCLE, One("dormant"), "persons active in the previous period and not in this one",
           "persons", within=_OF_UNIT),
    Metric("cohort_persons", _RETENTION, Sum(("cohort_size",), _COMPLETE),
           "persons of the cohorts whose period is complete", "persons", within=_OF_PERIOD),
    Metric("retained_persons", _RETENTION, Sum(("active",)),
           "persons of a cohort who are active the given number of periods later", "persons", within=_OF_PERIOD),
    Metric("retention", _RETENTION, Ratio(Sum(("active",)), Sum(("cohort_size",), _COMPLETE)),
           "share of a cohort that is active the given number of periods later, over cohorts whose period is complete",
           "share, 0 to 1", "percent", within=_OF_PERIOD),
    Metric("memberships", _MEMBERS, Rows(), "members of groups, a person once in each group", "members of groups"),
    Metric("members", _MEMBERS, Distinct(("person_id",)), "persons who are members of groups, each once", "persons"),
    Metric("consistent_share", _MEMBERS, Ratio(Rows("is_consistent"), Rows()),
           "share of members of groups who were active in 3 of the last 4 windows of 7 days", "share, 0 to 1",
           "percent"),
    Metric("lurker_share", _MEMBERS, Ratio(Rows("state = 'lurker'"), Rows()),
           "share of members of groups who were never active", "share, 0 to 1", "percent"),
    Metric("segment_persons", _SEGMENT, One("active"), "persons active in a segment in a day, week or month", "persons",
           within=_OF_SEGMENT),
    Metric("segment_new_persons", _SEGMENT, Sum(("new",)), "persons active in a segment for the first time ever",
           "persons", within=("breakdown", "segment", "unit")),
    Metric("weekly_actives", _SEGMENT, One("active_7d"), "persons active in a segment in 7 days", "persons",
           within=_OF_SEGMENT),
    Metric("monthly_actives", _SEGMENT, One("active_28d"), "persons active in a segment in 28 days", "persons",
           within=_OF_SEGMENT),
    Metric("stickiness", _SEGMENT, Ratio(One("active"), One("active_28d")),
           "share of the persons active in 28 days who are active on the last of them", "share, 0 to 1", "percent",
           within=_OF_SEGMENT),
    Metric("segment_kept", _COHORT, Ratio(Sum(("active",)), Sum(("cohort_size",))),
           "share of the cohorts of a segment that is active so many months later", "share, 0 to 1", "percent",
           within=_OF_COHORT),
)  # fmt: skip
