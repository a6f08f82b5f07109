"""Compiled, strict readers of JSON and XML: one pass each over the bytes of a column of values.

`scan` reads objects of one contract by a `JsonTable`, with the rules of the contract: no escapes in strings, plain
whole numbers, one format of times, only containers that the table knows. `scan_paths` reads any JSON by a `PathTable`:
the unchanged text of scalars at paths. `scan_xml` reads XML documents by a `PathTable`.

Each accepts a value only if the reference, msgspec or `mapping.xml_payload`, surely gives the same result. It refuses
all others, valid or not, and leaves the decision to the reference.

Positions are memory addresses. Reads outside a value are by blocks, which stay inside the buffer.

All compiled functions are in this one file: numba's cache is only invalidated by changes of the called function's file.
"""

from __future__ import annotations

import string
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from pipelines.carriers.json_paths import LONGEST_NAME, MAX_DEPTH
from pipelines.carriers.json_table import CHOICE, INSTANT, KEY, LETTERS, NAME_MARKS, NUMBER, STRUCT, TEXT
from pipelines.carriers.levels import BOOLEAN, FRACTION, INTEGER, LIST, NULL, OBJECT, STRING
from pipelines.compiled import inlined, lean

BLOCK: Final = 16
"""Bytes that every processor can compare in one instruction."""

VIEW_WORDS: Final = 2
INLINE_BYTES: Final = 12
"""Strings up to this length are stored in their view."""

_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_COMMA: Final = ord(",")
_COLON: Final = ord(":")
_OPEN: Final = ord("{")
_CLOSE: Final = ord("}")
_OPEN_LIST: Final = ord("[")
_CLOSE_LIST: Final = ord("]")
_NULL: Final = ord("n")
_LESS: Final = ord("<")
_GREATER: Final = ord(">")
_AMPERSAND: Final = ord("&")
_APOSTROPHE: Final = ord("'")
_SLASH: Final = ord("/")
_QUESTION: Final = ord("?")
_EQUAL: Final = ord("=")
_EXCLAMATION: Final = ord("!")
_AT: Final = ord("@")
_NUMBER_SIGN: Final = ord("#")
_SEMICOLON: Final = ord(";")

_REFUSED: Final = -1
"""Returned instead of the position after a value."""

REFUSED: Final = 0
ACCEPTED: Final = 1
FULL: Final = 2
"""Returned if there is no room for a list element."""
NO_DOCUMENT: Final = 3
"""Returned for a text that is surely no XML."""

XML_FRAME: Final = 10
"""Numbers per open element of XML."""

MOST_ATTRIBUTES: Final = 64
"""Most attributes of an element of XML."""

_MOST_DIGITS: Final = 18
"""Number of digits of which every number fits 64 bits."""

_YEARS: Final = (1900, 9000)
"""Range of years that stays valid after a shift by a time zone."""

_PLAIN = np.zeros(256, np.bool_)
_PLAIN[32:128] = True
_PLAIN[list(b'"\\')] = False
"""ASCII bytes that need no escape in a string."""


def _form(text: bytes) -> tuple[np.uint64, np.uint64]:
    """Return a pattern of eight characters (0 matches any digit) as a word, and the room of each below 128."""
    room = bytes(0x7F - 9 * (character == ord("0")) for character in text)
    return np.uint64(int.from_bytes(text, "little")), np.uint64(int.from_bytes(room, "little"))


_YEAR, _YEAR_ROOM = _form(b"0000-00-")
_DAY, _DAY_ROOM = _form(b"0-00-00T")
_CLOCK, _CLOCK_ROOM = _form(b"00:00:00")
_TOP_BITS = np.uint64(0x8080808080808080)

_MICROSECONDS: Final = 1_000_000
_DAYS_BEFORE_1970: Final = 719_468
"""Days from 0000-03-01 to 1970-01-01."""

_IN_KEY = np.zeros(256, np.bool_)
_IN_KEY[list(b"abcdefghijklmnopqrstuvwxyz0123456789_.-")] = True


_WORD_NULL = np.uint64(int.from_bytes(b"null", "little"))
_WORD_TRUE = np.uint64(int.from_bytes(b"true", "little"))
_WORD_ALSE = np.uint64(int.from_bytes(b"alse", "little"))

_ESCAPES = np.zeros(256, np.uint8)
_ESCAPES[list(b'"\\/bfnrt')] = list(b'"\\/\b\f\n\r\t')
"""Values of escapes, by the character after the backslash."""

_HEX = np.full(256, -1, np.int8)
_HEX[list(b"0123456789abcdef")] = range(16)
_HEX[list(b"ABCDEF")] = range(10, 16)

_ESCAPE_BYTES: Final = 6
"""Bytes of an escape `\\uXXXX` of a character or half a surrogate pair."""

_MOST_CHARACTERS: Final = 64
"""Longest number: msgspec accepts any up to this length with an exponent of at most 2 digits."""

VIEW_ROOM: Final = 4
"""Bytes before a string that are read together with it."""


def _loaded(builder: Any, address: Any, kind: Any) -> Any:
    """Return the value at an address, which need not be aligned."""
    loaded = builder.load(builder.inttoptr(address, kind.as_pointer()))
    loaded.align = 1
    return loaded


def _load(size: int, result: Any) -> Any:
    """Return a compiled function that reads the bytes at an address as one number."""

    def load(_: Any, _address: Any) -> Any:
        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            return builder.zext(_loaded(builder, arguments[0], ir.IntType(8 * size)), ir.IntType(64))

        return result(types.intp), generate

    return cast(Any, intrinsic)(load)


_byte: Final = _load(1, types.int64)
_four: Final = _load(4, types.uint64)
_eight: Final = _load(8, types.uint64)


def _run(marks: bytes) -> Any:
    """Return a compiled function: how many of the next `BLOCK` bytes, from the first on, are ASCII, but no marks."""

    def run(_: Any, _address: Any) -> Any:
        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            block = ir.VectorType(ir.IntType(8), BLOCK)
            word = ir.IntType(64)
            loaded = _loaded(builder, arguments[0], block)
            # As signed numbers, control characters and bytes beyond ASCII are below 32.
            other = builder.icmp_signed("<", loaded, ir.Constant(block, [32] * BLOCK))
            for mark in marks:
                other = builder.or_(other, builder.icmp_signed("==", loaded, ir.Constant(block, [mark] * BLOCK)))
            bits = builder.zext(builder.bitcast(other, ir.IntType(BLOCK)), word)
            return builder.cttz(builder.or_(bits, ir.Constant(word, 1 << BLOCK)), ir.Constant(ir.IntType(1), 1))

        return types.int64(types.intp), generate

    return cast(Any, intrinsic)(run)


_plain: Final = _run(b'"\\')
_plain_in_xml: Final = _run(b"<&]\"'")


