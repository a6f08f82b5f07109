"""A compiled search for the end of a JSON value in bytes that may continue in a next piece.

All compiled functions of the readers are in this file; `pipelines.carriers.json_scan` says why.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.compiled import lean

UNFINISHED: Final = -1

_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_LEAST_OPEN: Final = ord("[")
_DEPTH: Final = 0
_IN_STRING: Final = 1
_ESCAPED: Final = 2
_KIND: Final = 3
_CONTAINER: Final = 1
_STRING: Final = 2
_SCALAR: Final = 3

_BRACKETS = np.zeros(256, np.int64)
_BRACKETS[list(b"{[")] = 1
_BRACKETS[list(b"}]")] = -1
_DELIMITERS = np.zeros(256, np.bool_)
_DELIMITERS[list(b",]} \t\r\n:")] = True


def fresh_state() -> NDArray[np.int64]:
    """Return the state before a value."""
    return np.zeros(4, np.int64)


@lean
def value_end(data: NDArray[np.uint8], at: int, state: NDArray[np.int64]) -> int:
    """Find the position after the value that begins or continues at `at`; `UNFINISHED` if the data ends inside it.

    Args:
        data: the bytes.
        at: the first byte of the value or of its continuation.
        state: from `fresh_state`, passed on between the pieces of a value.
    """
    end = len(data)
    depth, in_string, escaped = state[_DEPTH], state[_IN_STRING], state[_ESCAPED]
    if state[_KIND] == 0 and at < end:
        first = data[np.uintp(at)]
        state[_KIND] = _STRING if first == _QUOTE else _CONTAINER if _BRACKETS[np.uintp(first)] == 1 else _SCALAR
    kind = state[_KIND]
    if kind == _SCALAR:
        while at < end:
            if _DELIMITERS[np.uintp(data[np.uintp(at)])]:
                return at
            at += 1
        return UNFINISHED
    while at < end:
        byte = data[np.uintp(at)]
        at += 1
        if in_string:
            if escaped:
                escaped = 0
            elif byte == _BACKSLASH:
                escaped = 1
            elif byte == _QUOTE:
                in_string = 0
                if kind == _STRING:
                    return at
        elif byte == _QUOTE:
            in_string = 1
        elif byte >= _LEAST_OPEN:
            depth += _BRACKETS[np.uintp(byte)]
            if depth == 0 and _BRACKETS[np.uintp(byte)] == -1:
                return at
    state[_DEPTH], state[_IN_STRING], state[_ESCAPED] = depth, in_string, escaped
    return UNFINISHED
