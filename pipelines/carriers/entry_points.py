"""Parts that other packages bring, which may be broken: the error then names the package."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import ClassVar, Protocol, TypeVar

from schemas.errors import EmberlineError


class Named(Protocol):
    """A part with a name."""

    name: ClassVar[str]


P = TypeVar("P", bound=Named)


def parts_by_name(ours: ModuleType, group: str, kind: type[P], broken: type[EmberlineError]) -> dict[str, P]:
    """Give all parts of a kind by name: those of this package, then those that other packages bring.

    Args:
        ours: package whose modules have one each, named after its kind: `READER`.
        group: of the entry points, each of which names one.
        kind: its class.
        broken: raised where a package's cannot be loaded, is of another kind, or has a name that is taken.
    """
    found: dict[str, P] = {}
    what = kind.__name__
    for module in pkgutil.iter_modules(ours.__path__):
        part: P = getattr(import_module(f"{ours.__name__}.{module.name}"), what.upper())
        found[part.name] = part
    for point in entry_points(group=group):
        with loading(point, what, broken):
            brought = point.load()
        if not isinstance(brought, kind) or brought.name in found:
            raise broken(
                f"The entry point {point.name} ({point.value}) is no {what.lower()}, or one whose name is taken.",
                "Mend or remove that package.",
            )
        found[brought.name] = brought
    return found


def package_of(point: EntryPoint) -> str:
    """Name the package that an entry point is of."""
    return point.dist.name if point.dist else point.module


@contextmanager
def loading(point: EntryPoint, what: str, error: type[EmberlineError]) -> Iterator[None]:
    """Turn whatever another package fails with, while the block loads its part, into an error that names it.

    Args:
        point: of the part.
        what: such as `Carrier`, for the message.
        error: raised in its place; errors of emberline pass.
    """
    try:
        yield
    except EmberlineError:
        raise
    except Exception as failure:
        package = package_of(point)
        raise error(
            f"{what} {point.name} of package {package} cannot be loaded: {type(failure).__name__}: {failure}",
            f"Mend the package, or remove it: pip uninstall {package}",
            point.value,
        ) from failure
