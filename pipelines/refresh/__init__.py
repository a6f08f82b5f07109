"""Incremental refresh of facts: recompute what changed in the inputs, and record the input versions.

A fact's commits carry `input/<name>` application transactions. Facts of events record the newest batch of `events` and
the newest change of `identity` that they include. The change logs of later batches name the persons, groups, days and
orders to recompute. The result always equals a full recomputation.
"""

from __future__ import annotations

from pipelines.refresh.behind import FactRules, facts_behind
from pipelines.refresh.contacts import refresh_contacts
from pipelines.refresh.conversion_paths import refresh_conversion_paths
from pipelines.refresh.days import refresh_days
from pipelines.refresh.feeds import refresh_feed_days
from pipelines.refresh.first_seen import refresh_first_seen
from pipelines.refresh.funnel import entries_watermark, refresh_funnels
from pipelines.refresh.groups import refresh_groups
from pipelines.refresh.identity import refresh_identity
from pipelines.refresh.intervention_effects import (
    refresh_intervention_cases,
    refresh_intervention_effects,
    refresh_intervention_sales,
)
from pipelines.refresh.interventions import refresh_interventions
from pipelines.refresh.life import refresh_life
from pipelines.refresh.matched import refresh_matched
from pipelines.refresh.member_changes import refresh_member_changes
from pipelines.refresh.members import refresh_member_state
from pipelines.refresh.network import refresh_group_network
from pipelines.refresh.order_facts import refresh_orders
from pipelines.refresh.orders import refresh_credit
from pipelines.refresh.over_merged import over_merged_persons
from pipelines.refresh.periods import refresh_lifecycle, refresh_retention
from pipelines.refresh.person_paths import refresh_person_paths
from pipelines.refresh.rebuilds import BY_DAY, NotRebuildable, request_rebuild
from pipelines.refresh.recent import has_simulated, recent_events
from pipelines.refresh.revenue_cohorts import refresh_revenue_cohorts
from pipelines.refresh.risk import refresh_risk
from pipelines.refresh.sales import refresh_sales
from pipelines.refresh.segments import refresh_segments
from pipelines.refresh.spend import refresh_spend_days, refresh_spend_return
from pipelines.refresh.summaries import refresh_funnel_summaries, refresh_group_engagement
from pipelines.refresh.value import refresh_person_value
from pipelines.refresh.whole import inputs_of, refresh_whole
from pipelines.refresh.written import REBUILT, SETTINGS, Refreshed, recorded

__all__ = [
    "BY_DAY",
    "REBUILT",
    "SETTINGS",
    "FactRules",
    "NotRebuildable",
    "Refreshed",
    "entries_watermark",
    "facts_behind",
    "has_simulated",
    "inputs_of",
    "over_merged_persons",
    "recent_events",
    "recorded",
    "refresh_contacts",
    "refresh_conversion_paths",
    "refresh_credit",
    "refresh_days",
    "refresh_feed_days",
    "refresh_first_seen",
    "refresh_funnel_summaries",
    "refresh_funnels",
    "refresh_group_engagement",
    "refresh_group_network",
    "refresh_groups",
    "refresh_identity",
    "refresh_intervention_cases",
    "refresh_intervention_effects",
    "refresh_intervention_sales",
    "refresh_interventions",
    "refresh_life",
    "refresh_lifecycle",
    "refresh_matched",
    "refresh_member_changes",
    "refresh_member_state",
    "refresh_orders",
    "refresh_person_paths",
    "refresh_person_value",
    "refresh_retention",
    "refresh_revenue_cohorts",
    "refresh_risk",
    "refresh_sales",
    "refresh_segments",
    "refresh_spend_days",
    "refresh_spend_return",
    "refresh_whole",
    "request_rebuild",
]