@cast(Any, intrinsic)
def _copied(_: Any, _source: Any, _target: Any) -> Any:
    """Copy `BLOCK` bytes; return how many of them come before a backslash."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        block = ir.VectorType(ir.IntType(8), BLOCK)
        word = ir.IntType(64)
        loaded = _loaded(builder, arguments[0], block)
        builder.store(loaded, builder.inttoptr(arguments[1], block.as_pointer())).align = 1
        found = builder.icmp_signed("==", loaded, ir.Constant(block, [_BACKSLASH] * BLOCK))
        bits = builder.zext(builder.bitcast(found, ir.IntType(BLOCK)), word)
        return builder.cttz(builder.or_(bits, ir.Constant(word, 1 << BLOCK)), ir.Constant(ir.IntType(1), 1))

    return types.int64(types.intp, types.intp), generate


@cast(Any, intrinsic)
def _put(_: Any, _address: Any, _value: Any) -> Any:
    """Write a byte."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        byte = ir.IntType(8)
        builder.store(builder.trunc(arguments[1], byte), builder.inttoptr(arguments[0], byte.as_pointer()))
        return None

    return types.void(types.intp, types.int64), generate


@inlined
def _space(at: int, end: int) -> int:
    """Return the position after any white space."""
    while at < end and (_byte(at) == 32 or _byte(at) == 10 or _byte(at) == 13 or _byte(at) == 9):
        at += 1
    return at


@inlined
def _character(at: int, end: int) -> int:
    """Return the position after a well-formed UTF-8 character of two to four bytes (Unicode table 3-7)."""
    lead = _byte(at)
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
    if at + length > end or _byte(at + 1) < low or _byte(at + 1) > high:
        return _REFUSED
    for byte in range(at + 2, at + length):
        if _byte(byte) < 0x80 or _byte(byte) > 0xBF:
            return _REFUSED
    return at + length


@lean
def _characters(at: int, end: int) -> int:
    """Return the position after all consecutive non-ASCII characters."""
    while at < end and _byte(at) >= 0x80:
        at = _character(at, end)
        if at == _REFUSED:
            break
    return at


@inlined
def _unit(at: int, end: int) -> int:
    """Return the number in an escape of `_ESCAPE_BYTES`, or `_REFUSED`."""
    if at + _ESCAPE_BYTES > end or _byte(at) != _BACKSLASH or _byte(at + 1) != ord("u"):
        return _REFUSED
    high: Any = _HEX[_byte(at + 2)] << 4 | _HEX[_byte(at + 3)]
    low: Any = _HEX[_byte(at + 4)] << 4 | _HEX[_byte(at + 5)]
    return high << 8 | low if high | low >= 0 else _REFUSED


@lean
def _escapes(at: int, end: int) -> int:
    """Return the position after all consecutive escapes; an unpaired surrogate is refused."""
    while at < end and _byte(at) == _BACKSLASH:
        if at + 2 <= end and _ESCAPES[_byte(at + 1)]:
            at += 2
            continue
        unit = _unit(at, end)
        if unit == _REFUSED or 0xDC00 <= unit <= 0xDFFF:
            return _REFUSED
        at += _ESCAPE_BYTES
        if 0xD800 <= unit <= 0xDBFF:
            unit = _unit(at, end)
            if unit < 0xDC00 or unit > 0xDFFF:
                return _REFUSED
            at += _ESCAPE_BYTES
    return at


@inlined
def _string(at: int, end: int, limit: int) -> tuple[int, int, int, bool]:
    """Return start and length of a raw string, the position after its closing quote, and whether it has escapes."""
    has_escapes = False
    if at >= end or _byte(at) != _QUOTE:
        return 0, 0, _REFUSED, has_escapes
    at += 1
    start = at
    while at < end:
        if at + BLOCK <= limit:
            plain = _plain(at)
            at += plain
            if plain == BLOCK:
                continue
            if at >= end:
                break
        byte = _byte(at)
        if byte == _QUOTE:
            return start, at - start, at + 1, has_escapes
        if _PLAIN[byte]:
            at += 1
        elif byte >= 0x80:
            at = _characters(at, end)
        elif byte == _BACKSLASH:
            has_escapes = True
            at = _escapes(at, end)
        else:
            break
        if at == _REFUSED:
            break
    return 0, 0, _REFUSED, has_escapes


@inlined
def _put_character(target: int, code: int) -> int:
    """Write a character as UTF-8; return the number of its bytes."""
    if code < 0x80:
        _put(target, code)
        return 1
    if code < 0x800:
        more = 1
        _put(target, 0xC0 | code >> 6)
    elif code < 0x10000:
        more = 2
        _put(target, 0xE0 | code >> 12)
    else:
        more = 3
        _put(target, 0xF0 | code >> 18)
    for place in range(more):
        _put(target + 1 + place, 0x80 | code >> 6 * (more - 1 - place) & 0x3F)
    return 1 + more


@lean
def _unescaped(start: int, length: int, limit: int, target: int) -> int:
    """Write a string that `_string` has read, unescaped; return its length.

    Up to one block more than the string may be written.
    """
    at, end, first = start, start + length, target
    while at < end:
        if at + BLOCK <= limit:
            plain = min(_copied(at, target), end - at)
            at += plain
            target += plain
            if plain == BLOCK:
                continue
        while at < end and _byte(at) == _BACKSLASH:
            if _byte(at + 1) != ord("u"):
                _put(target, _ESCAPES[_byte(at + 1)])
                at += 2
                target += 1
                continue
            code = _unit(at, end)
            at += _ESCAPE_BYTES
            if 0xD800 <= code <= 0xDBFF:
                code = 0x10000 + ((code - 0xD800) << 10) + _unit(at, end) - 0xDC00
                at += _ESCAPE_BYTES
            target += _put_character(target, code)
        if at < end and at + BLOCK > limit:
            _put(target, _byte(at))
            at += 1
            target += 1
    return target - first


@inlined
def _number(at: int, end: int) -> tuple[int, int]:
    """Return a non-negative whole number, and the position after it."""
    start = at
    value: Any = 0
    while at < end and ord("0") <= _byte(at) <= ord("9"):
        value = value * 10 + _byte(at) - 48
        at += 1
        if at - start > _MOST_DIGITS:
            return 0, _REFUSED
    if at == start or (_byte(start) == ord("0") and at > start + 1):
        return 0, _REFUSED
    if at < end and (_byte(at) == ord(".") or _byte(at) == ord("e") or _byte(at) == ord("E")):
        return 0, _REFUSED
    return value, at


