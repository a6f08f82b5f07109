"""Read JSON lines as bytes in UTF-8."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from pipelines.carriers.readers.encoding import Progress, texts
from pipelines.carriers.readers.source import Source

LONG_LINES: Final = "lines of more than 16 MB left out"

_MOST_LINE: Final = 16 * 1024 * 1024


def lines(source: Source, repairs: Counter[str], progress: Progress) -> Iterator[bytes]:
    """Yield the lines of a file of any encoding, without blank ones; the last may lack a line end."""
    rest, is_too_long = b"", False
    for block in texts(source, repairs, progress):
        *whole, rest = (rest + block.encode()).split(b"\n")
        if is_too_long and whole:
            whole, is_too_long = whole[1:], False
        if len(rest) > _MOST_LINE:
            repairs[LONG_LINES] += not is_too_long
            rest, is_too_long = b"", True
        yield from (line.strip() for line in whole if line.strip())
    if rest.strip() and not is_too_long:
        yield rest.strip()
