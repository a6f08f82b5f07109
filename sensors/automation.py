"""What is materialized outside `pipeline_job` makes what depends on it be requested.

`pipeline_job` follows Kafka and updates everything in one run. Whatever else is materialized (a fact rebuilt by hand, a
run of a part of the graph) is followed by the conditions here: exactly what depends on it, once, in one run. Days are
no partitions: which ones a run recomputes is known to the data itself (decision 0011).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

import dagster as dg

from schemas.warehouse import MART
from sensors.jobs import WHOLE_GRAPH

_is_handled_there: Final = dg.AutomationCondition.executed_with_root_target() | (
    # A whole job's run does not list its assets, so `executed_with_root_target` cannot know them.
    dg.AutomationCondition.executed_with_tags(tag_values=WHOLE_GRAPH)
)
_was_updated_elsewhere: Final = dg.AutomationCondition.any_deps_match(
    dg.AutomationCondition.newly_updated() & ~_is_handled_there
).with_label("a dependency was materialized in a run that leaves this out")
_follows: Final = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.will_be_requested())
_is_done: Final = dg.AutomationCondition.newly_requested() | (
    # Both may lie between two ticks, in an unknown order: a request too many recomputes nothing, one too few would
    # leave a figure behind.
    dg.AutomationCondition.newly_updated() & ~_was_updated_elsewhere
)
# Staging that broke a check must not be published by a run that leaves the checks out; staged anew, it is checked anew.
_are_checked: Final = dg.AutomationCondition.all_deps_match(
    dg.AutomationCondition.all_checks_match(dg.AutomationCondition.check_passed(), blocking_only=True)
    | dg.AutomationCondition.will_be_requested()
).with_label("what it reads has passed its checks, or is checked in the same run")

FOLLOW: Final = (
    (dg.AutomationCondition.newly_missing() | _was_updated_elsewhere | _follows).since(_is_done)
    & ~dg.AutomationCondition.any_deps_missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
    & _are_checked
).with_label("follow what is materialized outside pipeline_job")

_LATE_AFTER: Final = dt.timedelta(hours=6)
_STALE_AFTER: Final = dt.timedelta(hours=24)
FRESHNESS: Final = dg.FreshnessPolicy.time_window(fail_window=_STALE_AFTER, warn_window=_LATE_AFTER)
"""Of what people read and of what all else comes from. The alerts are sharper: they compare with what Kafka holds."""

follow_sensor: Final = dg.AutomationConditionSensorDefinition(
    "follow_sensor",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests what depends on assets that were materialized outside of pipeline_job.",
)


def automated(assets: Iterable[Any]) -> list[Any]:
    """The assets, each with its condition and, where one applies, its freshness policy."""
    return list(dg.map_asset_specs(_automated, list(assets)))


def _automated(spec: dg.AssetSpec) -> dg.AssetSpec:
    is_watched = not spec.deps or spec.key.path[0] == MART
    return spec.replace_attributes(
        automation_condition=FOLLOW if spec.deps else None, freshness_policy=FRESHNESS if is_watched else None
    )
