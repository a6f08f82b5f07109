"""Load plugins of other packages by entry points; the error for a broken one names the package."""

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
    """A plugin with a name."""

    name: ClassVar[str]


P = TypeVar("P", bound=Named)


def parts_by_name(ours: ModuleType, group: str, kind: type[P], broken: type[EmberlineError]) -> dict[str, P]:
    """Return all plugins of a kind by name: of this package, then of other packages.

    Args:
        ours: Package whose modules each define one, named after its kind: `READER`.
        group: Group of the entry points, each of which names one.
        kind: Their class.
        broken: Raised if a plugin cannot be loaded, is of another class, or has a name that is taken.
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
                f"The entry point {point.name} ({point.value}) is not a {what.lower()}, or its name is taken.",
                "Fix or remove that package.",
            )
        found[brought.name] = brought
    return found


def package_of(point: EntryPoint) -> str:
    """Return the package of an entry point."""
    return point.dist.name if point.dist else point.module


@contextmanager
def loading(point: EntryPoint, what: str, error: type[EmberlineError]) -> Iterator[None]:
    """Convert any error while the block loads a plugin to an error that names its package.

    Args:
        point: Its entry point.
        what: Its kind for the message, such as `Carrier`.
        error: The type to raise; errors of emberline are not converted.
    """
    try:
        yield
    except EmberlineError:
        raise
    except Exception as failure:
        package = package_of(point)
        raise error(
            f"{what} {point.name} of package {package} cannot be loaded: {type(failure).__name__}: {failure}",
            f"Fix the package, or remove it: pip uninstall {package}",
            point.value,
        ) from failure
