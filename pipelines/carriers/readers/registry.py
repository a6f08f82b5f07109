"""Which readers there are, and which of them knows a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from pipelines.carriers.entry_points import parts_by_name
from pipelines.carriers.readers import formats
from pipelines.carriers.readers.base import Reader, Sniffed
from pipelines.carriers.readers.source import Source
from schemas.errors import EmberlineError

ENTRY_POINTS: Final = "emberline.readers"


class UnknownExport(EmberlineError):
    """No reader knows a file, or several do."""


class BrokenReader(EmberlineError):
    """A package brings a reader that cannot be loaded, is none, or has a name that is taken."""


@dataclass(frozen=True)
class Found:
    """A source, the reader that knows it and its reasons."""

    source: Source
    reader: Reader
    sniffed: Sniffed


@cache
def readers() -> Mapping[str, Reader]:
    """Give all readers by name: those of this package, then those that other packages bring.

    Raises:
        BrokenReader: see there.
    """
    return parts_by_name(formats, ENTRY_POINTS, Reader, BrokenReader)


def detect(source: Source, name: str | None = None) -> list[Found]:
    """Find out who reads a source, or each file of a folder or an archive that is no export as a whole.

    Args:
        source: a file, a folder or an archive.
        name: of the reader that is to take it, for a file that several know or none.

    Raises:
        UnknownExport: nobody reads it, or several readers know it.
    """
    found = list(_found(source, name))
    if not found:
        known = ", ".join(reader.title for reader in readers().values())
        raise UnknownExport(
            f"No reader knows {source.place}.",
            f"Known are {known}. Name the reader with --as, where it is one of these ({', '.join(readers())}).",
        )
    return found


def _found(source: Source, name: str | None) -> Iterator[Found]:
    candidates = list(readers().values()) if name is None else [readers()[name]]
    claims = [(reader, sniffed) for reader in candidates if (sniffed := reader.sniff(source)) is not None]
    if len(claims) > 1:
        titles = "; ".join(f"{reader.name}: {', '.join(sniffed.reasons)}" for reader, sniffed in claims)
        raise UnknownExport(f"Several readers know {source.place}: {titles}.", "Name one of them with --as.")
    if not claims and name is not None and not source.is_container:
        claims = [(readers()[name], Sniffed(("named by --as",)))]
    if claims:
        yield Found(source, *claims[0])
    for file in [] if claims else source.files.values():
        if name is None or readers()[name].sniff(file) is not None:
            yield from _found(file, name)
