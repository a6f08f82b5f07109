"""From joining to buying again: `funnel_entry`, `order_credit`, `order_refund`, `person_value`, and summaries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.completeness import complete_through, fact_rules
from assets.pools import WRITER
from assets.resources import Rules
from pipelines.lake import Lake
from pipelines.refresh import (
    refresh_credit,
    refresh_funnel_summaries,
    refresh_funnels,
    refresh_person_value,
    refresh_refunds,
    refresh_sales,
)
from schemas import lake as facts

GROUP = "funnel"
KINDS = {"polars", "deltalake"}


@dg.asset(group_name=GROUP, deps=["events", "identity", "first_seen"], kinds=KINDS, pool=WRITER)
def funnel_entry(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Entries of all funnels, each with the events that matched its steps."""
    reached, settings = fact_rules(lake, rules).watermark, rules.settings[facts.FUNNEL_ENTRY.name]
    return dg.MaterializeResult(metadata=asdict(refresh_funnels(lake, rules.funnels, reached, settings)))


@dg.asset(group_name=GROUP, deps=["events", "identity", "first_seen"], kinds=KINDS, pool=WRITER)
def order_credit(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Paid orders credited to messages of groups, by every model of the settings."""
    settings = rules.settings[facts.ORDER_CREDIT.name]
    return dg.MaterializeResult(metadata=asdict(refresh_credit(lake, rules.attribution, settings)))


@dg.asset(group_name=GROUP, deps=["events"], kinds=KINDS, pool=WRITER)
def order_refund(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Refunds of paid orders, each with its date."""
    return dg.MaterializeResult(metadata=asdict(refresh_refunds(lake)))


@dg.asset(group_name=GROUP, deps=[order_credit, "events"], kinds=KINDS, pool=WRITER)
def person_value(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """What buyers are worth on the newest complete day: RFM, and BG/NBD where enough bought again."""
    settings = rules.settings[facts.PERSON_VALUE.name]
    refreshed = refresh_person_value(lake, complete_through(lake, rules), rules.zone, settings)
    return dg.MaterializeResult(metadata=asdict(refreshed))


@dg.multi_asset(
    specs=[
        dg.AssetSpec(table.name, deps=deps, group_name=GROUP, kinds=KINDS, description=description)
        for table, deps, description in (
            (facts.FUNNEL_STEP, [funnel_entry], "How many entries reached each step of each funnel, and how fast."),
            (facts.FUNNEL_BREAKDOWN, [funnel_entry, "events", "group"], "The steps by the value of a property."),
            (facts.FUNNEL_TIME_TO_CONVERT, [funnel_entry], "How long it took to reach a step, as a histogram."),
            (facts.FUNNEL_CURVE, [funnel_entry], "Conversion by the time since entry, fresh entries included."),
            (facts.FUNNEL_TREND, [funnel_entry], "Conversion by the calendar unit of the entry."),
        )
    ],
    pool=WRITER,
)
def funnel_summaries(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Summarise the entries of all funnels, each summary if what it is made of changed."""
    refreshed = refresh_funnel_summaries(lake, rules.funnels, rules.zone, rules.settings)
    for name, outcome in refreshed.items():
        yield dg.MaterializeResult(name, metadata=asdict(outcome))


@dg.multi_asset(
    specs=[
        dg.AssetSpec(table.name, deps=deps, group_name=GROUP, kinds=KINDS, description=description)
        for table, deps, description in (
            (facts.GROUP_SALES, [order_credit], "What was sold from each group, by attribution model and currency."),
            (facts.MESSAGE_SALES, [order_credit], "What was sold from each message."),
            (facts.SEGMENT_SALES, [order_credit, "group"], "What was sold from groups of each purpose and carrier."),
        )
    ],
    pool=WRITER,
)
def sales(lake: dg.ResourceParam[Lake]) -> Iterator[dg.MaterializeResult]:
    """Sum the credit of orders, each summary if what it is made of changed."""
    for name, outcome in refresh_sales(lake).items():
        yield dg.MaterializeResult(name, metadata=asdict(outcome))