@inlined
def _word(at: int, end: int) -> tuple[int, int]:
    """Return the position after true, false or null, and its kind."""
    if at + 4 <= end:
        word = _four(at)
        if word == _WORD_NULL:
            return at + 4, NULL
        if word == _WORD_TRUE:
            return at + 4, BOOLEAN
        if at + 5 <= end and _byte(at) == ord("f") and _four(at + 1) == _WORD_ALSE:
            return at + 5, BOOLEAN
    return _REFUSED, NULL


@inlined
def _digits_end(at: int, end: int) -> int:
    """Return the position after all consecutive digits."""
    while at < end and ord("0") <= _byte(at) <= ord("9"):
        at += 1
    return at


@lean
def _numeral(at: int, end: int) -> tuple[int, int]:
    """Return the position after a number of any form, and its kind."""
    refused = (_REFUSED, INTEGER)
    start, kind = at, INTEGER
    if _byte(at) == ord("-"):
        at += 1
    first = at
    at = _digits_end(at, end)
    # Minus zero is no integer to some.
    if at == first or (_byte(first) == ord("0") and (at > first + 1)):
        return refused
    is_zero = _byte(first) == ord("0")
    if at < end and _byte(at) == ord("."):
        kind = FRACTION
        first = at + 1
        at = _digits_end(first, end)
        if at == first:
            return refused
    if at < end and (_byte(at) == ord("e") or _byte(at) == ord("E")):
        kind = FRACTION
        at += 1
        if at < end and (_byte(at) == ord("+") or _byte(at) == ord("-")):
            at += 1
        first = at
        at = _digits_end(first, end)
        if at == first or at > first + 2:
            return refused
    if at - start > _MOST_CHARACTERS or (is_zero and kind == INTEGER and at > start + 1):
        return refused
    return at, kind


@lean
def _scalar(at: int, end: int, limit: int) -> int:
    """Return the position after a string, a number, true, false or null."""
    if at >= end:
        return _REFUSED
    if _byte(at) == _QUOTE:
        return _string(at, end, limit)[2]
    after, _ = _word(at, end)
    return _numeral(at, end)[0] if after == _REFUSED else after


@inlined
def _pairs(at: int, form: np.uint64, room: np.uint64) -> tuple[np.uint64, bool]:
    """Return, for eight characters, the number of each with the next one, and whether they match the pattern.

    A digit differs from a zero by 0 to 9 in its lowest bits, which leaves the top bit unset when the room is added.
    """
    digits = _eight(at) ^ form
    return digits * np.uint64(10) + (digits >> np.uint64(8)), ((digits + room) | digits) & _TOP_BITS == 0


@inlined
def _pair(pairs: np.uint64, place: int) -> Any:
    """Return the two-digit number at a place."""
    return np.int64(pairs >> np.uint64(8 * place) & np.uint64(0xFF))


@inlined
def _digits(at: int) -> int:
    """Return a two-digit number, or -1."""
    tens, ones = _byte(at) - 48, _byte(at + 1) - 48
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return -1
    return tens * 10 + ones


