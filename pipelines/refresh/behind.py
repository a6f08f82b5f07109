"""Find outdated facts by their recorded input versions, without computing any."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.lake import Lake
from pipelines.lake_reading import LakeReading
from pipelines.refresh.changes import Sources, batch_input, complete_inputs, included
from pipelines.refresh.contacts import contact_inputs
from pipelines.refresh.conversion_paths import conversion_path_inputs
from pipelines.refresh.funnel import funnel_inputs
from pipelines.refresh.identity import identity_inputs
from pipelines.refresh.intervention_effects import became_inputs, case_inputs, sold_inputs
from pipelines.refresh.interventions import intervention_inputs
from pipelines.refresh.life import LifeInputs
from pipelines.refresh.matched import matched_inputs
from pipelines.refresh.members import member_state_inputs
from pipelines.refresh.network import network_inputs
from pipelines.refresh.person_paths import path_inputs
from pipelines.refresh.rebuilds import rebuild_of
from pipelines.refresh.revenue_cohorts import revenue_inputs
from pipelines.refresh.risk import risk_inputs
from pipelines.refresh.sales import sales_inputs
from pipelines.refresh.segments import segment_inputs
from pipelines.refresh.spend import spend_return_inputs
from pipelines.refresh.summaries import engagement_inputs, funnel_summary_inputs
from pipelines.refresh.value import value_inputs
from pipelines.refresh.whole import as_recorded
from pipelines.refresh.written import recorded_inputs
from schemas import lake as tables
from schemas.funnel import FunnelDefinition
from schemas.lake import LakeTable


@dataclass(frozen=True)
class FactRules:
    """Inputs of facts other than tables; see `assets.resources.Rules` and `assets.completeness`.

    `settings` maps each fact with `LakeTable.settings` to a number that changes with any of these.
    """

    settings: Mapping[str, int]
    funnels: Sequence[FunnelDefinition]
    watermark: dt.datetime
    through: dt.date | None


def facts_behind(lake: Lake, rules: FactRules) -> frozenset[str]:
    """Return the names of the facts whose recorded inputs differ from those that a refresh would record now.

    Facts that depend on these are not included unless they are outdated themselves: they follow after the refresh.
    """
    reading = LakeReading.of(lake)
    return frozenset(table.name for table, seen in _inputs(reading, rules).items() if _is_behind(reading, table, seen))


def _is_behind(lake: Lake, table: LakeTable, inputs: dict[str, int]) -> bool:
    fact = lake.open(table)
    seen = inputs | rebuild_of(lake, fact).seen()
    return recorded_inputs(fact, seen) != seen


def _inputs(lake: Lake, rules: FactRules) -> dict[LakeTable, dict[str, int]]:
    """Return the inputs that a refresh of each fact would record now, without rebuilds."""
    sources = Sources.of(lake)
    days, health = lake.open(tables.PERSON_DAY), lake.open(tables.GROUP_HEALTH)
    settings = rules.settings
    of_events, of_batches = sources.positions(), batch_input(sources.events)
    joining = Sources.of(lake, tables.FUNNEL_ENTRY)
    of_life = LifeInputs.of(lake, rules.through, settings[tables.GROUP_STATE.name]).seen()
    of_risk = risk_inputs(days, health, rules.through, settings[tables.GROUP_RISK.name])
    of_funnels = funnel_summary_inputs(lake, rules.funnels, rules.settings)
    summaries = {**engagement_inputs(lake), **sales_inputs(lake, settings), **of_funnels}
    of_segments = as_recorded(segment_inputs(lake, rules.through, settings[tables.SEGMENT_ACTIVITY.name]))
    return {
        tables.IDENTITY: identity_inputs(sources.events, lake.open(tables.IDENTITY_RULING)),
        tables.PERSON_DAY: of_events,
        tables.FIRST_SEEN: included(days),
        **{
            table: complete_inputs(days, rules.through, settings[table.name])
            for table in (tables.RETENTION, tables.LIFECYCLE)
        },
        tables.MEMBER_STATE: member_state_inputs(
            days, lake.open(tables.MEMBER_CHANGE), rules.through, settings[tables.MEMBER_STATE.name]
        ),
        tables.FUNNEL_ENTRY: funnel_inputs(joining, rules.funnels, rules.watermark, settings[tables.FUNNEL_ENTRY.name]),
        tables.MATCHED_EVENT: as_recorded(matched_inputs(lake)),
        tables.ORDER_CREDIT: joining.inputs(settings[tables.ORDER_CREDIT.name]),
        **dict.fromkeys((tables.ORDER_REFUND, tables.ORDER_ITEM, tables.CUSTOMER_ORDER), of_events),
        tables.PERSON_VALUE: as_recorded(value_inputs(lake, rules.through, settings[tables.PERSON_VALUE.name])),
        tables.REVENUE_COHORT: as_recorded(revenue_inputs(lake, rules.through, settings[tables.REVENUE_COHORT.name])),
        tables.PERSON_PATH: path_inputs(lake, sources, settings[tables.PERSON_PATH.name]),
        **conversion_path_inputs(lake, rules.through, settings[tables.CONVERSION_PATH.name]),
        tables.GROUP: of_events,
        **dict.fromkeys((tables.SEGMENT_ACTIVITY, tables.SEGMENT_RETENTION), of_segments),
        tables.GROUP_DAY: joining.positions(),
        tables.GROUP_HOUR: sources.inputs(settings[tables.GROUP_HOUR.name]),
        tables.STAFF_DAY: of_events,
        tables.GROUP_NETWORK: network_inputs(sources, rules.through, settings[tables.GROUP_NETWORK.name]),
        tables.MEMBER_CHANGE: of_batches,
        tables.FEED_DAY: of_batches,
        tables.STAFF_ACT: of_events,
        tables.INTERVENTION: intervention_inputs(lake, settings[tables.INTERVENTION.name]),
        tables.SPEND_DAY: of_batches,
        tables.SPEND_RETURN: as_recorded(spend_return_inputs(lake)),
        tables.CONTACT: contact_inputs(lake),
        tables.GROUP_HEALTH: of_life,
        tables.GROUP_STATE: of_life,
        tables.RISK_MODEL: of_risk,
        tables.GROUP_RISK: of_risk,
        tables.INTERVENTION_CASE: case_inputs(lake, rules.through, settings[tables.INTERVENTION_CASE.name]),
        tables.INTERVENTION_EFFECT: as_recorded(became_inputs(lake)),
        tables.INTERVENTION_SALES: as_recorded(sold_inputs(lake)),
        **{table: as_recorded(inputs) for table, inputs in summaries.items()},
    }
