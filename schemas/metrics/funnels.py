"""How many get from step to step of a funnel, and how long it takes them."""

from __future__ import annotations

from typing import Final

from schemas import warehouse
from schemas.dataset import Dataset
from schemas.metric import Distinct, Metric, Middle, One, Ratio, Rows, Sum

_STEP: Final = Dataset(warehouse.funnel_step, "funnel", by=("funnel", "step_number", "step"))
_SEGMENT: Final = Dataset(
    warehouse.funnel_breakdown,
    "funnel",
    by=("funnel", "by", "touch", "segment_kind", "segment", "step_number", "step"),
)
_TREND: Final = Dataset(
    warehouse.funnel_trend, "funnel", by=("funnel", "unit", "start", "step_number", "step", "is_mature"), start="start"
)
_TIME: Final = Dataset(
    warehouse.funnel_time_to_convert,
    "funnel",
    by=("funnel", "step_number", "step", "since", "from_seconds", "until_seconds"),
)
_CURVE: Final = Dataset(warehouse.funnel_curve, "funnel", by=("funnel", "step_number", "step", "seconds"))
_ENTRY: Final = Dataset(
    warehouse.funnel_entry, "funnel", by=("funnel", "group_id", "purpose", "steps_reached", "is_mature"),
    day="entered_at",
)  # fmt: skip
_MATCH: Final = Dataset(
    warehouse.funnel_match, "funnel", by=("funnel", "step_number", "step", "group_id", "purpose", "source"), day="time"
)

_OF_STEP: Final = ("funnel", "step_number")
_OF_SEGMENT: Final = ("funnel", "by", "touch", "segment_kind", "segment", "step_number")
_OF_UNIT: Final = ("funnel", "unit", "step_number")
_OF_FUNNEL: Final = ("funnel",)
_SHARE: Final = "share, 0 to 1"

METRICS: Final = (
    Metric("funnel_reached", _STEP, One("reached"),
           "mature entries (their window is over) that reached a step", "entries",
           within=_OF_STEP),
    Metric("funnel_conversion", _STEP, One("rate_overall"),
           "share of mature entries (their window is over) that reached a step",
           _SHARE, "percent", within=_OF_STEP),
    Metric("funnel_step_conversion", _STEP, One("rate_step"),
           "share of mature entries at the step before that reached a step", _SHARE, "percent",
           within=_OF_STEP),
    Metric("time_to_convert", _STEP, One("median_seconds"), "median time from entry to a step", "seconds", "seconds",
           within=_OF_STEP),
    Metric("segment_reached", _SEGMENT, One("reached"), "entries of a segment that reached a step", "entries",
           within=_OF_SEGMENT),
    Metric("segment_conversion", _SEGMENT, One("rate_overall"), "share of a segment's entries that reached a step",
           _SHARE, "percent", within=_OF_SEGMENT),
    Metric("trend_reached", _TREND, Sum(("reached",)),
           "entries of mature periods (all their windows are over) that reached a step",
           "entries", within=_OF_UNIT),
    Metric("trend_reached_so_far", _TREND, Sum(("reached_so_far",)), "entries that reached a step until now",
           "entries", within=_OF_UNIT),
    Metric("trend_conversion", _TREND, One("rate_overall"), "share of a period's entries that reached a step", _SHARE,
           "percent", within=(*_OF_UNIT, "start")),
    Metric("converted_after", _TIME, Sum(("reached",)),
           "entries that reached a step within the time of the bin", "entries",
           within=("funnel", "step_number", "since")),
    Metric("conversion_curve", _CURVE, One("conversion"), "Kaplan-Meier estimate of the share that reaches a step",
           _SHARE, "percent", within=(*_OF_STEP, "seconds")),
    Metric("entries", _ENTRY, Rows(), "entries into a funnel", "entries", within=_OF_FUNNEL),
    Metric("entering_persons", _ENTRY, Distinct(("person_id",)), "persons who entered a funnel", "persons",
           within=_OF_FUNNEL),
    Metric("mature_share", _ENTRY, Ratio(Rows("is_mature"), Rows()),
           "share of entries that are mature: their window is over", _SHARE,
           "percent", within=_OF_FUNNEL),
    Metric("median_steps_reached", _ENTRY, Middle("steps_reached"), "median number of steps that entries reach",
           "steps", "number", within=_OF_FUNNEL),
    Metric("steps_matched", _MATCH, Rows(), "entries that reached a step, mature or not, by the event that "
           "matched it", "entries", within=_OF_STEP),
)  # fmt: skip
