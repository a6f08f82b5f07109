"""What the warehouse shows of all funnels, from their entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import polars as pl

from pipelines.engagement.calendar import Unit
from pipelines.funnel.breakdown import breakdown, property_values
from pipelines.funnel.curve import curve
from pipelines.funnel.time_to_convert import time_to_convert
from pipelines.funnel.trend import trend
from pipelines.funnel.views import of_funnel, summary
from pipelines.lake import Lake
from pipelines.publish.columns import polars_type
from pipelines.refresh import entries_watermark
from schemas import lake as facts
from schemas import warehouse
from schemas.funnel import PROPERTIES, PURPOSE, FunnelDefinition

_UNITS: Final[tuple[Unit, ...]] = ("day", "week", "month")


def funnel_views(lake: Lake, funnels: Sequence[FunnelDefinition], zone: str) -> dict[str, Callable[[], pl.LazyFrame]]:
    """How to compute each table that is made for one funnel after the other, by table name.

    Args:
        lake: Holds the entries, and events and groups that breakdowns look properties up in.
        funnels: The definitions that the entries are of.
        zone: IANA name of the business zone.
    """
    handle = lake.open(facts.FUNNEL_ENTRY)
    entries, watermark = handle.scan(), entries_watermark(handle)

    def breakdowns() -> Iterator[pl.LazyFrame]:
        events, groups = lake.open(facts.EVENTS).scan(), lake.open(facts.GROUP).scan()
        matched = entries.select("matches").explode("matches").unnest("matches")
        carried = ("source", "event_id", *(name for name in PROPERTIES if name not in {"source", PURPOSE}))
        # Few of all events matched: they are looked up once for all breakdowns.
        looked_up = events.select(carried).join(matched, on=["source", "event_id"], how="semi")
        of_matched = looked_up.collect(engine="streaming").lazy()
        for one in funnels:
            for shown in one.breakdowns:
                yield breakdown(of_funnel(entries, one), one, shown, property_values(of_matched, groups, shown.by))

    def curves() -> Iterator[pl.LazyFrame]:
        if watermark is not None:
            yield from (curve(of_funnel(entries, one), one, watermark) for one in funnels)

    def trends() -> Iterator[pl.LazyFrame]:
        if watermark is not None:
            for one in funnels:
                yield from (trend(of_funnel(entries, one), one, unit, zone, watermark) for unit in _UNITS)

    views: dict[str, Callable[[], Iterable[pl.LazyFrame]]] = {
        "funnel_step": lambda: (summary(entries, one) for one in funnels),
        "funnel_breakdown": breakdowns,
        "funnel_time_to_convert": lambda: (time_to_convert(of_funnel(entries, one), one) for one in funnels),
        "funnel_curve": curves,
        "funnel_trend": trends,
    }
    return {name: _together(name, frames) for name, frames in views.items()}


def _together(name: str, frames: Callable[[], Iterable[pl.LazyFrame]]) -> Callable[[], pl.LazyFrame]:
    columns = warehouse.metadata.tables[f"{warehouse.MART}.{name}"].columns
    nobody = pl.LazyFrame(schema={column.name: polars_type(column.type) for column in columns})
    return lambda: pl.concat([nobody, *(frame.select(columns.keys()) for frame in frames())], how="vertical_relaxed")
