"""Wires: schemes by which webhooks are authenticated. Those of this package are in this folder, others entry points."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

from pipelines.carriers.entry_points import loading
from pipelines.carriers.wires.base import Wire
from schemas.errors import EmberlineError

ENTRY_POINTS: Final = "emberline.wires"
"""Group of entry points for wires of other packages; each names one or several."""


class UnfitWire(EmberlineError):
    """A package's entry point cannot be loaded, names no wire, or one whose name is taken."""


@cache
def wires() -> Mapping[str, Wire]:
    """Return all wires by name.

    Raises:
        UnfitWire: A package's wire is broken.
    """
    found: dict[str, Wire] = {}
    for place, wire in _all():
        if not isinstance(wire, Wire):
            raise UnfitWire(f"{place} names no wire.", "Correct or uninstall that package.")
        if wire.name in found:
            raise UnfitWire(f"{place} adds a second wire {wire.name}.", "Correct or uninstall that package.")
        found[wire.name] = wire
    return found


def _all() -> Iterator[tuple[str, object]]:
    for module in pkgutil.iter_modules(__path__):
        for wire in getattr(import_module(f"{__name__}.{module.name}"), "WIRES", ()):
            yield f"{__name__}.{module.name}", wire
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        with loading(entry, "Wire", UnfitWire):
            named = entry.load()
        for wire in named if isinstance(named, Iterable) else (named,):
            yield f"entry point {entry.name} ({entry.value})", wire
