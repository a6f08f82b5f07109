"""Memory in which a read beyond the end of a value crashes the process."""

from __future__ import annotations

import ctypes
import itertools
import mmap
from typing import Final

import polars as pl
import pyarrow as pa


class Walled:
    """Memory between two pages that nobody may touch: to read beyond either end is to crash."""

    size: Final = 4 * mmap.PAGESIZE

    def __init__(self) -> None:
        page = mmap.PAGESIZE
        self._memory = mmap.mmap(-1, self.size + 2 * page)
        first = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._walls = (first, first + page + self.size)
        self._begin = first + page
        self._protect(0)

    def put(self, content: bytes, at: int) -> pa.Buffer:
        """A buffer of this content, so many bytes behind the wall before it."""
        start = mmap.PAGESIZE + at
        self._memory[start : start + len(content)] = content
        return pa.foreign_buffer(self._begin + at, len(content), base=self._memory)

    def column(self, values: list[bytes], *, is_last: bool) -> pl.Series:
        """A column of values, side by side, that ends at the wall behind it or begins at the one before it."""
        content = b"".join(values)
        used = self.put(content, self.size - len(content) if is_last else 0)
        starts = [0, *itertools.accumulate(map(len, values))]
        views = b"".join(
            len(value).to_bytes(4, "little")
            + (value[:4] + bytes(4) + start.to_bytes(4, "little") if len(value) > 12 else value.ljust(12, b"\0"))
            for value, start in zip(values, starts, strict=False)
        )
        series = pl.Series(pa.Array.from_buffers(pa.binary_view(), len(values), [None, pa.py_buffer(views), used]))
        (taken,) = pa.array(series.to_arrow(compat_level=pl.CompatLevel.newest())).buffers()[2:]
        assert taken.address == used.address, "Polars has copied it, and nothing is tested"
        return series

    def release(self) -> None:
        self._protect(mmap.PROT_READ | mmap.PROT_WRITE)

    def _protect(self, allowed: int) -> None:
        for wall in self._walls:
            done = ctypes.CDLL(None).mprotect(ctypes.c_void_p(wall), ctypes.c_size_t(mmap.PAGESIZE), allowed)
            assert done == 0
