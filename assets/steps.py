"""The steps of the pipeline: assets that write the lake or read it, one at a time."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

import dagster as dg

from assets.pools import WRITER
from assets.tables import asset
from pipelines.lake_search import damage_named
from schemas.lake import LakeTable

Compute = Callable[..., Any]


def lake_asset(table: LakeTable) -> Callable[[Compute], dg.AssetsDefinition]:
    """Return a decorator that makes the asset of a table from the function that computes it; see `naming_damage`."""
    return lambda compute: dg.asset(**asset(table), pool=WRITER)(naming_damage(compute))


def lake_assets(
    specs: Sequence[dg.AssetSpec],
    name: str | None = None,
    check_specs: Sequence[dg.AssetCheckSpec] | None = None,
    *,
    can_subset: bool = False,
) -> Callable[[Compute], dg.AssetsDefinition]:
    """Return a decorator that makes the assets of several tables from one function; see `naming_damage`.

    If `can_subset`, a run may be of some of them, and the function may leave out results.
    """
    return lambda compute: dg.multi_asset(
        specs=specs, name=name, check_specs=check_specs, can_subset=can_subset, pool=WRITER
    )(naming_damage(compute))


def naming_damage(compute: Compute) -> Compute:
    """Wrap a function so that its error names table and file if a data file is missing or damaged.

    Args:
        compute: The function; its argument `lake` is the lake that it reads.
    """
    signature = inspect.signature(compute)

    def lake_of(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return signature.bind(*arguments, **named).arguments["lake"]

    # Dagster distinguishes generator functions from others by inspecting the function.
    if inspect.isgeneratorfunction(compute):

        @wraps(compute)
        def yielding(*arguments: Any, **named: Any) -> Iterator[Any]:
            with damage_named(lake_of(arguments, named)):
                yield from compute(*arguments, **named)

        return yielding

    @wraps(compute)
    def returning(*arguments: Any, **named: Any) -> Any:
        with damage_named(lake_of(arguments, named)):
            return compute(*arguments, **named)

    return returning
