"""A compiled, strict reader of JSON objects by a `JsonTable`, one pass over the bytes of a column of values.

It accepts a value only if it is certain what msgspec would make of it: no escapes in strings, plain whole numbers, one
form of time, no field twice, no containers but those the table knows. All else it refuses without a reason, good or
bad: msgspec, the authority, decides on that.

All compiled functions stand in this one file: numba's cache keeps what was compiled until the file of the function that
is called changes, and does not notice a change in another.
"""

from __future__ import annotations

from typing import Any, Final, cast

import numba
import numpy as np
from numpy.typing import NDArray

from pipelines.carriers.json_table import CHOICE, INSTANT, INTEGER, KEY, LETTERS, STRUCT, TEXT

_compiled: Final[Any] = cast(Any, numba.njit)(cache=True, nogil=True, _nrt=False)
"""Without numba's counting of references, which every call would do for every array: it triples the speed.

Nothing here makes an array or keeps one, so there is nothing to count.
"""

VIEW_WORDS: Final = 2
INLINE_BYTES: Final = 12
"""A string up to this long lies in its view."""

_QUOTE: Final = ord('"')
_COMMA: Final = ord(",")
_COLON: Final = ord(":")
_OPEN: Final = ord("{")
_CLOSE: Final = ord("}")
_NULL: Final = ord("n")

_REFUSED: Final = -1
"""In place of the position after a value."""

_MOST_DIGITS: Final = 18
"""Digits of which every number fits 64 bits."""

_YEARS: Final = (1900, 9000)
"""Years whose instants stay inside any calendar after a shift by a time zone."""

_PLAIN = np.zeros(256, np.bool_)
_PLAIN[32:128] = True
_PLAIN[list(b'"\\')] = False
"""Bytes of ASCII that stand for themselves in a string."""

_MICROSECONDS: Final = 1_000_000
_DAYS_BEFORE_1970: Final = 719_468
"""From the first of March of the year zero."""

_IN_KEY = np.zeros(256, np.bool_)
_IN_KEY[list(b"abcdefghijklmnopqrstuvwxyz0123456789_.-")] = True


@_compiled
def _space(data: NDArray[np.uint8], at: int, end: int) -> int:
    """The position after any white space."""
    while at < end and (data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9):
        at += 1
    return at


@_compiled
def _character(data: NDArray[np.uint8], at: int, end: int) -> int:
    """The position after a character of two to four bytes of UTF-8, as Unicode's table of well-formed ones says."""
    lead = data[at]
    low, high = 0x80, 0xBF
    if 0xC2 <= lead <= 0xDF:
        length = 2
    elif 0xE0 <= lead <= 0xEF:
        length = 3
        if lead == 0xE0:
            low = 0xA0
        elif lead == 0xED:
            high = 0x9F
    elif 0xF0 <= lead <= 0xF4:
        length = 4
        if lead == 0xF0:
            low = 0x90
        elif lead == 0xF4:
            high = 0x8F
    else:
        return _REFUSED
    if at + length > end or data[at + 1] < low or data[at + 1] > high:
        return _REFUSED
    for byte in range(at + 2, at + length):
        if data[byte] < 0x80 or data[byte] > 0xBF:
            return _REFUSED
    return at + length


@_compiled
def _string(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int, int]:
    """The start and length of a string without escapes, and the position after its closing quote."""
    if at >= end or data[at] != ord('"'):
        return 0, 0, _REFUSED
    at += 1
    start = at
    while at < end:
        while at < end and _PLAIN[data[np.uintp(at)]]:
            at += 1
        if at == end:
            break
        byte = data[np.uintp(at)]
        if byte == ord('"'):
            return start, at - start, at + 1
        if byte < 0x80:
            break
        at = _character(data, at, end)
        if at == _REFUSED:
            break
    return 0, 0, _REFUSED


