"""Tables of active persons: retention, lifecycle, segments, members by state."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from schemas.columns import says
from schemas.mart_columns import count, metadata, number, restated

retention = sa.Table(
    "retention",
    metadata,
    sa.Column("unit", sa.Text, primary_key=True, comment="week or month"),
    sa.Column("cohort", sa.Date, primary_key=True),
    sa.Column("period", sa.Integer, primary_key=True),
    count("cohort_size"),
    sa.Column(
        "active",
        sa.BigInteger,
        **says("persons active in the period; null while it is incomplete", "persons", ("unit", "period")),
    ),
    sa.Column("is_complete", sa.Boolean, nullable=False),
    comment="Cohorts by first-ever activity; active in exactly that calendar period (mode `on`).",
    info=restated("cohort_size", "active", bearing="activity", start="cohort", unit="unit", after="period"),
)

lifecycle = sa.Table(
    "lifecycle",
    metadata,
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("start", sa.Date, primary_key=True),
    count("active"),
    count("new"),
    count("returning"),
    count("resurrecting"),
    count("dormant"),
    sa.Column("is_complete", sa.Boolean, nullable=False),
    comment="Active persons per period by where they come from: active = active before - dormant + new + resurrecting.",
    info=restated(
        "active", "new", "returning", "resurrecting", "dormant", bearing="activity", start="start", unit="unit"
    ),
)

_SEGMENT: Final = ("breakdown", "segment")


def _segment() -> tuple[sa.Column[Any], ...]:
    """Return the columns that name a segment of the company."""
    return (
        sa.Column("breakdown", sa.Text, primary_key=True, comment="company, group, purpose or carrier"),
        sa.Column(
            "segment",
            sa.Text,
            primary_key=True,
            comment="company, or the id of a group, a purpose or a carrier; or unknown",
        ),
    )


segment_activity = sa.Table(
    "segment_activity",
    metadata,
    *_segment(),
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("start", sa.Date, primary_key=True),
    number("active", "persons active in the segment in the period", "persons"),
    number("new", "persons active in the segment for the first time ever", "persons", ("breakdown", "segment", "unit")),
    number("returning", "persons active in the period and in the one before", "persons"),
    number("resurrecting", "persons active in the period, not in the one before, but earlier", "persons"),
    number("dormant", "persons active in the previous period and not in this one", "persons"),
    *(
        sa.Column(
            f"active_{days}d",
            sa.BigInteger,
            **says(f"persons active in the {days} days that end with the day; null for weeks and months", "persons"),
        )
        for days in (7, 28)
    ),
    sa.Index("ix_segment_activity_start", "start"),
    comment="Active persons of the company, each group, purpose and carrier, in complete days, weeks and months.",
)

segment_retention = sa.Table(
    "segment_retention",
    metadata,
    *_segment(),
    sa.Column("cohort", sa.Date, primary_key=True, comment="month in which they were first active in the segment"),
    sa.Column(
        "period",
        sa.Integer,
        primary_key=True,
        **says("number of months after the month of the cohort", "calendar units"),
    ),
    number("cohort_size", "persons first active in the segment in the month", "persons", (*_SEGMENT, "period")),
    number("active", "those of them active in the segment in the period", "persons", (*_SEGMENT, "period")),
    comment="Monthly cohorts of the company, each group, purpose and carrier; complete months only.",
)

member_state = sa.Table(
    "member_state",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, nullable=False, comment="the newest complete day; windows of 7 days are counted back"),
    sa.Column("state", sa.Text, nullable=False, comment="state of the member, by the newest windows with activity"),
    sa.Column("is_consistent", sa.Boolean, nullable=False),
    sa.Column("is_vital", sa.Boolean, nullable=False),
    sa.Column("is_still_active", sa.Boolean, nullable=False),
    sa.Column("is_dropped", sa.Boolean, nullable=False),
    sa.Column("is_about_to_disengage", sa.Boolean, nullable=False),
    sa.Column("active_windows", sa.Integer, nullable=False),
    sa.Column("connected_windows", sa.Integer, nullable=False),
    sa.Column("first_active_day", sa.Date),
    sa.Column("last_active_day", sa.Date),
    comment="How engaged each member is in each group on the newest complete day.",
)

group_engagement = sa.Table(
    "group_engagement",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="the newest complete day"),
    count("newly_active"),
    number("active", "active before, too, and not after two silent windows", "members of groups", ("day",)),
    count("returned"),
    count("paused"),
    count("disengaged"),
    count("lurker"),
    count("consistent"),
    count("vital"),
    count("still_active"),
    count("dropped"),
    count("about_to_disengage"),
    comment="The members of each group by state, counted from member_state.",
)
