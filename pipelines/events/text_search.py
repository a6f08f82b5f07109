"""Find texts in many values by keyed hashes only, without knowing the texts.

A text of `length` bytes is known by its polynomial hash with a secret base. A value contains it if a window of that
length has the hash. Windows that begin or end within a word or a number do not count: 10001 is not in 510001.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.arrays import frozen
from pipelines.buffers import bytes_of
from pipelines.compiled import lean

_WRAP: Final = (1 << 64) - 1


def hash_of(text: bytes, base: int) -> int:
    """Return the 64-bit hash of a text with an odd base."""
    found = 0
    for byte in text:
        found = (found * base + byte + 1) & _WRAP
    return found


def holds_any(values: pl.Series, lengths: NDArray[np.int64], hashes: NDArray[np.uint64], base: int) -> pl.Series:
    """Return which values contain one of the texts; a null contains none.

    Args:
        values: Binary.
        lengths: Length of each text in bytes.
        hashes: `hash_of` each text.
        base: Base of the hashes.
    """
    if not len(lengths) or values.is_empty():
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(values))
    contents, starts = bytes_of(values.fill_null(b""))
    in_order = np.lexsort((hashes, lengths))
    found = np.zeros(len(values), np.bool_)
    _search(
        frozen(contents),
        frozen(starts),
        frozen(lengths[in_order]),
        frozen(hashes[in_order]),
        np.uint64(base),
        np.zeros(int(np.diff(starts).max()) + 1, np.uint64),
        found,
    )
    return pl.Series(found)


@lean
def _search(
    content: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    base: np.uint64,
    prefixes: NDArray[np.uint64],
    found: NDArray[np.bool_],
) -> None:
    """Mark the values that contain a text.

    Args:
        content: The concatenated values.
        starts: [values + 1] where each begins.
        lengths: Lengths of the texts, sorted.
        hashes: Hashes of the texts, sorted within a length.
        base: Base of the hashes.
        prefixes: [longest value + 1] buffer for the hash of each prefix of a value.
        found: [values] set for values that contain a text.
    """
    one = np.uint64(1)
    for value in range(len(found)):
        first, size = starts[value], starts[value + 1] - starts[value]
        for place in range(size):
            prefixes[place + 1] = prefixes[place] * base + np.uint64(content[first + place]) + one
        text = 0
        while text < len(lengths) and not found[value]:
            length, after = lengths[text], text
            while after < len(lengths) and lengths[after] == length:
                after += 1
            power = one
            for _ in range(length):
                power *= base
            for place in range(size - length + 1):
                at = first + place
                if place > 0 and _is_of_word(content[at]) and _is_of_word(content[at - 1]):
                    continue
                end = at + length
                if place + length < size and _is_of_word(content[end - 1]) and _is_of_word(content[end]):
                    continue
                wanted = prefixes[place + length] - prefixes[place] * power
                low, high = text, after
                while low < high:
                    middle = (low + high) // 2
                    if hashes[middle] < wanted:
                        low = middle + 1
                    else:
                        high = middle
                if low < after and hashes[low] == wanted:
                    found[value] = True
                    break
            text = after


@lean
def _is_of_word(byte: int) -> bool:
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122
