"""From joining to buying again: the entries of all funnels, and their summaries."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas import warehouse
from schemas.columns import Meaning
from schemas.funnel import PROPERTIES, PURPOSE
from schemas.table import UTC_TIME, LakeTable, as_in_warehouse, copied, each
from schemas.tables.engagement import FIRST_SEEN
from schemas.tables.groups import GROUP
from schemas.tables.ingest import EVENTS, IDENTITY, IDENTITY_CHANGE, ORDERING_KEY, TOUCHED
from schemas.tables.members import MEMBER_CHANGE

_MATCHED: Final = EVENTS.of(
    "source", "event_id", "type", "role", "group_id", "message_id", "message_kind", "product_id", "order_id",
    "currency", "amount_minor", "account_id", "day", "time_quality", *ORDERING_KEY,
)  # fmt: skip
"""Columns of an event that funnel steps can use, and those that decide who was exposed to it."""

_IMPLIED: Final = MEMBER_CHANGE.of(
    "source", "event_id", "group_id", "account_id", "change", "role", "is_derived", "earliest_at", "time_quality",
    "day", *ORDERING_KEY,
)  # fmt: skip
"""The columns of joins and leaves that are derived from snapshots."""

_ENTRIES: Final = (*_MATCHED, *_IMPLIED, *IDENTITY.of("person_id"))
_WATERMARK: Final = ("rules.lateness_minutes", "rules.idle_feed_hours")

FUNNEL_ENTRY: Final = LakeTable(
    name="funnel_entry",
    group="funnel",
    description="""One row per entry, with the event that matched each step it reached; a person's entries are \
numbered from 1.

`restarted_at`: when the person last satisfied the first step again after this entry began, although the chain of \
this entry is still the better one; null in funnels that count entries.""",
    columns={
        "funnel": pl.String(),
        "person_id": pl.String(),
        "entry": pl.Int32(),
        "entered_at": UTC_TIME,
        "steps_reached": pl.Int16(),
        "is_mature": pl.Boolean(),
        "restarted_at": UTC_TIME,
        "matches": pl.List(
            pl.Struct(
                {
                    "step": pl.String(),
                    "source": pl.String(),
                    "event_id": pl.String(),
                    "time": UTC_TIME,
                    "group_id": pl.String(),
                }
            )
        ),
    },
    key=("funnel", "person_id", "entry"),
    meanings={
        "restarted_at": Meaning(
            "when the person last satisfied the first step again after the entry began, UTC; null: never"
        ),
        "matches": Meaning(
            "the event that matched each step reached, in order: step, source, event_id, time and group_id"
        ),
    },
    made_of={
        "funnel": (),
        "person_id": EVENTS.of("account_id") + IDENTITY.of("person_id") + MEMBER_CHANGE.of("account_id"),
        **each(("entry", "entered_at", "steps_reached", "is_mature", "restarted_at", "matches"), _ENTRIES),
    },
    guided_by=(FIRST_SEEN, TOUCHED, IDENTITY_CHANGE),
    settings=_WATERMARK,
    by_definition=True,
    code_version=3,
)

_STEP: Final = ("step_number", "step")
_REACHED: Final = ("reached", "reached_immature", "rate_overall", "rate_step")
_SECONDS: Final = tuple(
    f"{prefix}{measure}_seconds" for prefix in ("", "step_") for measure in ("median", "mean", "p90")
)
_COUNTED: Final = FUNNEL_ENTRY.of("steps_reached", "is_mature")
_WAITED: Final = FUNNEL_ENTRY.of("matches", "entered_at", "is_mature")
_OF_STEPS: Final = {
    **copied(FUNNEL_ENTRY, "funnel"),
    **each(_STEP, FUNNEL_ENTRY.of("matches")),
    **each(_REACHED, _COUNTED),
    **each(_SECONDS, _WAITED),
}

FUNNEL_STEP: Final = as_in_warehouse(warehouse.funnel_step, "funnel", _OF_STEPS, by_definition=True)

_PROPERTIES: Final = tuple(name for name in PROPERTIES if name not in {"source", PURPOSE})

MATCHED_EVENT: Final = LakeTable(
    name="matched_event",
    group="funnel",
    description="""Properties for breakdowns, of each event that matched a step of an entry; `month` is that of the \
event's day.""",
    columns={
        "source": pl.String(),
        "event_id": pl.String(),
        **{name: EVENTS.columns[name] for name in _PROPERTIES},
        "month": pl.Date(),
    },
    key=("source", "event_id"),
    partition_by=("month",),
    meanings={name: EVENTS.meaning(name) for name in (*_PROPERTIES, "month")},
    made_of={
        **each(("source", "event_id"), FUNNEL_ENTRY.of("matches"), EVENTS.of("source", "event_id")),
        **copied(EVENTS, *_PROPERTIES, "month"),
    },
    code_version=1,
)

_SEGMENT: Final = (
    *FUNNEL_ENTRY.of("matches"),
    *MATCHED_EVENT.of("source", "event_id", *_PROPERTIES),
    *GROUP.of("group_id", "purpose"),
)

FUNNEL_BREAKDOWN: Final = as_in_warehouse(
    warehouse.funnel_breakdown,
    "funnel",
    {**_OF_STEPS, **each(("by", "touch")), **each(("segment_kind", "segment"), _SEGMENT)},
    by_definition=True,
)

FUNNEL_TIME_TO_CONVERT: Final = as_in_warehouse(
    warehouse.funnel_time_to_convert,
    "funnel",
    {
        **copied(FUNNEL_ENTRY, "funnel"),
        **each(("step_number", "step"), FUNNEL_ENTRY.of("matches")),
        "since": (),
        **each(("from_seconds", "until_seconds", "reached"), _WAITED),
    },
    by_definition=True,
)

FUNNEL_CURVE: Final = as_in_warehouse(
    warehouse.funnel_curve,
    "funnel",
    {
        **copied(FUNNEL_ENTRY, "funnel"),
        **each(_STEP, FUNNEL_ENTRY.of("matches")),
        **each(
            ("seconds", "at_risk", "converted", "conversion", "conversion_low", "conversion_high"),
            FUNNEL_ENTRY.of("matches", "entered_at", "restarted_at"),
        ),
    },
    settings=_WATERMARK,
    by_definition=True,
)

FUNNEL_TREND: Final = as_in_warehouse(
    warehouse.funnel_trend,
    "funnel",
    {
        **copied(FUNNEL_ENTRY, "funnel"),
        **each(_STEP, FUNNEL_ENTRY.of("matches")),
        "unit": (),
        "start": FUNNEL_ENTRY.of("entered_at"),
        **each(
            ("reached_so_far", "reached", "rate_overall", "rate_step"), FUNNEL_ENTRY.of("entered_at", "steps_reached")
        ),
        "is_mature": FUNNEL_ENTRY.of("entered_at"),
    },
    settings=("rules.zone", *_WATERMARK),
    by_definition=True,
)
