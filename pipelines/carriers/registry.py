"""Which carriers there are: our own by their files, others by entry points, a company's own by its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from pipelines.carriers.base import Carrier
from pipelines.carriers.entry_points import loading, package_of
from schemas.errors import EmberlineError

ENTRY_POINTS: Final = "emberline.carriers"
_YAML: Final = ".yaml"
_IN_PYTHON: Final = {"cloudevents": "pipelines.carriers.cloudevents:CloudEvents"}
"""Where the language ends."""


class CarrierBroken(EmberlineError):
    """A carrier of another package cannot be loaded."""


class Registry(Mapping[str, Carrier]):
    """All carriers by name. Names are known at once; a carrier is read and compiled when it is first asked for."""

    def __init__(self, added: Mapping[str, Path] | None = None) -> None:
        """Take a company's own carriers: name -> a file with a mapping. They stand in for ours of the same name."""
        self._made: dict[str, Carrier] = {}
        self._added = dict(added or {})

    def __getitem__(self, name: str) -> Carrier:
        """Give a carrier.

        Raises:
            KeyError: there is none of this name.
            CarrierBroken: another package's cannot be loaded.
            MappingError: a mapping says what it may not.
        """
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a carrier of this name, without making it."""
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
    """The carrier of each topic; made when a record of the topic is decoded, since most topics have none."""

    def __init__(self, topics: Mapping[str, str], carrier: Callable[[str], Carrier]) -> None:
        """Take the names of carriers by topic, and what gives a carrier of that name."""
        self._topics = dict(topics)
        self._carrier = carrier

    def __getitem__(self, topic: str) -> Carrier:
        """Give the carrier of a topic; see `Registry`."""
        return self._carrier(self._topics[topic])

    def __contains__(self, topic: object) -> bool:
        """Tell whether a topic has a carrier, without making it."""
        return topic in self._topics

    def __iter__(self) -> Iterator[str]:
        """Iterate over the topics."""
        return iter(self._topics)

    def __len__(self) -> int:
        return len(self._topics)


def _mapped(name: str, file: Traversable, place: str) -> Carrier:
    # Not before it is needed: commands that decode nothing do without.
    from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
    from pipelines.carriers.mapping.model import MappingError, read_mapping
    from pipelines.carriers.mapping.split_carrier import SplitCarrier

    mapping = read_mapping(file, place)
    if mapping.name != name:
        raise MappingError(f"The mapping of {name} calls itself {mapping.name}.", "Give both one name.", place)
    carrier = MappedCarrier(mapping)
    return carrier if mapping.split is None else SplitCarrier(carrier, mapping.split)


def _brought(point: EntryPoint) -> Carrier:
    """A carrier of another package: `module:name.yaml`, a mapping in the module's folder; or a class of carrier."""
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
