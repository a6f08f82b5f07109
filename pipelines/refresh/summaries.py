"""Refresh summaries of funnels and engagement, each a lake table with the columns of its warehouse table.

A summary is computed as a whole when its inputs changed, and only rows that differ are replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

import polars as pl

from pipelines.engagement.calendar import Unit
from pipelines.engagement.states import group_engagement
from pipelines.funnel.breakdown import breakdown, property_values
from pipelines.funnel.curve import curve
from pipelines.funnel.reached import reached_steps
from pipelines.funnel.time_to_convert import time_to_convert
from pipelines.funnel.trend import trend
from pipelines.funnel.views import of_funnel, summary_of_reached
from pipelines.lake import Lake
from pipelines.refresh.funnel import WATERMARK, entries_watermark
from pipelines.refresh.whole import inputs_of, refresh_whole
from pipelines.refresh.written import SETTINGS, Refreshed, recorded
from schemas import lake as facts
from schemas.funnel import FunnelDefinition, fingerprint_of_all
from schemas.lake import LakeTable

_UNITS: Final[tuple[Unit, ...]] = ("day", "week", "month")
_DEFINITIONS: Final = "definitions"
_COUNTED: Final = (
    *("funnel", "row", "entered_at", "is_mature", "step_number"),
    *("source", "event_id", "waited", "step_waited"),
)
"""The columns of reached steps that summaries use."""


def engagement_inputs(lake: Lake) -> dict[LakeTable, dict[str, int]]:
    """Return the inputs of `group_engagement`."""
    return {facts.GROUP_ENGAGEMENT: inputs_of(lake, facts.MEMBER_STATE)}


def funnel_summary_inputs(
    lake: Lake, definitions: Sequence[FunnelDefinition], settings: Mapping[str, int]
) -> dict[LakeTable, dict[str, int]]:
    """Return the inputs of each summary of funnels; `settings` has fingerprints of settings by table."""
    given = {_DEFINITIONS: fingerprint_of_all(definitions)}
    of_entries = inputs_of(lake, facts.FUNNEL_ENTRY, **given)
    at_watermark = {**of_entries, WATERMARK: recorded(lake.open(facts.FUNNEL_ENTRY), WATERMARK) or 0}
    inputs = {
        facts.FUNNEL_STEP: of_entries,
        facts.FUNNEL_BREAKDOWN: inputs_of(lake, facts.FUNNEL_ENTRY, facts.MATCHED_EVENT, facts.GROUP, **given),
        facts.FUNNEL_TIME_TO_CONVERT: of_entries,
        facts.FUNNEL_CURVE: at_watermark,
        facts.FUNNEL_TREND: at_watermark,
    }
    return {
        table: {**of_table, SETTINGS: settings[table.name]} if table.settings else of_table
        for table, of_table in inputs.items()
    }


def refresh_group_engagement(lake: Lake) -> Refreshed:
    """Recount the members of each group by state if `member_state` changed."""
    table = facts.GROUP_ENGAGEMENT
    members = lake.open(facts.MEMBER_STATE).scan()
    inputs = engagement_inputs(lake)[table]
    return refresh_whole(lake, table, inputs, lambda: _shaped(table, [group_engagement(members)]))


def refresh_funnel_summaries(
    lake: Lake, definitions: Sequence[FunnelDefinition], zone: str, settings: Mapping[str, int]
) -> dict[str, Refreshed]:
    """Recompute the summaries of all funnels if the entries or their look-up tables changed.

    Args:
        lake: The lake with the summaries, the entries, and matched events and groups for the properties of breakdowns.
        definitions: The funnels of the entries.
        zone: IANA name of the business zone.
        settings: Fingerprints of settings by table, for summaries that depend on any.

    Returns:
        The result by lake table.
    """
    inputs, handle = funnel_summary_inputs(lake, definitions, settings), lake.open(facts.FUNNEL_ENTRY)
    watermark = entries_watermark(handle)

    @cache
    def reached(name: str) -> pl.LazyFrame:
        """Return what entries of a funnel reached, in memory, because every summary counts it."""
        return reached_steps(of_funnel(handle.scan(), name)).select(_COUNTED).collect(engine="streaming").lazy()

    def breakdowns() -> Iterator[pl.LazyFrame]:
        matched, groups = lake.open(facts.MATCHED_EVENT).scan(), lake.open(facts.GROUP).scan()
        for one in definitions:
            for shown in one.breakdowns:
                yield breakdown(reached(one.name), one, shown, property_values(matched, groups, shown.by))

    def curves() -> Iterator[pl.LazyFrame]:
        if watermark is not None:
            yield from (curve(reached(one.name), one, watermark) for one in definitions)

    def trends() -> Iterator[pl.LazyFrame]:
        if watermark is not None:
            for one in definitions:
                yield from (trend(reached(one.name), one, unit, zone, watermark) for unit in _UNITS)

    summaries: dict[LakeTable, Callable[[], Iterable[pl.LazyFrame]]] = {
        facts.FUNNEL_STEP: lambda: (summary_of_reached(reached(one.name), one) for one in definitions),
        facts.FUNNEL_BREAKDOWN: breakdowns,
        facts.FUNNEL_TIME_TO_CONVERT: lambda: (time_to_convert(reached(one.name), one) for one in definitions),
        facts.FUNNEL_CURVE: curves,
        facts.FUNNEL_TREND: trends,
    }
    return {
        table.name: refresh_whole(lake, table, inputs[table], lambda t=table, f=frames: _shaped(t, f()))
        for table, frames in summaries.items()
    }


def _shaped(table: LakeTable, frames: Iterable[pl.LazyFrame]) -> pl.LazyFrame:
    """Return the rows of all frames in the columns and types of a table."""
    rows = [frame.select(table.schema.names()).cast(pl.Schema(table.columns)) for frame in frames]
    return pl.concat([pl.LazyFrame(schema=table.schema), *rows])
