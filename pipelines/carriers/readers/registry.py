"""Find the readers, and the one that recognises a file."""

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
    """No reader recognises a file, or several do."""


class BrokenReader(EmberlineError):
    """A package's reader cannot be loaded, is not a reader, or has a name that is taken."""


@dataclass(frozen=True)
class Found:
    """A source, the reader that recognises it, and the reasons."""

    source: Source
    reader: Reader
    sniffed: Sniffed


@cache
def readers() -> Mapping[str, Reader]:
    """Return all readers by name: of this package, then of other packages.

    Raises:
        BrokenReader: A package's reader is broken.
    """
    return parts_by_name(formats, ENTRY_POINTS, Reader, BrokenReader)


def detect(source: Source, name: str | None = None) -> list[Found]:
    """Find the reader of a source; of a folder or an archive that is no export itself, those of its files.

    Args:
        source: a file, a folder or an archive.
        name: of the reader to use, for a file that several or none recognise.

    Raises:
        UnknownExport: No reader recognises it, or several do.
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
