"""Dagster's freshness policies, for the colours on its page; the alerts compare with what Kafka holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

import dagster as dg

from schemas.warehouse import MART

_LATE_AFTER: Final = dt.timedelta(hours=6)
_STALE_AFTER: Final = dt.timedelta(hours=24)
FRESHNESS: Final = dg.FreshnessPolicy.time_window(fail_window=_STALE_AFTER, warn_window=_LATE_AFTER)
"""Policies of the assets that people read and of those that all others are derived from."""


def with_freshness(assets: Iterable[Any]) -> list[Any]:
    """Return the assets with freshness policies for those that people read or that all others are derived from."""
    return list(dg.map_asset_specs(_with_policy, list(assets)))


def _with_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
    is_watched = not spec.deps or spec.key.path[0] == MART
    return spec.replace_attributes(freshness_policy=FRESHNESS if is_watched else None)
