"""What was sold from where: `order_credit`, `order_refund`, `person_value`, and sums of credit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.completeness import complete_through
from assets.resources import Rules
from assets.steps import lake_asset, lake_assets
from assets.tables import materialized, refreshed, specs
from pipelines.lake import Lake
from pipelines.refresh import refresh_credit, refresh_person_value, refresh_refunds, refresh_sales
from schemas.lake import GROUP_SALES, MESSAGE_SALES, ORDER_CREDIT, ORDER_REFUND, PERSON_VALUE, SEGMENT_SALES


@lake_asset(ORDER_CREDIT)
def order_credit(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Credit the orders again that changed, by every model of the settings."""
    settings = rules.settings[ORDER_CREDIT.name]
    return materialized(lake, ORDER_CREDIT, asdict(refresh_credit(lake, rules.attribution, settings)))


@lake_asset(ORDER_REFUND)
def order_refund(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """List the refunds again of the orders that changed."""
    return materialized(lake, ORDER_REFUND, asdict(refresh_refunds(lake)))


@lake_asset(PERSON_VALUE)
def person_value(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Score all buyers again, if their orders or the newest complete day changed."""
    through, settings = complete_through(lake, rules), rules.settings[PERSON_VALUE.name]
    return materialized(lake, PERSON_VALUE, asdict(refresh_person_value(lake, through, rules.zone, settings)))


@lake_assets(specs(GROUP_SALES, MESSAGE_SALES, SEGMENT_SALES))
def sales(lake: dg.ResourceParam[Lake]) -> Iterator[dg.MaterializeResult]:
    """Sum the credit of orders, each summary if what it is made of changed."""
    yield from refreshed(lake, refresh_sales(lake))