@_compiled
def _number(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """A whole number that is not negative, and the position after it."""
    start = at
    value: Any = 0
    while at < end and ord("0") <= data[at] <= ord("9"):
        value = value * 10 + np.int64(data[at] - ord("0"))
        at += 1
        if at - start > _MOST_DIGITS:
            return 0, _REFUSED
    if at == start or (data[start] == ord("0") and at > start + 1):
        return 0, _REFUSED
    if at < end and (data[at] == ord(".") or data[at] == ord("e") or data[at] == ord("E")):
        return 0, _REFUSED
    return value, at


@_compiled
def _word(data: NDArray[np.uint8], at: int, end: int, word: bytes) -> int:
    if at + len(word) > end:
        return _REFUSED
    for byte in range(len(word)):
        if data[at + byte] != word[byte]:
            return _REFUSED
    return at + len(word)


@_compiled
def _scalar(data: NDArray[np.uint8], at: int, end: int) -> int:
    """The position after a string, a whole number, true, false or null."""
    if at >= end:
        return _REFUSED
    byte = data[at]
    if byte == ord('"'):
        return _string(data, at, end)[2]
    if byte == ord("n"):
        return _word(data, at, end, b"null")
    if byte == ord("t"):
        return _word(data, at, end, b"true")
    if byte == ord("f"):
        return _word(data, at, end, b"false")
    return _number(data, at, end)[1]


@_compiled
def _digits(data: NDArray[np.uint8], at: int, count: int) -> int:
    value: Any = 0
    for place in range(at, at + count):
        digit = np.int64(data[np.uintp(place)]) - 48
        if digit < 0 or digit > 9:
            return _REFUSED
        value = value * 10 + digit
    return value


@_compiled
def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@_compiled
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March."""
    if month <= 2:
        year -= 1
        month += 12
    of_year = (153 * (month - 3) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - _DAYS_BEFORE_1970


@_compiled
def _instant(data: NDArray[np.uint8], start: int, length: int) -> tuple[int, bool]:
    """Microseconds since 1970 UTC of `2026-01-31T12:00:00Z`, with up to 6 decimals or an offset `+08:00`; is it one?"""
    refused = (0, False)
    if length < 20:
        return refused
    end = start + length
    for place, mark in ((4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")):
        if data[start + place] != ord(mark):
            return refused
    year, month, day = _digits(data, start, 4), _digits(data, start + 5, 2), _digits(data, start + 8, 2)
    hour, minute, second = _digits(data, start + 11, 2), _digits(data, start + 14, 2), _digits(data, start + 17, 2)
    if year < _YEARS[0] or year > _YEARS[1] or month < 1 or month > 12 or day < 1 or day > _days_in(year, month):
        return refused
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return refused
    at = start + 19
    fraction = 0
    if data[at] == ord("."):
        at += 1
        scale = _MICROSECONDS
        while at < end and ord("0") <= data[at] <= ord("9"):
            if scale == 1:
                return refused
            fraction = fraction * 10 + np.int64(data[at] - ord("0"))
            scale //= 10
            at += 1
        if scale == _MICROSECONDS:
            return refused
        fraction *= scale
    if at == end:
        return refused
    shift = 0
    if data[at] == ord("+") or data[at] == ord("-"):
        if end - at != 6 or data[at + 3] != ord(":"):
            return refused
        hours, minutes = _digits(data, at + 1, 2), _digits(data, at + 4, 2)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return refused
        shift = hours * 60 + minutes
        if data[at] == ord("-"):
            shift = -shift
    elif data[at] != ord("Z") or at + 1 != end:
        return refused
    seconds = _days(year, month, day) * 86_400 + hour * 3_600 + (minute - shift) * 60 + second
    return seconds * _MICROSECONDS + fraction, True


@_compiled
def _same(data: NDArray[np.uint8], at: int, text: NDArray[np.uint8], start: int, length: int) -> bool:
    for byte in range(length):  # noqa: SIM110 - compiled
        if data[np.uintp(at + byte)] != text[np.uintp(start + byte)]:
            return False
    return True


@_compiled
def _field(
    data: NDArray[np.uint8],
    at: int,
    length: int,
    scope: int,
    guess: int,
    fields: Any,
    text: NDArray[np.uint8],
) -> int:
    """The field of a name, or -1; the search starts with the guess."""
    count = len(fields)
    for step in range(count):
        number = guess + step
        if number >= count:
            number -= count
        field = fields[number]
        if field.name_length == length and field.scope == scope and _same(data, at, text, field.name, length):
            return number
    return -1


@_compiled
def _is_key(data: NDArray[np.uint8], start: int, length: int) -> bool:
    colon = start
    while colon < start + length and _IN_KEY[data[colon]]:
        colon += 1
    return start < colon < start + length - 1 and data[colon] == _COLON


@_compiled
def _is_letters(data: NDArray[np.uint8], start: int, length: int) -> bool:
    if length != 3:
        return False
    for at in range(start, start + 3):  # noqa: SIM110 - compiled
        if data[at] < ord("A") or data[at] > ord("Z"):
            return False
    return True


@_compiled
def _is_string_of(
    data: NDArray[np.uint8],
    start: int,
    length: int,
    field: Any,
    options: NDArray[np.int32],
    text: NDArray[np.uint8],
) -> bool:
    if field.kind == CHOICE:
        for number in range(field.options, field.options + field.option_count):
            if options[number, 1] == length and _same(data, start, text, options[number, 0], length):
                return True
        return False
    # The contract counts characters: no more of them than bytes, and at least one in any byte.
    if length < field.least or length > field.most or field.least > 1:
        return False
    if field.kind == KEY:
        return _is_key(data, start, length)
    if field.kind == LETTERS:
        return _is_letters(data, start, length)
    return field.kind == TEXT


@_compiled
def _write_view(
    data: NDArray[np.uint8], start: int, length: int, buffer: int, views: NDArray[np.uint64], field: int, row: int
) -> None:
    """A view holds the length, then a short string, or a longer one's first 4 bytes, buffer and start."""
    low = np.uint64(length)
    high = np.uint64(0)
    if length > INLINE_BYTES:
        for byte in range(4):
            low |= np.uint64(data[np.uintp(start + byte)]) << np.uint64(32 + 8 * byte)
        high = np.uint64(buffer) | np.uint64(start) << np.uint64(32)
    else:
        for byte in range(min(length, 4)):
            low |= np.uint64(data[np.uintp(start + byte)]) << np.uint64(32 + 8 * byte)
        for byte in range(4, length):
            high |= np.uint64(data[np.uintp(start + byte)]) << np.uint64(8 * (byte - 4))
    views[field, row, 0] = low
    views[field, row, 1] = high


@_compiled
def _object(
    data: NDArray[np.uint8],
    buffer: int,
    at: int,
    end: int,
    row: int,
    fields: Any,
    options: NDArray[np.int32],
    text: NDArray[np.uint8],
    views: NDArray[np.uint64],
    numbers: NDArray[np.int64],
    present: NDArray[np.bool_],
) -> bool:
    """Read the value in `[at, end)` into a row; False: refused, and the row holds nothing of use."""
    at = _space(data, at, end)
    if at == end or data[at] != _OPEN:
        return False
    at = _space(data, at + 1, end)
    seen = np.uint64(0)
    scope = 0
    guess = 0
    is_first = True
    while at < end:
        if data[at] == _CLOSE and is_first:
            at += 1
        else:
            start, length, at = _string(data, at, end)
            if at == _REFUSED:
                return False
            found = _field(data, start, length, scope, guess, fields, text)
            at = _space(data, at, end)
            if at == end or data[at] != _COLON:
                return False
            at = _space(data, at + 1, end)
            if at == end:
                return False
            is_first = False
            if found < 0:
                at = _scalar(data, at, end)
            else:
                guess = found + 1
                bit = np.uint64(1) << np.uint64(found)
                if seen & bit:
                    return False
                seen |= bit
                field = fields[found]
                if data[at] == _NULL:
                    if not field.nullable:
                        return False
                    at = _scalar(data, at, end)
                elif field.kind == STRUCT:
                    if data[at] != _OPEN:
                        return False
                    scope = 1
                    is_first = True
                    at = _space(data, at + 1, end)
                    continue
                elif field.kind == INTEGER:
                    value, at = _number(data, at, end)
                    if value < field.least or value > field.most:
                        return False
                    numbers[found, row] = value
                    present[found, row] = True
                else:
                    start, length, at = _string(data, at, end)
                    if at == _REFUSED:
                        return False
                    if field.kind == INSTANT:
                        value, is_known = _instant(data, start, length)
                        if not is_known:
                            return False
                        numbers[found, row] = value
                    else:
                        if not _is_string_of(data, start, length, field, options, text):
                            return False
                        _write_view(data, start, length, buffer, views, found, row)
                    present[found, row] = True
            if at == _REFUSED:
                return False
            at = _space(data, at, end)
            if at == end:
                return False
            if data[at] == _COMMA:
                at = _space(data, at + 1, end)
                if at == end or data[at] != _QUOTE:
                    return False
                continue
            if data[at] != _CLOSE:
                return False
            at += 1
        # An object was closed: the struct, after which the outer object goes on, or the outer object.
        while scope == 1:
            scope = 0
            at = _space(data, at, end)
            if at == end:
                return False
            if data[at] == _COMMA:
                at = _space(data, at + 1, end)
                if at == end or data[at] != _QUOTE:
                    return False
                is_first = False
                break
            if data[at] != _CLOSE:
                return False
            at += 1
        else:
            for found in range(len(fields)):
                if fields[found].required and not seen >> np.uint64(found) & np.uint64(1):
                    return False
            return _space(data, at, end) == end
    return False


@_compiled
def scan(
    data: NDArray[np.uint8],
    buffer: int,
    values: NDArray[np.uint32],
    rows: NDArray[np.int64],
    longest: int,
    fields: Any,
    options: NDArray[np.int32],
    text: NDArray[np.uint8],
    views: NDArray[np.uint64],
    numbers: NDArray[np.int64],
    present: NDArray[np.bool_],
    accepted: NDArray[np.bool_],
) -> None:
    """Read JSON objects that lie in one buffer into columns.

    Args:
        data: the bytes of the buffer.
        buffer: its number.
        values: [all rows, 4] Arrow's views of the values: length, first bytes, number of the buffer, start.
        rows: those whose values lie in the buffer.
        longest: bytes; a longer value is refused.
        fields: [fields] of `json_table.FIELD`.
        options: see `JsonTable`.
        text: see `JsonTable`.
        views: [fields, all rows, `VIEW_WORDS`] zeros; filled with Arrow's views into the buffers for strings.
        numbers: [fields, all rows] filled with integers, and instants as microseconds since 1970 UTC.
        present: [fields, all rows] False; set where a field has a value.
        accepted: [all rows] set where the value was read.
    """
    for row in rows:
        length, start = np.int64(values[row, 0]), np.int64(values[row, 3])
        if length <= longest:
            accepted[row] = _object(
                data, buffer, start, start + length, row, fields, options, text, views, numbers, present
            )
