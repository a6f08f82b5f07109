"""Wires: how platforms prove that a webhook is theirs. Ours are in this folder, others are entry points."""

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
"""Group of the entry points by which a package brings wires; each names a wire, or several."""


class UnfitWire(EmberlineError):
    """An entry point of another package cannot be loaded, gives no wire, or one whose name is taken."""


@cache
def wires() -> Mapping[str, Wire]:
    """Return all wires by name.

    Raises:
        UnfitWire: see there.
    """
    found: dict[str, Wire] = {}
    for place, wire in _all():
        if not isinstance(wire, Wire):
            raise UnfitWire(f"What {place} names is no wire.", "Correct or uninstall that package.")
        if wire.name in found:
            raise UnfitWire(f"{place} brings a second wire {wire.name}.", "Correct or uninstall that package.")
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
