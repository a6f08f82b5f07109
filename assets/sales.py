"""What was sold from where: orders and their credit, `person_value`, and sums of credit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.completeness import complete_through
from assets.resources import Rules
from assets.steps import lake_asset, lake_assets
from assets.tables import materialized, refreshed, specs
from pipelines.lake import Lake
from pipelines.refresh import (
    refresh_conversion_paths,
    refresh_credit,
    refresh_orders,
    refresh_person_paths,
    refresh_person_value,
    refresh_revenue_cohorts,
    refresh_sales,
    refresh_spend_days,
    refresh_spend_return,
)
from schemas.lake import (
    CONVERSION_PATH,
    CONVERSION_PATH_SALES,
    CUSTOMER_ORDER,
    GROUP_SALES,
    GROUP_SALES_DAY,
    MESSAGE_SALES,
    ORDER_CREDIT,
    ORDER_ITEM,
    ORDER_REFUND,
    PERSON_PATH,
    PERSON_VALUE,
    REVENUE_COHORT,
    SEGMENT_SALES,
    SPEND_DAY,
    SPEND_RETURN,
)


@lake_asset(ORDER_CREDIT)
def order_credit(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the credit of changed orders, by every model of the settings."""
    settings = rules.settings[ORDER_CREDIT.name]
    return materialized(lake, ORDER_CREDIT, asdict(refresh_credit(lake, rules.attribution, settings)))


@lake_assets(specs(ORDER_REFUND, ORDER_ITEM, CUSTOMER_ORDER))
def orders(lake: dg.ResourceParam[Lake]) -> Iterator[dg.MaterializeResult]:
    """Recompute changed orders, with their items and refunds."""
    yield from refreshed(lake, refresh_orders(lake))


@lake_asset(PERSON_VALUE)
def person_value(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the scores of all buyers if their orders or the newest complete day changed."""
    through, settings = complete_through(lake, rules), rules.settings[PERSON_VALUE.name]
    return materialized(lake, PERSON_VALUE, asdict(refresh_person_value(lake, through, rules.zone, settings)))


@lake_asset(REVENUE_COHORT)
def revenue_cohort(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the sums of cohorts if orders or the newest complete day changed."""
    through, settings = complete_through(lake, rules), rules.settings[REVENUE_COHORT.name]
    return materialized(lake, REVENUE_COHORT, asdict(refresh_revenue_cohorts(lake, through, settings)))


@lake_asset(PERSON_PATH)
def person_path(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the paths of persons with new events or orders."""
    look_back, settings = rules.attribution.look_back, rules.settings[PERSON_PATH.name]
    return materialized(lake, PERSON_PATH, asdict(refresh_person_paths(lake, look_back, settings)))


@lake_assets(specs(CONVERSION_PATH, CONVERSION_PATH_SALES))
def conversion_paths(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Recount the paths of months in which any changed."""
    through, settings = complete_through(lake, rules), rules.settings[CONVERSION_PATH.name]
    look_back = rules.attribution.look_back
    yield from refreshed(lake, refresh_conversion_paths(lake, through, rules.zone, look_back, settings))


@lake_asset(SPEND_DAY)
def spend_day(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute the costs of days that new events touched."""
    return materialized(lake, SPEND_DAY, asdict(refresh_spend_days(lake)))


@lake_asset(SPEND_RETURN)
def spend_return(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Compare sales with spending again if either changed."""
    return materialized(lake, SPEND_RETURN, asdict(refresh_spend_return(lake)))


@lake_assets(specs(GROUP_SALES, GROUP_SALES_DAY, MESSAGE_SALES, SEGMENT_SALES))
def sales(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Recompute the sums of credit, each if its inputs changed."""
    yield from refreshed(lake, refresh_sales(lake, rules.zone, rules.settings))
