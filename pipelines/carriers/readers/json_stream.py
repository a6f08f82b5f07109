"""Stream JSON documents of any size: only the wanted parts are in memory, as raw bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec
import numpy as np

from pipelines.carriers.readers.json_spans import UNFINISHED, fresh_state, value_end

Path = tuple[str | int, ...]
"""Path of a value: names of fields and positions in lists."""

TRUNCATED: Final = "the file ends before its time: what is whole was read"
TOO_LARGE: Final = "items of more than 16 MB left out"
DAMAGED: Final = "items that are no JSON left out"
RAW_CONTROLS: Final = "control characters that stand in texts as they are"

_MOST_ITEM_BYTES: Final = 16 * 1024 * 1024
_SPACE: Final = b" \t\r\n"


class NotJson(ValueError):
    """The bytes at `position`, from the start of the stream, are no JSON."""

    def __init__(self, position: int, found: bytes) -> None:
        self.position = position
        super().__init__(f"byte {position:,} is {found!r}")


class _Truncated(Exception):
    """The stream ends inside the document."""


class JsonStream:
    """A document in blocks of UTF-8."""

    def __init__(self, blocks: Iterable[bytes], repairs: Counter[str]) -> None:
        """Take the blocks, and a counter of repairs."""
        self._blocks = iter(blocks)
        self._repairs = repairs
        self._data = b""
        self._array = np.frombuffer(b"", np.uint8)
        self._at = 0
        self._before = 0

    def values(self, enters: Callable[[Path], bool], wants: Callable[[Path], bool]) -> Iterator[tuple[Path, bytes]]:
        """Yield the wanted values with their paths, in order; a truncated document gives its whole values.

        Args:
            enters: whether to enter the object or list at a path.
            wants: whether to yield the value at a path that is not entered; otherwise it is skipped.

        Raises:
            NotJson: the bytes outside the wanted values are no JSON.
        """
        try:
            yield from self._values(enters, wants)
        except _Truncated:
            self._repairs[TRUNCATED] += 1

    def _values(self, enters: Callable[[Path], bool], wants: Callable[[Path], bool]) -> Iterator[tuple[Path, bytes]]:
        paths: list[Path] = []
        places: list[int] = []  # of the next element; -1 for an object
        path: Path = ()
        byte = self._peek()
        while True:
            if byte in b"{[" and enters(path):
                self._at += 1
                paths.append(path)
                places.append(-1 if byte == b"{" else 0)
            elif wants(path):
                value = self._value(keep=True)
                if value is not None:
                    yield path, value
            else:
                self._value(keep=False)
            while True:
                if not paths:
                    return
                byte = self._peek()
                if byte == b",":
                    self._at += 1
                    byte = self._peek()
                if byte not in b"}]":
                    break
                self._at += 1
                paths.pop()
                places.pop()
            place = places[-1]
            if place < 0:
                if byte != b'"':
                    raise NotJson(self._before + self._at, byte)
                name = self._value(keep=True)
                if self._peek() != b":":
                    raise NotJson(self._before + self._at, self._peek())
                self._at += 1
                path = (*paths[-1], str(_lenient(name or b'""')))
                byte = self._peek()
            else:
                places[-1] += 1
                path = (*paths[-1], place)
            if byte in b",:]}":
                raise NotJson(self._before + self._at, byte)

    def _peek(self) -> bytes:
        """Return the next byte that is no white space."""
        while True:
            data, at, end = self._data, self._at, len(self._data)
            while at < end:
                byte = data[at : at + 1]
                if byte not in _SPACE:
                    self._at = at
                    return byte
                at += 1
            self._at = at
            if not self._more():
                raise _Truncated

    def _more(self) -> bool:
        """Append the next block to the unused bytes."""
        for block in self._blocks:
            if block:
                self._before += self._at
                self._data = self._data[self._at :] + block
                self._array = np.frombuffer(self._data, np.uint8)
                self._at = 0
                return True
        return False

    def _value(self, *, keep: bool) -> bytes | None:
        """Skip a value; return its bytes if `keep` and if it is not too large."""
        state, searched = fresh_state(), self._at
        while (end := value_end(self._array, searched, state)) == UNFINISHED:
            n_searched = len(self._data) - self._at
            if keep and n_searched > _MOST_ITEM_BYTES:
                self._repairs[TOO_LARGE] += 1
                keep = False
            if not keep:
                self._at = len(self._data)
                n_searched = 0
            if not self._more():
                if keep and not self._data[self._at :].startswith((b"{", b"[", b'"')):
                    end = len(self._data)  # the whole document is a number or a word
                    break
                raise _Truncated
            searched = self._at + n_searched
        value = self._data[self._at : end] if keep else None
        self._at = end
        return value


def decode_item(value: bytes, repairs: Counter[str]) -> Any | None:
    """Parse an item of an export; None, and counted, if no parser reads it."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        repairs[DAMAGED] += 1
        return None
    try:
        item = json.loads(value.decode(errors="replace"), strict=False)
    except (ValueError, RecursionError):
        repairs[DAMAGED] += 1
        return None
    repairs[RAW_CONTROLS] += 1
    return item


def _lenient(value: bytes) -> Any:
    try:
        return json.loads(value, strict=False)
    except ValueError:
        return value.decode(errors="replace")
