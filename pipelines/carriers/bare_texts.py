"""Texts in lower case without white space, by compiled code, with the result of Python's `lower` and `split`."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.buffers import bytes_of, column_of
from pipelines.compiled import compiled

_SPACES: Final = np.zeros(128, np.bool_)
_SPACES[[*range(9, 14), *range(28, 33)]] = True


def bare_texts(texts: pl.Series) -> pl.Series:
    """Bare each text of a String column without nulls."""
    if texts.is_empty():
        return texts
    contents, offsets = bytes_of(texts)
    made, ends = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.zeros(len(texts) + 1, np.int64)
    is_other = np.zeros(len(texts), np.bool_)
    _write(contents, offsets, made, ends, is_other)
    found = column_of(texts.name, made, ends)
    rows = pl.Series(is_other).arg_true()
    return found.scatter(rows, ["".join(text.lower().split()) for text in texts.gather(rows)]) if len(rows) else found


@compiled
def _write(
    given: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    made: NDArray[np.uint8],
    ends: NDArray[np.int64],
    is_other: NDArray[np.bool_],
) -> None:
    """Write text n to `made[ends[n]:ends[n + 1]]`, or nothing if it has letters beyond ASCII that may have a case.

    Known to have none are U+2010 to U+2027, CJK with kana (U+3001 to U+9FFF), and emoji (U+1F300 to U+1FBFF).
    """
    place = 0
    for number in range(len(offsets) - 1):
        at, end = offsets[number], offsets[number + 1]
        first = place
        while at < end:
            byte = given[at]
            if byte < 0x80:
                if not _SPACES[byte]:
                    made[place] = byte + 32 if 65 <= byte <= 90 else byte
                    place += 1
                at += 1
                continue
            size = 0
            if 0xE3 <= byte <= 0xE9:
                is_wide_space = byte == 0xE3 and given[at + 1] == 0x80 and given[at + 2] == 0x80
                size = 0 if is_wide_space else 3
            elif byte == 0xE2 and given[at + 1] == 0x80 and 0x90 <= given[at + 2] <= 0xA7:
                size = 3
            elif byte == 0xF0 and given[at + 1] == 0x9F and 0x8C <= given[at + 2] <= 0xAF:
                size = 4
            if size == 0:
                is_other[number] = True
                place = first
                break
            for _ in range(size):
                made[place] = given[at]
                place += 1
                at += 1
        ends[number + 1] = place
