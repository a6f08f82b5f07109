"""All carriers: those of this package by their files, others by entry points, a company's own by its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from pipelines.carriers.base import Carrier, Coverage
from pipelines.carriers.entry_points import loading, package_of
from schemas.errors import EmberlineError

ENTRY_POINTS: Final = "emberline.carriers"
_YAML: Final = ".yaml"
_IN_PYTHON: Final = {"cloudevents": "pipelines.carriers.cloudevents:CloudEvents"}
"""Carriers that need code, because the mapping language does not suffice."""


class CarrierBroken(EmberlineError):
    """A carrier of another package cannot be loaded."""


class Registry(Mapping[str, Carrier]):
    """All carriers by name; a carrier is read and compiled at first access."""

    def __init__(self, added: Mapping[str, Path] | None = None) -> None:
        """Take a company's own carriers: name -> a file with a mapping. They override those of the same name."""
        self._made: dict[str, Carrier] = {}
        self._added = dict(added or {})

    def __getitem__(self, name: str) -> Carrier:
        """Return a carrier.

        Raises:
            KeyError: there is none of this name.
            CarrierBroken: another package's cannot be loaded.
            MappingError: a mapping is invalid.
        """
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is a carrier of this name; does not create it."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in alphabetical order."""
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(sorted({*_IN_PYTHON, *self._own, *self._others, *self._added}))

    @cached_property
    def _own(self) -> dict[str, Traversable]:
        folder = files("pipelines.carriers") / "sources"
        return {file.name.removesuffix(_YAML): file for file in folder.iterdir() if file.name.endswith(_YAML)}

    @cached_property
    def _others(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=ENTRY_POINTS)}

    def _make(self, name: str) -> Carrier:
        if name in self._added:
            return _mapped(name, self._added[name], str(self._added[name]))
        if name in self._own:
            return _mapped(name, self._own[name], f"pipelines/carriers/sources/{name}{_YAML}")
        if name in _IN_PYTHON:
            module, attribute = _IN_PYTHON[name].split(":")
            return getattr(import_module(module), attribute)()
        return _brought(self._others[name])


class CarriersOfTopics(Mapping[str, Carrier]):
    """The carrier of each topic, created when the first record of the topic is decoded."""

    def __init__(
        self,
        topics: Mapping[str, str],
        carrier: Callable[[str], Carrier],
        coverage: Mapping[str, Coverage] | None = None,
    ) -> None:
        """Take the names of carriers by topic, and a function from name to carrier.

        Args:
            topics: Topic -> name.
            carrier: Name -> carrier.
            coverage: Topic -> what its source sees, where that is not what the carrier says.
        """
        self._topics = dict(topics)
        self._carrier = carrier
        self._coverage: Mapping[str, Coverage] = dict(coverage or {})

    def __getitem__(self, topic: str) -> Carrier:
        """Return the carrier of a topic; see `Registry`."""
        carrier = self._carrier(self._topics[topic])
        if topic in self._coverage:
            carrier = copy(carrier)
            carrier.coverage = self._coverage[topic]
        return carrier

    def __contains__(self, topic: object) -> bool:
        """Whether a topic has a carrier; does not create it."""
        return topic in self._topics

    def __iter__(self) -> Iterator[str]:
        """Iterate over the topics."""
        return iter(self._topics)

    def __len__(self) -> int:
        return len(self._topics)


def _mapped(name: str, file: Traversable, place: str) -> Carrier:
    # Imported late: commands that decode nothing do not need it.
    from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
    from pipelines.carriers.mapping.model import MappingError, read_mapping
    from pipelines.carriers.mapping.split_carrier import SplitCarrier

    mapping = read_mapping(file, place)
    if mapping.name != name:
        raise MappingError(f"The mapping of {name} has the name {mapping.name}.", "Give both one name.", place)
    carrier = MappedCarrier(mapping)
    return carrier if mapping.split is None else SplitCarrier(carrier, mapping.split)


def _brought(point: EntryPoint) -> Carrier:
    """Load a carrier of another package: `module:name.yaml`, a mapping in the module's folder; or a class."""
    with loading(point, "Carrier", CarrierBroken):
        if point.attr.endswith(_YAML):
            return _mapped(point.name, files(point.module) / point.attr, f"{point.module}/{point.attr}")
        made = point.load()()
    if not isinstance(made, Carrier):
        raise CarrierBroken(
            f"Carrier {point.name} of package {package_of(point)} is no pipelines.carriers.Carrier.",
            "Mend the package.",
            point.value,
        )
    return made
