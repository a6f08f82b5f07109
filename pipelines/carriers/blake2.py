"""Keyed BLAKE2b of a column of texts by compiled code, with the result of `hashlib.blake2b` (RFC 7693)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.buffers import bytes_of, column_of
from pipelines.compiled import compiled, inlined

_BLOCK: Final = 128
_ROUNDS: Final = 12
_WORD: Final = 8
_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_START: Final = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_ORDER: Final = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.uint8,
)
"""Which word of the block each step of each round takes."""


def keyed_hashes(texts: pl.Series, key: bytes, n_bytes: int) -> pl.Series:
    """Hash each text of a String column without nulls, as hex digits.

    Args:
        texts: what is hashed, as UTF-8.
        key: at most 64 bytes.
        n_bytes: of a hash, at most 64.
    """
    if texts.is_empty():
        return texts
    contents, offsets = bytes_of(texts)
    digits = 2 * n_bytes
    hashes = np.empty((len(texts), digits), np.uint8)
    first = _START.copy()
    first[0] ^= np.uint64(0x01010000 | len(key) << 8 | n_bytes)
    block = np.zeros(_BLOCK, np.uint8)
    block[: len(key)] = np.frombuffer(key, np.uint8)
    _hash(contents, offsets, first, block, bool(key), hashes)
    ends = np.arange(0, digits * (len(texts) + 1), digits, dtype=np.int64)
    return column_of(texts.name, hashes, ends)


@inlined
def _turned(word: np.uint64, bits: int) -> np.uint64:
    return (word >> np.uint64(bits)) | (word << np.uint64(64 - bits))


@inlined
def _mix(a: Any, b: Any, c: Any, d: Any, x: Any, y: Any) -> tuple[Any, Any, Any, Any]:
    a = a + b + x
    d = _turned(d ^ a, 32)
    c = c + d
    b = _turned(b ^ c, 24)
    a = a + b + y
    d = _turned(d ^ a, 16)
    c = c + d
    b = _turned(b ^ c, 63)
    return a, b, c, d


@compiled
def _compress(state: NDArray[np.uint64], words: NDArray[np.uint64], n_bytes: int, is_last: bool) -> None:
    """Take a block of 16 words into the state, of which so many bytes of text are read by then."""
    a0, a1, a2, a3 = state[0], state[1], state[2], state[3]
    b0, b1, b2, b3 = state[4], state[5], state[6], state[7]
    c0, c1, c2, c3 = _START[0], _START[1], _START[2], _START[3]
    d0, d1, d2, d3 = _START[4] ^ np.uint64(n_bytes), _START[5], _START[6], _START[7]
    if is_last:
        d2 = ~d2
    for number in range(_ROUNDS):
        order = _ORDER[number]
        a0, b0, c0, d0 = _mix(a0, b0, c0, d0, words[order[0]], words[order[1]])
        a1, b1, c1, d1 = _mix(a1, b1, c1, d1, words[order[2]], words[order[3]])
        a2, b2, c2, d2 = _mix(a2, b2, c2, d2, words[order[4]], words[order[5]])
        a3, b3, c3, d3 = _mix(a3, b3, c3, d3, words[order[6]], words[order[7]])
        a0, b1, c2, d3 = _mix(a0, b1, c2, d3, words[order[8]], words[order[9]])
        a1, b2, c3, d0 = _mix(a1, b2, c3, d0, words[order[10]], words[order[11]])
        a2, b3, c0, d1 = _mix(a2, b3, c0, d1, words[order[12]], words[order[13]])
        a3, b0, c1, d2 = _mix(a3, b0, c1, d2, words[order[14]], words[order[15]])
    state[0] ^= a0 ^ c0
    state[1] ^= a1 ^ c1
    state[2] ^= a2 ^ c2
    state[3] ^= a3 ^ c3
    state[4] ^= b0 ^ d0
    state[5] ^= b1 ^ d1
    state[6] ^= b2 ^ d2
    state[7] ^= b3 ^ d3


@compiled
def _hash(
    contents: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    first: NDArray[np.uint64],
    of_key: NDArray[np.uint8],
    has_key: bool,
    hashes: NDArray[np.uint8],
) -> None:
    """Write the hash of `contents[offsets[n]:offsets[n + 1]]` to `hashes[n]`."""
    keyed = first.copy()
    if has_key:
        _compress(keyed, of_key.view(np.uint64), _BLOCK, False)
    state = np.empty(_WORD, np.uint64)
    block = np.empty(_BLOCK, np.uint8)
    words = block.view(np.uint64)
    digest = state.view(np.uint8)
    for number in range(len(hashes)):
        at, end = offsets[number], offsets[number + 1]
        read = _BLOCK if has_key else 0
        state[:] = first if has_key and at == end else keyed
        # The key is a block before the text; of no text it is the last one.
        if has_key and at == end:
            block[:] = of_key
            _compress(state, words, read, True)
        else:
            while True:
                length = min(end - at, _BLOCK)
                block[:length] = contents[at : at + length]
                block[length:] = 0
                at += length
                read += length
                _compress(state, words, read, at == end)
                if at == end:
                    break
        for byte in range(hashes.shape[1] // 2):
            hashes[number, 2 * byte] = _HEX[digest[byte] >> 4]
            hashes[number, 2 * byte + 1] = _HEX[digest[byte] & 15]