@lean
def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@lean
def _days(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 in the Gregorian calendar, computed with years that start in March."""
    if month <= 2:
        year -= 1
        month += 12
    of_year = (153 * (month - 3) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - _DAYS_BEFORE_1970


@inlined
def _instant(start: int, length: int) -> tuple[int, bool]:
    """Return microseconds since 1970 UTC of `2026-01-31T12:00:00Z` (up to 6 decimals, or an offset), and validity."""
    refused = (0, False)
    if length < 20:
        return refused
    end = start + length
    years, has_years = _pairs(start, _YEAR, _YEAR_ROOM)
    days, has_days = _pairs(start + 3, _DAY, _DAY_ROOM)
    times, has_times = _pairs(start + 11, _CLOCK, _CLOCK_ROOM)
    if not (has_years and has_days and has_times):
        return refused
    year, month, day = _pair(years, 0) * 100 + _pair(years, 2), _pair(days, 2), _pair(days, 5)
    hour, minute, second = _pair(times, 0), _pair(times, 3), _pair(times, 6)
    if year < _YEARS[0] or year > _YEARS[1] or month < 1 or month > 12 or day < 1 or day > _days_in(year, month):
        return refused
    if hour > 23 or minute > 59 or second > 59:
        return refused
    at = start + 19
    fraction = 0
    if _byte(at) == ord("."):
        at += 1
        scale = _MICROSECONDS
        while at < end and ord("0") <= _byte(at) <= ord("9"):
            if scale == 1:
                return refused
            fraction = fraction * 10 + _byte(at) - 48
            scale //= 10
            at += 1
        if scale == _MICROSECONDS:
            return refused
        fraction *= scale
    if at == end:
        return refused
    shift = 0
    if _byte(at) == ord("+") or _byte(at) == ord("-"):
        if end - at != 6 or _byte(at + 3) != ord(":"):
            return refused
        hours, minutes = _digits(at + 1), _digits(at + 4)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return refused
        shift = hours * 60 + minutes
        if _byte(at) == ord("-"):
            shift = -shift
    elif _byte(at) != ord("Z") or at + 1 != end:
        return refused
    seconds = _days(year, month, day) * 86_400 + hour * 3_600 + (minute - shift) * 60 + second
    return seconds * _MICROSECONDS + fraction, True


@inlined
def _same(at: int, other: int, length: int) -> bool:
    """Return whether the bytes at two addresses are equal; the last words may overlap the previous ones."""
    if length >= 8:
        last = length - 8
        byte = 0
        while byte < last:
            if _eight(at + byte) != _eight(other + byte):
                return False
            byte += 8
        return _eight(at + last) == _eight(other + last)
    if length >= 4:
        return _four(at) == _four(other) and _four(at + length - 4) == _four(other + length - 4)
    for byte in range(length):  # noqa: SIM110 - compiled
        if _byte(at + byte) != _byte(other + byte):
            return False
    return True


@inlined
def _field(at: int, length: int, scope: int, guess: int, fields: Any, text: int) -> int:
    """Return the field of a name, or -1; the search starts with the guess."""
    count = len(fields)
    for step in range(count):
        number = guess + step
        if number >= count:
            number -= count
        field = fields[number]
        if field.name_length == length and field.scope == scope and _same(at, text + field.name, length):
            return number
    return -1


@inlined
def _is_key(start: int, length: int) -> bool:
    colon = start
    while colon < start + length and _IN_KEY[_byte(colon)]:
        colon += 1
    return start < colon < start + length - 1 and _byte(colon) == _COLON


@inlined
def _is_letters(start: int, length: int) -> bool:
    if length != 3:
        return False
    for at in range(start, start + 3):  # noqa: SIM110 - compiled
        if _byte(at) < ord("A") or _byte(at) > ord("Z"):
            return False
    return True


@inlined
def _is_string_of(start: int, length: int, field: Any, options: NDArray[np.int32], text: int) -> bool:
    if field.kind == CHOICE:
        for number in range(field.options, field.options + field.option_count):
            if options[number, 1] == length and _same(start, text + options[number, 0], length):
                return True
        return False
    # The contract counts characters, which are at most as many as bytes.
    if length < field.least or length > field.most or field.least > 1:
        return False
    if field.kind == KEY:
        return _is_key(start, length)
    if field.kind == LETTERS:
        return _is_letters(start, length)
    return field.kind == TEXT


@inlined
def _write_view(start: int, length: int, buffer: int, base: int, view: NDArray[np.uint64]) -> None:
    """Write a view: the length, then a short string, or a long one's first 4 bytes, buffer and start in the buffer.

    Short strings are read up to their end, together with the `VIEW_ROOM` bytes before them.
    """
    low = np.uint64(length)
    high = np.uint64(0)
    if length > INLINE_BYTES:
        low |= _four(start) << np.uint64(32)
        high = np.uint64(buffer) | np.uint64(start - base) << np.uint64(32)
    else:
        first = min(length, 4)
        low |= _four(start + first - 4) >> np.uint64(8 * (4 - first)) << np.uint64(32)
        if length > 4:
            high = _eight(start + length - 8) >> np.uint64(8 * (INLINE_BYTES - length))
    view[0] = low
    view[1] = high


@inlined
def _object(
    at: int,
    end: int,
    limit: int,
    base: int,
    buffer: int,
    row: int,
    fields: Any,
    options: NDArray[np.int32],
    text: int,
    expected: NDArray[np.intp],
    required: np.uint64,
    views: NDArray[np.uint64],
    numbers: NDArray[np.int64],
    present: NDArray[np.uint8],
) -> bool:
    """Read the value in `[at, end)` to a row; False: refused, and the row is undefined."""
    at = _space(at, end)
    if at == end or _byte(at) != _OPEN:
        return False
    at = _space(at + 1, end)
    seen = np.uint64(0)
    scope = 0
    last = 0
    is_first = True
    while at < end:
        if not is_first or _byte(at) != _CLOSE:
            found = expected[np.uintp(last)]
            field = fields[np.uintp(found)]
            length = field.name_length + NAME_MARKS
            if field.scope == scope and at + length <= end and _same(at, text + field.name - 1, length):
                at += length
            else:
                start, length, at, has_escapes = _string(at, end, limit)
                if at == _REFUSED or has_escapes:
                    return False
                found = _field(start, length, scope, last, fields, text)
                at = _space(at, end)
                if at == end or _byte(at) != _COLON:
                    return False
                at += 1
                if found >= 0:
                    expected[np.uintp(last)] = found
            at = _space(at, end)
            if at == end:
                return False
            is_first = False
            if found < 0:
                at = _scalar(at, end, limit)
            else:
                last = found + 1
                bit = np.uint64(1) << np.uint64(found)
                if seen & bit:
                    return False
                seen |= bit
                field = fields[np.uintp(found)]
                if _byte(at) == _NULL:
                    if not field.nullable:
                        return False
                    at = _scalar(at, end, limit)
                elif field.kind == STRUCT:
                    if _byte(at) != _OPEN:
                        return False
                    scope = 1
                    is_first = True
                    at = _space(at + 1, end)
                    continue
                else:
                    if field.kind == NUMBER:
                        value, at = _number(at, end)
                        if value < field.least or value > field.most:
                            return False
                        numbers[np.uintp(found), np.uintp(row)] = value
                    else:
                        start, length, at, has_escapes = _string(at, end, limit)
                        if at == _REFUSED or has_escapes:
                            return False
                        if field.kind == INSTANT:
                            value, is_known = _instant(start, length)
                            if not is_known:
                                return False
                            numbers[np.uintp(found), np.uintp(row)] = value
                        else:
                            if not _is_string_of(start, length, field, options, text):
                                return False
                            _write_view(start, length, buffer, base, views[np.uintp(found), np.uintp(row)])
                    present[np.uintp(found), np.uintp(row >> 3)] |= 1 << (row & 7)
            if at == _REFUSED:
                return False
            at = _space(at, end)
        while at < end and _byte(at) == _CLOSE:
            at = _space(at + 1, end)
            if scope == 0:
                return at == end and seen & required == required
            scope = 0
        if at == end or _byte(at) != _COMMA:
            return False
        at = _space(at + 1, end)
        is_first = False
    return False


@lean
def scan(
    values: NDArray[np.uint32],
    addresses: NDArray[np.int64],
    longest: int,
    fields: Any,
    options: NDArray[np.int32],
    text: int,
    expected: NDArray[np.intp],
    views: NDArray[np.uint64],
    numbers: NDArray[np.int64],
    present: NDArray[np.uint8],
    accepted: NDArray[np.bool_],
) -> None:
    """Read JSON objects into columns.

    Args:
        values: [rows, 4] Arrow's views of the values: length, first bytes, number of the buffer, start.
        addresses: [buffers, 2] start and end of the buffers.
        longest: Bytes; longer values are refused.
        fields: [fields] of `json_table.FIELD`.
        options: See `JsonTable`.
        text: Address of the text of the `JsonTable`.
        expected: [fields + 1] the field to try first in an object (at 0) and after each field: the last one found
            there.
        views: [fields, rows, `VIEW_WORDS`] zeros; filled with Arrow's views into the buffers for strings.
        numbers: [fields, rows] filled with integers, and times as microseconds since 1970 UTC.
        present: [fields, rows / 8] zeros; bits are set for fields with a value.
        accepted: [rows] set for values that were read.
    """
    required = np.uint64(0)
    for number in range(len(fields)):
        required |= np.uint64(fields[number].required) << np.uint64(number)
    for row in range(len(values)):
        length = np.int64(values[row, 0])
        if length > INLINE_BYTES and length <= longest:
            buffer = np.int64(values[row, 2])
            base, limit = addresses[buffer, 0], addresses[buffer, 1]
            at = base + np.int64(values[row, 3])
            accepted[row] = _object(
                at,
                at + length,
                limit,
                base,
                buffer,
                row,
                fields,
                options,
                text,
                expected,
                required,
                views,
                numbers,
                present,
            )


@inlined
def _child(start: int, length: int, parent: int, nodes: Any, firsts: NDArray[np.int32], text: int) -> int:
    """Return the node of a name in an object, or -1."""
    bucket = min(length, LONGEST_NAME)
    for node in range(firsts[np.uintp(parent), np.uintp(bucket)], firsts[np.uintp(parent), np.uintp(bucket + 1)]):
        named = nodes[np.uintp(node)]
        if named.name_length == length and _same(start, text + named.name, length):
            return node
    return -1


@inlined
def _walk(
    at: int,
    end: int,
    limit: int,
    base: int,
    buffer: int,
    top_row: int,
    nodes: Any,
    firsts: NDArray[np.int32],
    text: int,
    levels: Any,
    frames: NDArray[np.int64],
    seen: NDArray[np.int64],
    side: NDArray[np.int64],
    views: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
    places: NDArray[np.uint32],
    only_objects: bool,
) -> int:
    """Read the value in `[at, end)` to a row of the top level and to rows of lists; return a code if it is not read."""
    node, row, depth = 0, top_row, 0
    # The open container: its node, its row, whether it is an object, and its number or that of its next element.
    container, container_row, is_object, mark = -1, 0, False, np.int64(0)
    at = _space(at, end)
    if only_objects and at < end and _byte(at) != _OPEN:
        return REFUSED
    while at < end:
        # A value of `node` in `row` begins here.
        byte = _byte(at)
        start, length, has_escapes, opens = at, 0, False, False
        if byte == _QUOTE:
            start, length, at, has_escapes = _string(at, end, limit)
            kind = STRING
        elif byte in (_OPEN, _OPEN_LIST):
            kind = OBJECT if byte == _OPEN else LIST
            at = _space(at + 1, end)
            opens = at >= end or _byte(at) != (_CLOSE if byte == _OPEN else _CLOSE_LIST)
            if not opens:
                at += 1
        else:
            at, kind = _word(at, end)
            if at == _REFUSED:
                at, kind = _numeral(start, end)
            length = at - start
        if at == _REFUSED:
            return REFUSED
        if node >= 0 and nodes[np.uintp(node)].column >= 0:
            place = nodes[np.uintp(node)].column + row
            kinds[np.uintp(place)] = kind
            if kind >= STRING and kind <= BOOLEAN:
                if has_escapes:
                    target = side[1]
                    length = _unescaped(start, length, limit, target)
                    _write_view(target, length, side[2], side[0], views[np.uintp(place)])
                    side[1] = target + length
                elif start < base + VIEW_ROOM:
                    return REFUSED
                else:
                    _write_view(start, length, buffer, base, views[np.uintp(place)])
        if opens:
            if depth == MAX_DEPTH:
                return REFUSED
            frame = frames[np.uintp(depth)]
            frame[0], frame[1], frame[2], frame[3] = container, container_row, is_object, mark
            depth += 1
            container, container_row, is_object, mark = -1, row, kind == OBJECT, 0
            if node >= 0 and is_object and nodes[np.uintp(node)].has_children:
                container = node
                side[3] += 1
                mark = side[3]
            elif node >= 0 and not is_object:
                container = nodes[np.uintp(node)].element
        else:
            while True:
                at = _space(at, end)
                if depth == 0:
                    return ACCEPTED if at == end else REFUSED
                if at >= end:
                    return REFUSED
                byte = _byte(at)
                at = _space(at + 1, end)
                if byte == _COMMA:
                    break
                if byte != (_CLOSE if is_object else _CLOSE_LIST):
                    return REFUSED
                depth -= 1
                frame = frames[np.uintp(depth)]
                container, container_row, is_object, mark = frame[0], frame[1], frame[2] != 0, frame[3]
        node, row = container, container_row
        if is_object:
            start, length, at, has_escapes = _string(at, end, limit)
            if at == _REFUSED:
                return REFUSED
            if container >= 0:
                if has_escapes:
                    length = _unescaped(start, length, limit, side[1])
                    start = side[1]
                node = _child(start, length, container, nodes, firsts, text)
                if node >= 0:
                    if seen[np.uintp(node)] == mark:
                        return REFUSED
                    seen[np.uintp(node)] = mark
            at = _space(at, end)
            if at >= end or _byte(at) != _COLON:
                return REFUSED
            at = _space(at + 1, end)
        elif node >= 0:
            level = levels[np.uintp(nodes[np.uintp(node)].level)]
            row = level.count
            if row == level.room:
                return FULL
            level.count = row + 1
            places[np.uintp(level.first + row), 0] = container_row
            places[np.uintp(level.first + row), 1] = mark
            mark += 1
    return REFUSED


@inlined
def _located(
    values: NDArray[np.uint32], values_at: int, addresses: NDArray[np.int64], row: int
) -> tuple[int, int, int, int]:
    """Return the position of a value, and number, start and end of its buffer; a short one stands in its view."""
    buffer: Any = np.int64(0)
    if values[row, 0] > INLINE_BYTES:
        buffer = np.int64(values[row, 2])
        base: Any = addresses[buffer, 0]
        return base + np.int64(values[row, 3]), buffer, base, addresses[buffer, 1]
    return values_at + 16 * row + 4, buffer, values_at, values_at + 16 * len(values)


@inlined
def _keep(levels: Any) -> None:
    """Keep the rows of lists that were read so far, whatever becomes of the next value."""
    for number in range(1, len(levels)):
        levels[number].kept = levels[number].count


@inlined
def _forget(levels: Any, kinds: NDArray[np.uint8]) -> None:
    """Take back the rows of lists of a value that was not read."""
    for number in range(1, len(levels)):
        level = levels[number]
        for column in range(level.fields):
            start = level.column + column * level.room
            kinds[start + level.kept : start + level.count] = 0
        level.count = level.kept


@lean
def scan_paths(
    values: NDArray[np.uint32],
    values_at: int,
    addresses: NDArray[np.int64],
    longest: int,
    nodes: Any,
    firsts: NDArray[np.int32],
    text: int,
    levels: Any,
    frames: NDArray[np.int64],
    seen: NDArray[np.int64],
    side: NDArray[np.int64],
    views: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
    places: NDArray[np.uint32],
    accepted: NDArray[np.bool_],
    only_objects: bool,
) -> int:
    """Read JSON of any form into the levels of a `PathTable`.

    Args:
        values: [rows, 4] Arrow's views of the values: length, first bytes, number of the buffer, start.
        values_at: Address of `values`.
        addresses: [buffers, 2] start and end of the buffers.
        longest: Bytes; longer values are refused.
        nodes: [nodes] of `json_paths.NODE`; `column` is the start of its kinds and views, or -1.
        firsts: See `PathTable`.
        text: Address of the text of the `PathTable`.
        levels: [levels] of `json_paths.LEVEL`; `count` grows by the rows that were read.
        frames: [`MAX_DEPTH`, 4] working memory for open containers.
        seen: [nodes] zeros.
        side: Buffer for unescaped strings: address of the buffer, of its unused part, its number, and the number of
            objects read.
        views: [all fields' rows, `VIEW_WORDS`] zeros; filled with Arrow's views of the scalars' text.
        kinds: [all fields' rows] zeros; filled with the kinds.
        places: [all lists' rows, 2] filled with the row of the value, and the position in the list.
        accepted: [rows] set for values that were read.
        only_objects: Whether to refuse values that are not objects.

    Returns:
        The number of values processed: less than all if one has more elements than there is room for.
    """
    for row in range(len(values)):
        length = np.int64(values[row, 0])
        if length > longest:
            continue
        at, buffer, base, limit = _located(values, values_at, addresses, row)
        _keep(levels)
        found = _walk(
            at,
            at + length,
            limit,
            base,
            buffer,
            row,
            nodes,
            firsts,
            text,
            levels,
            frames,
            seen,
            side,
            views,
            kinds,
            places,
            only_objects,
        )
        accepted[row] = found == ACCEPTED
        if found != ACCEPTED:
            _forget(levels, kinds)
        if found == FULL:
            return row
    return len(values)


_BEGINS_NAME = np.zeros(256, np.bool_)
_BEGINS_NAME[list(string.ascii_letters.encode() + b"_")] = True
_IN_NAME = _BEGINS_NAME.copy()
_IN_NAME[list(string.digits.encode() + b".-")] = True
"""ASCII bytes of names of XML; those with a colon are of a name space, and are refused."""

_MAY_BE_MARKUP = _BEGINS_NAME.copy()
_MAY_BE_MARKUP[list(b":?!")] = True
_MAY_BE_MARKUP[128:] = True
"""Bytes after `<` of what may be XML."""

_XML, _XML_VERSION = (np.uint64(int.from_bytes(part, "little")) for part in (b"<?xml ve", b'rsion="1'))
_XML_END = np.uint64(int.from_bytes(b'.0"', "little"))
_XML_ENCODING = np.uint64(int.from_bytes(b" encodin", "little"))
_SECTION = np.uint64(int.from_bytes(b"<![CDATA", "little"))
_WORD_XMLN = np.uint64(int.from_bytes(b"xmln", "little"))
_WORD_AMP = np.uint64(int.from_bytes(b"amp;", "little"))
_WORD_APOS = np.uint64(int.from_bytes(b"apos", "little"))
_WORD_QUOT = np.uint64(int.from_bytes(b"quot", "little"))

_MOST_REFERENCE_DIGITS: Final = 7

_ATTRIBUTES: Final = 1
_CHILDREN: Final = 2
"""Bits: what an open element of XML has had so far."""


@inlined
def _name_end(at: int, end: int) -> int:
    """Return the position after a name of ASCII without a colon; `at` itself: there is none."""
    if at < end and _BEGINS_NAME[_byte(at)]:
        at += 1
        while at < end and _IN_NAME[_byte(at)]:
            at += 1
    return at


@lean
def _declaration(at: int, end: int) -> int:
    """Return the position after a declaration of XML 1.0, if there is one. Strings are UTF-8 whatever it says."""
    if _byte(at + 1) != _QUESTION:
        return at
    if at + 20 > end or _eight(at) != _XML or _eight(at + 8) != _XML_VERSION or _four(at + 16) & 0xFFFFFF != _XML_END:
        return _REFUSED
    at += 19
    if at + 11 <= end and _eight(at) == _XML_ENCODING and _byte(at + 8) == ord("g"):
        if _byte(at + 9) != _EQUAL or _byte(at + 10) != _QUOTE:
            return _REFUSED
        start = at + 11
        at = _name_end(start, end)
        if at == start or _byte(start) == ord("_") or at >= end or _byte(at) != _QUOTE:
            return _REFUSED
        at += 1
    at = _space(at, end)
    if at + 2 > end or _byte(at) != _QUESTION or _byte(at + 1) != _GREATER:
        return _REFUSED
    return _space(at + 2, end)


@lean
def _reference(at: int, end: int) -> tuple[int, int]:
    """Return the character of a predefined or numeric reference such as `&lt;`, and the position after it."""
    refused = (0, _REFUSED)
    at += 1
    if at + 3 > end:
        return refused
    if _byte(at) == _NUMBER_SIGN:
        at += 1
        base = 10
        if _byte(at) == ord("x"):
            base = 16
            at += 1
        start = at
        code: Any = 0
        while at < end and at - start < _MOST_REFERENCE_DIGITS and 0 <= _HEX[_byte(at)] < base:
            code = code * base + _HEX[_byte(at)]
            at += 1
        if at == start or at >= end or _byte(at) != _SEMICOLON:
            return refused
        is_space = code in (9, 10, 13)
        if not (is_space or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF):
            return refused
        return code, at + 1
    if _byte(at + 1) == ord("t") and _byte(at + 2) == _SEMICOLON:
        if _byte(at) == ord("l"):
            return _LESS, at + 3
        if _byte(at) == ord("g"):
            return _GREATER, at + 3
    if at + 4 <= end and _four(at) == _WORD_AMP:
        return _AMPERSAND, at + 4
    if at + 5 <= end and _byte(at + 4) == _SEMICOLON:
        if _four(at) == _WORD_APOS:
            return _APOSTROPHE, at + 5
        if _four(at) == _WORD_QUOT:
            return _QUOTE, at + 5
    return refused


@inlined
def _closes_section(at: int) -> bool:
    return _byte(at + 1) == _CLOSE_LIST and _byte(at + 2) == _GREATER


@inlined
def _until(at: int, end: int, limit: int, mark: int) -> tuple[int, bool]:
    """Return the position of the next mark, `<` or a quote, and whether references come before it.

    Refused are characters that XML does not have or turns into others, and `]]>` outside a quote.
    """
    has_references = False
    while at < end:
        if at + BLOCK <= limit:
            plain = _plain_in_xml(at)
            at += plain
            if plain == BLOCK:
                continue
            if at >= end:
                break
        byte = _byte(at)
        if byte == mark:
            return at, has_references
        if byte >= 0x80:
            # U+FFFE and U+FFFF; the text is UTF-8.
            if byte == 0xEF and at + 2 < end and _byte(at + 1) == 0xBF and _byte(at + 2) > 0xBD:
                break
            at += 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
        elif byte == _AMPERSAND:
            has_references = True
            at = _reference(at, end)[1]
            if at == _REFUSED:
                break
        elif byte == _CLOSE_LIST:
            if mark == _LESS and at + 2 < end and _closes_section(at):
                break
            at += 1
        elif byte == _LESS or (byte < 32 and (mark != _LESS or (byte != 10 and byte != 9))):
            break
        else:
            at += 1
    return _REFUSED, has_references


@lean
def _section_end(at: int, end: int) -> int:
    """Return the position of the `]]>` that ends a section."""
    while at + 3 <= end:
        byte = _byte(at)
        if byte == _CLOSE_LIST and _closes_section(at):
            return at
        if byte < 32 and byte != 10 and byte != 9:
            break
        if byte == 0xEF and _byte(at + 1) == 0xBF and _byte(at + 2) > 0xBD:
            break
        at += 1
    return _REFUSED


@lean
def _copy(start: int, length: int, has_references: bool, target: int) -> int:
    """Write a text with characters in place of its references; return the position after it."""
    at, end = start, start + length
    while at < end:
        if has_references and _byte(at) == _AMPERSAND:
            code, at = _reference(at, end)
            target += _put_character(target, code)
        else:
            _put(target, _byte(at))
            at += 1
            target += 1
    return target


@inlined
def _is_space(byte: int) -> bool:
    return byte == 32 or byte == 10 or byte == 13 or byte == 9


@lean
def _is_wide_space(at: int, length: int) -> bool:
    """Return whether a character of so many bytes is white space beyond ASCII."""
    first, second = _byte(at), _byte(at + 1)
    if length == 2:
        return first == 0xC2 and (second == 0x85 or second == 0xA0)
    third = _byte(at + 2)
    if first == 0xE2:
        if second == 0x80:
            return third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF
        return second == 0x81 and third == 0x9F
    return (first == 0xE1 and second == 0x9A and third == 0x80) or (first == 0xE3 and second == 0x80 and third == 0x80)


@lean
def _stripped(start: int, length: int) -> tuple[int, int]:
    """Return start and length of a text without the ASCII white space around it.

    The length is `_REFUSED` if the rest begins or ends with white space beyond ASCII.
    """
    end = start + length
    while start < end and _is_space(_byte(start)):
        start += 1
    while start < end and _is_space(_byte(end - 1)):
        end -= 1
    for size in (2, 3):
        if start + size <= end and (_is_wide_space(start, size) or _is_wide_space(end - size, size)):
            return start, _REFUSED
    return start, end - start


@inlined
def _marked_child(
    mark: int, start: int, length: int, parent: int, nodes: Any, firsts: NDArray[np.int32], text: int
) -> int:
    """Return the node of a name after a mark, `@` or `#`, in an element; or -1."""
    bucket = min(length + 1, LONGEST_NAME)
    for node in range(firsts[np.uintp(parent), np.uintp(bucket)], firsts[np.uintp(parent), np.uintp(bucket + 1)]):
        named = nodes[np.uintp(node)]
        is_marked = named.name_length == length + 1 and _byte(text + named.name) == mark
        if is_marked and _same(start, text + named.name + 1, length):
            return node
    return -1


@inlined
def _put_text(
    place: int,
    start: int,
    length: int,
    buffer: int,
    base: int,
    views: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
) -> bool:
    """Write a text to its place; False: nothing may be read before it."""
    if start < base + VIEW_ROOM:
        return False
    kinds[np.uintp(place)] = STRING
    _write_view(start, length, buffer, base, views[np.uintp(place)])
    return True


@inlined
def _attributes(
    at: int,
    end: int,
    limit: int,
    base: int,
    buffer: int,
    node: int,
    row: int,
    nodes: Any,
    firsts: NDArray[np.int32],
    names: int,
    known: NDArray[np.int64],
    side: NDArray[np.int64],
    views: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
) -> tuple[int, int, bool]:
    """Read the attributes of an element; return the position after its tag, their number, and whether it ends there."""
    refused = (_REFUSED, 0, False)
    count = 0
    while True:
        start = _space(at, end)
        if start >= end:
            return refused
        if _byte(start) == _GREATER:
            return start + 1, count, False
        if _byte(start) == _SLASH:
            return (start + 2, count, True) if start + 1 < end and _byte(start + 1) == _GREATER else refused
        if start == at or count == MOST_ATTRIBUTES:
            return refused
        at = _name_end(start, end)
        length = at - start
        # What declares a name space is no attribute.
        if length == 0 or (length == 5 and _four(start) == _WORD_XMLN and _byte(start + 4) == ord("s")):
            return refused
        for number in range(count):
            if known[number, 1] == length and _same(start, known[number, 0], length):
                return refused
        known[count, 0] = start
        known[count, 1] = length
        count += 1
        at = _space(at, end)
        if at >= end or _byte(at) != _EQUAL:
            return refused
        at = _space(at + 1, end)
        if at >= end or (_byte(at) != _QUOTE and _byte(at) != _APOSTROPHE):
            return refused
        value = at + 1
        at, has_references = _until(value, end, limit, _byte(at))
        if at == _REFUSED:
            return refused
        child = -1
        if node >= 0 and nodes[np.uintp(node)].has_children:
            child = _marked_child(_AT, start, length, node, nodes, firsts, names)
        if child >= 0:
            found = nodes[np.uintp(child)]
            if found.element >= 0:
                return refused
            if found.column >= 0:
                length = at - value
                if has_references:
                    start = side[1]
                    side[1] = _copy(value, length, True, start)
                    _put_text(found.column + row, start, side[1] - start, side[2], side[0], views, kinds)
                elif not _put_text(found.column + row, value, length, buffer, base, views, kinds):
                    return refused
        at += 1


@inlined
def _put_element(
    node: int,
    row: int,
    also: int,
    had: int,
    start: int,
    length: int,
    buffer: int,
    base: int,
    nodes: Any,
    firsts: NDArray[np.int32],
    names: int,
    views: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
) -> bool:
    """Write the value of an element: its text, or an object if it `had` attributes or children; False: refused."""
    place = nodes[np.uintp(node)].column
    if place >= 0:
        place += row
    if had != 0:
        if place >= 0:
            kinds[np.uintp(place)] = OBJECT
        if also >= 0:
            kinds[np.uintp(also)] = OBJECT
        place, also = -1, -1
        if nodes[np.uintp(node)].has_children:
            child = _marked_child(_NUMBER_SIGN, start, 0, node, nodes, firsts, names)
            if child >= 0:
                if nodes[np.uintp(child)].element >= 0:
                    return False
                place = nodes[np.uintp(child)].column
                if place >= 0:
                    place += row
    if place < 0 and also < 0:
        return True
    start, length = _stripped(start, length)
    if length == _REFUSED:
        return False
    # An empty text beside attributes or children is none.
    if had != 0 and length == 0:
        return True
    if also >= 0 and not _put_text(also, start, length, buffer, base, views, kinds):
        return False
    return place < 0 or _put_text(place, start, length, buffer, base, views, kinds)


@inlined
def _xml(
    at: int,
    end: int,
    limit: int,
    base: int,
    buffer: int,
    top_row: int,
    nodes: Any,
    firsts: NDArray[np.int32],
    names: int,
    levels: Any,
    frames: NDArray[np.int64],
    seen: NDArray[np.int64],
    known: NDArray[np.int64],
    side: NDArray[np.int64],
    views: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
    places: NDArray[np.uint32],
) -> int:
    """Read the document in `[at, end)` to a row of the top level and to rows of lists; return a code if it is not."""
    while at < end and _byte(at) != _LESS:
        at += 1
    if at + 1 >= end or not _MAY_BE_MARKUP[_byte(at + 1)]:
        return NO_DOCUMENT
    at = _declaration(at, end)
    if at == _REFUSED:
        return REFUSED
    # The open element: its node and row, another place of its value, the number that its children are marked by, what
    # it has had, its name, and its text before the first child, which may be a copy.
    node, row, also, mark, had = -1, 0, -1, np.int64(0), 0
    name, name_length, start, length, is_copy = at, 0, at, 0, 0
    depth = 0
    while at + 1 < end:
        piece, piece_length, has_references, closes = at, 0, False, False
        if _byte(at) != _LESS:
            if depth == 0:
                return REFUSED
            at, has_references = _until(piece, end, limit, _LESS)
            if at == _REFUSED:
                return REFUSED
            piece_length = at - piece
        elif _byte(at + 1) == _EXCLAMATION:
            if depth == 0 or at + 9 > end or _eight(at) != _SECTION or _byte(at + 8) != _OPEN_LIST:
                return REFUSED
            piece = at + 9
            at = _section_end(piece, end)
            if at == _REFUSED:
                return REFUSED
            piece_length = at - piece
            at += 3
        elif _byte(at + 1) == _SLASH:
            at += 2
            if depth == 0 or at + name_length > end or not _same(at, name, name_length):
                return REFUSED
            at = _space(at + name_length, end)
            if at >= end or _byte(at) != _GREATER:
                return REFUSED
            at += 1
            closes = True
        else:
            begin = at + 1
            at = _name_end(begin, end)
            size = at - begin
            if size == 0 or depth == MAX_DEPTH:
                return REFUSED
            child, child_row, is_repeated, number = 0, top_row, False, np.int64(0)
            if depth > 0:
                child, child_row = -1, row
                if node >= 0 and nodes[np.uintp(node)].has_children:
                    child = _child(begin, size, node, nodes, firsts, names)
                if child >= 0:
                    is_repeated = seen[np.uintp(child), 0] == mark
                    number = seen[np.uintp(child), 1] + 1 if is_repeated else np.int64(0)
                    seen[np.uintp(child), 0] = mark
                    seen[np.uintp(child), 1] = number
                frame = frames[np.uintp(depth)]
                frame[0], frame[1], frame[2], frame[3], frame[4] = node, row, also, mark, had | _CHILDREN
                frame[5], frame[6], frame[7], frame[8], frame[9] = name, name_length, start, length, is_copy
            depth += 1
            node, row, also, mark, had = child, child_row, -1, np.int64(0), 0
            name, name_length, start, length, is_copy = begin, size, at, 0, 0
            if child >= 0:
                found = nodes[np.uintp(child)]
                if found.has_children and (is_repeated or found.element >= 0):
                    return REFUSED
                if found.column >= 0 and is_repeated:
                    kinds[np.uintp(found.column + child_row)] = LIST
                if found.element >= 0:
                    if found.column >= 0 and not is_repeated:
                        also = found.column + child_row
                    node = found.element
                    level = levels[np.uintp(nodes[np.uintp(node)].level)]
                    row = level.count
                    if row == level.room:
                        return FULL
                    level.count = row + 1
                    places[np.uintp(level.first + row), 0] = child_row
                    places[np.uintp(level.first + row), 1] = number
                elif is_repeated:
                    node = -1
                side[3] += 1
                mark = side[3]
            at, count, closes = _attributes(
                at, end, limit, base, buffer, node, row, nodes, firsts, names, known, side, views, kinds
            )
            if at == _REFUSED:
                return REFUSED
            if count > 0:
                had = _ATTRIBUTES
        if closes:
            if node >= 0:
                of, since = (side[2], side[0]) if is_copy else (buffer, base)
                if not _put_element(node, row, also, had, start, length, of, since, nodes, firsts, names, views, kinds):
                    return REFUSED
            depth -= 1
            if depth == 0:
                return ACCEPTED if _space(at, end) == end else REFUSED
            frame = frames[np.uintp(depth)]
            node, row, also, mark, had = frame[0], frame[1], frame[2], frame[3], frame[4]
            name, name_length, start, length, is_copy = frame[5], frame[6], frame[7], frame[8], frame[9]
        elif piece_length > 0 and node >= 0 and had & _CHILDREN == 0:
            if length == 0 and not has_references:
                start, length, is_copy = piece, piece_length, 0
            else:
                if not is_copy:
                    begin = side[1]
                    side[1] = _copy(start, length, False, begin)
                    start, is_copy = begin, 1
                side[1] = _copy(piece, piece_length, has_references, side[1])
                length = side[1] - start
    return REFUSED


@lean
def scan_xml(
    values: NDArray[np.uint32],
    values_at: int,
    addresses: NDArray[np.int64],
    longest: int,
    nodes: Any,
    firsts: NDArray[np.int32],
    text: int,
    levels: Any,
    frames: NDArray[np.int64],
    seen: NDArray[np.int64],
    known: NDArray[np.int64],
    side: NDArray[np.int64],
    views: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
    places: NDArray[np.uint32],
    accepted: NDArray[np.bool_],
) -> int:
    """Read XML documents into the levels of a `PathTable`, as `mapping.xml_payload` reads strings.

    What is not said here is as in `scan_paths`.

    Args:
        values: [rows, 4] Arrow's views of the values, which are UTF-8.
        values_at: Address of `values`.
        addresses: [buffers, 2] start and end of the buffers.
        longest: Bytes; longer values are refused.
        nodes: [nodes] of `json_paths.NODE`. Attributes are named `@name`, a text beside attributes or children `#`.
        firsts: See `PathTable`.
        text: Address of the text of the `PathTable`.
        levels: [levels] of `json_paths.LEVEL`.
        frames: [`MAX_DEPTH`, `XML_FRAME`] working memory for open elements.
        seen: [nodes, 2] zeros.
        known: [`MOST_ATTRIBUTES`, 2] working memory for the names of attributes.
        side: Buffer for texts that do not stand in the document as they are.
        views: [all fields' rows, `VIEW_WORDS`] zeros.
        kinds: [all fields' rows] zeros.
        places: [all lists' rows, 2].
        accepted: [rows] set for values that were read, and for those that are surely no documents, whose fields are
            missing.

    Returns:
        The number of values processed.
    """
    for row in range(len(values)):
        length = np.int64(values[row, 0])
        if length > longest:
            continue
        at, buffer, base, limit = _located(values, values_at, addresses, row)
        _keep(levels)
        found = _xml(
            at,
            at + length,
            limit,
            base,
            buffer,
            row,
            nodes,
            firsts,
            text,
            levels,
            frames,
            seen,
            known,
            side,
            views,
            kinds,
            places,
        )
        accepted[row] = found in (ACCEPTED, NO_DOCUMENT)
        if not accepted[row]:
            _forget(levels, kinds)
        if found == FULL:
            return row
    return len(values)
