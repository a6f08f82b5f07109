"""Decode percent-encoded texts of forms by compiled code, with the result of `urllib.parse.unquote_plus`."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_plus

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.buffers import bytes_of, column_of
from pipelines.compiled import lean

_PERCENT: Final = ord("%")
_PLUS: Final = ord("+")
_SPACE: Final = ord(" ")
_NO_DIGIT: Final = 255

_DIGITS: Final = np.full(256, _NO_DIGIT, np.uint8)
"""Values of hexadecimal digits by byte."""
for _value, _digit in enumerate("0123456789abcdef"):
    _DIGITS[[ord(_digit), ord(_digit.upper())]] = _value


def percent_decoded(texts: pl.Series) -> pl.Series:
    """Decode a String column without nulls."""
    if texts.is_empty():
        return texts
    contents, offsets = bytes_of(texts)
    decoded, ends = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.zeros(len(texts) + 1, np.int64)
    _decode(contents, offsets, _DIGITS, decoded, ends)
    found = column_of(texts.name, decoded, ends, pa.large_binary())
    try:
        return found.cast(pl.String)
    except pl.exceptions.ComputeError:
        # Some bytes are not UTF-8: the reference function replaces them by replacement characters.
        return pl.Series(texts.name, [_text(*both) for both in zip(found, texts, strict=True)], dtype=pl.String)


def _text(decoded: bytes, encoded: str) -> str:
    try:
        return decoded.decode()
    except UnicodeDecodeError:
        return unquote_plus(encoded)


@lean
def _decode(
    given: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    digits: NDArray[np.uint8],
    decoded: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> None:
    """Write the bytes of text n to `decoded[ends[n]:ends[n + 1]]`."""
    place = np.uintp(0)
    one, two = np.uintp(1), np.uintp(2)
    for number in range(len(offsets) - 1):
        at, stop = np.uintp(offsets[number]), np.uintp(offsets[number + 1])
        while at < stop:
            byte = given[at]
            at += one
            if byte == _PLUS:
                byte = np.uint8(_SPACE)
            elif byte == _PERCENT and at + one < stop:
                high, low = digits[given[at]], digits[given[at + one]]
                if high != _NO_DIGIT and low != _NO_DIGIT:
                    byte = np.uint8(high * 16 + low)
                    at += two
            decoded[place] = byte
            place += one
        ends[number + 1] = place
