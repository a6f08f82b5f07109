"""Refresh the cases of interventions when a complete day changed, and the tables computed from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

from pipelines.groups.interventions.alike import Past
from pipelines.groups.interventions.cases import matched_cases
from pipelines.groups.interventions.effects import effects
from pipelines.groups.interventions.sales import measured_sales, sales_after
from pipelines.lake import Lake
from pipelines.refresh.changes import BATCH_INPUT, IDENTITY_INPUT, MEMBER_CHANGE_INPUT, Changes, Sources, changed_groups
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.whole import inputs_of, refresh_whole
from pipelines.refresh.written import (
    SETTINGS,
    Refreshed,
    input_id,
    record_inputs,
    recorded_inputs,
    rows_version,
    through_input,
    unchanged,
    write,
)
from schemas import lake as facts
from schemas.lake import INTERVENTION_CASE, INTERVENTION_EFFECT, INTERVENTION_SALES

_POSITIONS: Final = (BATCH_INPUT, IDENTITY_INPUT, MEMBER_CHANGE_INPUT)


def case_inputs(lake: Lake, through: dt.date | None, settings: int) -> dict[str, int]:
    """Return the inputs of `intervention_case`: positions of `intervention`, and versions of the other tables."""
    done = lake.open(facts.INTERVENTION)
    return {name: done.position(name) or 0 for name in _POSITIONS} | _of_all(lake, through, settings)


def _of_all(lake: Lake, through: dt.date | None, settings: int) -> dict[str, int]:
    tables = (facts.GROUP_STATE, facts.GROUP, facts.FEED_DAY)
    versions = {input_id(table.name): rows_version(lake.open(table)) for table in tables}
    return versions | through_input(through) | {input_id(SETTINGS): settings}


def refresh_intervention_cases(lake: Lake, through: dt.date | None, zone: str, settings: int) -> Refreshed:
    """Recompute all cases and their comparisons if a complete day is new or changed; messages of today change nothing.

    Args:
        lake: The lake with the fact and its inputs.
        through: Last complete day; None: there is none.
        zone: IANA name of the business zone.
        settings: Fingerprint of the zone and of the settings that decide which days are complete.
    """
    handle = lake.open(INTERVENTION_CASE)
    rebuild = rebuild_due(lake, handle)
    of_all = _of_all(lake, through, settings)
    seen = case_inputs(lake, through, settings) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    if through is None or not (rebuild.is_due or _has_changed(lake, done, of_all, through)):
        record_inputs(lake, handle, seen)
        return unchanged(handle)
    past = Past(
        interventions=lake.open(facts.INTERVENTION).scan(),
        states=lake.open(facts.GROUP_STATE).scan(),
        group_day=lake.open(facts.GROUP_DAY).scan(),
        group_hour=lake.open(facts.GROUP_HOUR).scan(),
        groups=lake.open(facts.GROUP).scan(),
        feed_day=lake.open(facts.FEED_DAY).scan(),
        risks=lake.open(facts.GROUP_RISK).scan(),
        through=through,
        zone=zone,
    )
    return write(lake, handle, matched_cases(past), seen)


def became_inputs(lake: Lake) -> dict[str, int]:
    """Return the inputs of `intervention_effect`."""
    return inputs_of(lake, INTERVENTION_CASE)


def refresh_intervention_effects(lake: Lake) -> Refreshed:
    """Recompute the outcomes of the groups of cases if cases changed."""
    matched = lake.open(INTERVENTION_CASE)
    return refresh_whole(
        lake, INTERVENTION_EFFECT, became_inputs(lake), lambda: effects(matched.scan().collect()).lazy()
    )


def sold_inputs(lake: Lake) -> dict[str, int]:
    """Return the inputs of `intervention_sales`."""
    return inputs_of(lake, INTERVENTION_CASE, facts.GROUP_SALES_DAY, facts.CUSTOMER_ORDER, facts.FEED_DAY)


def refresh_intervention_sales(lake: Lake) -> Refreshed:
    """Recompute the sales of the groups of cases if cases, sales or the days of feeds changed.

    A refund changes the sales of a day long ago. So all cases are read, all sales of their groups, and the shop and day
    of all orders.
    """
    matched, sold, orders, feeds = (
        lake.open(table) for table in (INTERVENTION_CASE, facts.GROUP_SALES_DAY, facts.CUSTOMER_ORDER, facts.FEED_DAY)
    )
    return refresh_whole(
        lake,
        INTERVENTION_SALES,
        sold_inputs(lake),
        lambda: sales_after(matched.scan().collect(), sold.scan(), measured_sales(orders.scan(), feeds.scan())).lazy(),
    )


def _has_changed(lake: Lake, done: Mapping[str, int | None], of_all: Mapping[str, int], through: dt.date) -> bool:
    if None in done.values():
        return True
    sources = Sources.of(lake, INTERVENTION_CASE)
    changes = Changes.since(lake, sources, {name: done[name] for name in _POSITIONS})
    is_late = not changed_groups(sources, changes, through).is_empty()
    return is_late or any(done[name] != value for name, value in of_all.items())
