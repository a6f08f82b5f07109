"""Parts that other packages bring, which may be broken: the error then names the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint

from schemas.errors import EmberlineError


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
