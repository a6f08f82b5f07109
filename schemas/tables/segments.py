"""Who is active in the company, in each group, and in the groups of each purpose and carrier."""

from __future__ import annotations

from typing import Final

from schemas import warehouse
from schemas.table import COMPLETE_DAYS, as_in_warehouse, each
from schemas.tables.engagement import PERSON_DAY
from schemas.tables.groups import GROUP
from schemas.tables.ingest import EVENTS

_SEGMENT: Final = GROUP.of("group_id", "purpose", "carrier") + PERSON_DAY.of("group_id")
_DAYS: Final = PERSON_DAY.of("person_id", "day", "month") + _SEGMENT
_COMPLETE: Final = EVENTS.of("time")
"""Decide which periods are over."""
_COMPUTED_WITH: Final = ("segment_activity", "segment_retention")


SEGMENT_ACTIVITY: Final = as_in_warehouse(
    warehouse.segment_activity,
    "engagement",
    {
        "breakdown": (),
        "segment": _SEGMENT,
        "unit": (),
        "start": _DAYS + _COMPLETE,
        **each(("active", "new", "returning", "resurrecting", "dormant", "active_7d", "active_28d"), _DAYS),
    },
    settings=COMPLETE_DAYS,
    computed_with=_COMPUTED_WITH,
)

SEGMENT_RETENTION: Final = as_in_warehouse(
    warehouse.segment_retention,
    "engagement",
    {
        "breakdown": (),
        "segment": _SEGMENT,
        **each(("cohort", "cohort_size", "active"), _DAYS),
        "period": _DAYS + _COMPLETE,
    },
    settings=COMPLETE_DAYS,
    computed_with=_COMPUTED_WITH,
)
