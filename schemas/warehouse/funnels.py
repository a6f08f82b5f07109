"""Tables of funnels: steps, entries, matched events, breakdowns, times, trends."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from schemas.columns import SHARE, says
from schemas.mart_columns import TIME, metadata, number


def _reached() -> tuple[sa.Column[Any], ...]:
    """Return the columns of counts, rates and times of a step."""
    return (
        number("reached", "mature entries that reached the step", "entries"),
        number("reached_immature", "entries whose window is not over yet", "entries"),
        sa.Column("rate_overall", sa.Double, **says("reached / entered, mature entries", SHARE)),
        sa.Column("rate_step", sa.Double, **says("reached / reached the step before, mature entries", SHARE)),
        *(
            sa.Column(
                f"{prefix}{measure}_seconds", sa.Double, **says(f"{since} to this step, mature entries", "seconds")
            )
            for prefix, since in (("", "from entry"), ("step_", "from the step before"))
            for measure in ("median", "mean", "p90")
        ),
    )


funnel_step = sa.Table(
    "funnel_step",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("step_number", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    *_reached(),
    comment="Summary of each funnel by step, counted from funnel_entry.",
)

funnel_entry = sa.Table(
    "funnel_entry",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True),
    sa.Column("entered_at", TIME, nullable=False),
    sa.Column(
        "group_id", sa.Text, comment="group of the event that matched the first step; null: the event names none"
    ),
    sa.Column("purpose", sa.Text, comment="latest known purpose of this group; null: unknown"),
    sa.Column("steps_reached", sa.SmallInteger, nullable=False),
    sa.Column("is_mature", sa.Boolean, nullable=False),
    comment="One row per entry: the drill-down of funnel_step.",
)

funnel_match = sa.Table(
    "funnel_match",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True),
    sa.Column("entered_at", TIME, nullable=False),
    sa.Column("step_number", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False, comment="CloudEvents source of the matched event"),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("time", TIME, nullable=False),
    sa.Column("group_id", sa.Text, comment="group of the matched event; null: the event names none"),
    sa.Column("purpose", sa.Text, comment="latest known purpose of this group; null: unknown"),
    comment="The event that matched each step an entry reached.",
)

funnel_breakdown = sa.Table(
    "funnel_breakdown",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("by", sa.Text, primary_key=True, comment="the property"),
    sa.Column("touch", sa.Text, primary_key=True, comment="the matched event whose value the entry gets"),
    sa.Column(
        "segment_kind",
        sa.Text,
        primary_key=True,
        comment="total; value; none: entries without a value; other: values without a segment of their own",
    ),
    sa.Column("segment", sa.Text, primary_key=True, comment="the value, or else the same as segment_kind"),
    sa.Column("step_number", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    *_reached(),
    comment="funnel_step by the value of a property; with touch all_steps an entry can be in several segments.",
)

funnel_time_to_convert = sa.Table(
    "funnel_time_to_convert",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("step_number", sa.Integer, primary_key=True, comment="number of the step, from 2"),
    sa.Column("since", sa.Text, primary_key=True, comment="entry or step_before"),
    sa.Column("from_seconds", sa.BigInteger, primary_key=True, **says("start of the bin", "seconds")),
    number(
        "until_seconds",
        "end of the bin, exclusive; inclusive in the last bin, which ends with the window",
        "seconds",
    ),
    sa.Column("step", sa.Text, nullable=False),
    number(
        "reached",
        "mature entries that reached the step within the time of the bin",
        "entries",
        ("funnel", "step_number", "since"),
    ),
    comment="How long it took to reach a step, as a histogram.",
)

funnel_curve = sa.Table(
    "funnel_curve",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("step_number", sa.Integer, primary_key=True, comment="number of the step, from 2"),
    sa.Column("seconds", sa.BigInteger, primary_key=True, **says("time since the entry", "seconds")),
    sa.Column("step", sa.Text, nullable=False),
    number("at_risk", "entries observed for so long that had not reached the step before", "entries"),
    number("converted", "entries that had reached the step by this time", "entries"),
    sa.Column(
        "conversion", sa.Double, nullable=False, **says("Kaplan-Meier estimate of the share that reaches it", SHARE)
    ),
    sa.Column("conversion_low", sa.Double, **says("start of its 95 % confidence interval; null: there is none", SHARE)),
    sa.Column("conversion_high", sa.Double, **says("end of its 95 % confidence interval; null: there is none", SHARE)),
    comment="Conversion by the time since entry; immature entries count for as long as they were observed.",
)

_BY_UNIT: Final = ("funnel", "unit", "step_number")
"""Columns that must be equal in rows of `funnel_trend` that are added up."""

funnel_trend = sa.Table(
    "funnel_trend",
    metadata,
    sa.Column("funnel", sa.Text, primary_key=True),
    sa.Column("unit", sa.Text, primary_key=True, comment="day, week or month"),
    sa.Column("start", sa.Date, primary_key=True, comment="first day of the period in which they entered"),
    sa.Column("step_number", sa.Integer, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    number("reached_so_far", "entries of the period that reached the step, mature or not", "entries", _BY_UNIT),
    sa.Column("reached", sa.BigInteger, **says("the same once the period is mature; null before", "entries", _BY_UNIT)),
    sa.Column("rate_overall", sa.Double, **says("reached / entered; null before the period is mature", SHARE)),
    sa.Column(
        "rate_step", sa.Double, **says("reached / reached the step before; null before the period is mature", SHARE)
    ),
    sa.Column("is_mature", sa.Boolean, nullable=False, comment="true once the windows of all its entries are over"),
    comment="Conversion by the day, week or month of the entry.",
)
