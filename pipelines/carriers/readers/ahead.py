"""Work on one item while the next one is read."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_Item = TypeVar("_Item")
_END: Final = object()


def ahead(items: Iterable[_Item]) -> Generator[_Item, None, None]:
    """Yield items in their order; a thread reads the next one, at most one, while the caller uses the last."""
    source = iter(items)
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(next, source, _END)
        while (item := reading.result()) is not _END:
            reading = thread.submit(next, source, _END)
            yield item  # type: ignore[misc]  # pyright: ignore[reportReturnType]
