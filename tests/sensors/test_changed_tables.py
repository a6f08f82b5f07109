"""A run stages, checks and publishes the tables whose rows changed, and no others."""

from __future__ import annotations

import dagster as dg
import pytest

from schemas.warehouse import DATA_TABLES
from tests.sensors.conftest import Place

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
TABLES = {table.name for table in DATA_TABLES}


def staged(run: dg.ExecuteInProcessResult) -> set[str]:
    """The tables that a run loaded into staging, and published."""
    keys = [
        event.step_materialization_data.materialization.asset_key for event in run.get_asset_materialization_events()
    ]
    return {key.path[-1] for key in keys if key.path[0] == "mart"}


def checked(run: dg.ExecuteInProcessResult) -> set[str]:
    """The tables whose expectations a run evaluated."""
    return {
        evaluation.asset_key.path[-1]
        for evaluation in run.get_asset_check_evaluations()
        if evaluation.asset_key.path[0] == "mart" and evaluation.metadata["expectations"].value
    }


def test_another_message_changes_activity_and_no_sales_and_only_that_is_staged_and_checked(whole: Place):
    whole.say(0, 1)
    first = whole.run()
    assert staged(first) == checked(first) == TABLES
    whole.say(1.1)
    second = whole.run()
    assert "group_day" in staged(second)
    untouched = {"order_credit", "group_sales", "message_sales", "segment_sales", "person_value", "dim_group"}
    assert staged(second) & untouched == set()
    # Persons changed, whom orders and values name.
    assert checked(second) & (untouched - {"dim_group", "order_credit", "person_value"}) == set()
    # Groups did not change, and days did, whose rule on known groups looks at both.
    assert {"group_day"} <= checked(second)
