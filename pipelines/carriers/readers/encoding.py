"""Read text files of any encoding in blocks; an encoding other than UTF-8 counts as a named repair.

Old Chinese clients write a local code page, of which GB18030 is a superset; some Windows tools write UTF-16.
"""

from __future__ import annotations

import codecs
import io
from collections import Counter
from collections.abc import Iterator
from typing import IO, Final

from pipelines.carriers.readers.source import Source

BYTE_ORDER_MARK: Final = "byte order mark left out"
UTF_16: Final = "UTF-16 read as such"
GB18030: Final = "GB18030 read as such"
BAD_BYTES: Final = "bytes that are no text replaced"

_BLOCK_BYTES: Final = 2 * 1024 * 1024
_SAMPLE: Final = 4096
_LEAST_ZEROS: Final = 0.3
"""Least share of zero bytes, all at even or all at odd places, of UTF-16 without a byte order mark."""

_MOST_BAD: Final = 0.1
"""Most bad ones among the non-ASCII characters of UTF-8 with a few bad bytes, as a share."""


class Progress:
    """Number of bytes of a source read so far."""

    def __init__(self) -> None:
        self.done = 0


def texts(source: Source, repairs: Counter[str], progress: Progress, block: int = _BLOCK_BYTES) -> Iterator[str]:
    """Read a file as text in blocks, without a byte order mark.

    Args:
        source: a file.
        repairs: counter of repairs.
        progress: is updated.
        block: bytes read at a time.
    """
    with source.open() as file:
        yield from _decoded(file, repairs, progress, block)


def head_text(source: Source) -> str:
    """Return the first characters of a file of any encoding."""
    return "".join(_decoded(io.BytesIO(source.head), Counter(), Progress(), _BLOCK_BYTES))


def _decoded(file: IO[bytes], repairs: Counter[str], progress: Progress, size: int) -> Iterator[str]:
    first = file.read(size)
    progress.done += len(first)
    if first.startswith(codecs.BOM_UTF8):
        repairs[BYTE_ORDER_MARK] += 1
        first = first[len(codecs.BOM_UTF8) :]
    codec = _utf_16(first)
    if codec is not None:
        repairs[UTF_16] += 1
        yield from _replacing(file, codec, first, repairs, progress, size)
        return
    yield from _utf_8(file, first, repairs, progress, size)


def _utf_16(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:_SAMPLE]
    least = _LEAST_ZEROS * len(sample)
    zeros = sample[::2].count(0), sample[1::2].count(0)
    if max(zeros) <= least or min(zeros):
        return None
    return "utf-16-be" if zeros[0] else "utf-16-le"


def _replacing(
    file: IO[bytes], codec: str, data: bytes, repairs: Counter[str], progress: Progress, size: int
) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)(errors="replace")
    while True:
        text = decoder.decode(data, final=not data)
        repairs.update({BAD_BYTES: bad} if (bad := text.count("\ufffd")) else {})
        if text:
            yield text
        if not data:
            return
        data = file.read(size)
        progress.done += len(data)


def _utf_8(file: IO[bytes], data: bytes, repairs: Counter[str], progress: Progress, size: int) -> Iterator[str]:
    is_known = False
    while data:
        read = file.read(size)
        progress.done += len(read)
        try:
            text, n_used = codecs.utf_8_decode(data, "strict", not read)
            is_known = is_known or len(text) < n_used
        except UnicodeDecodeError:
            if not is_known and _is_gb18030(data):
                repairs[GB18030] += 1
                yield from _replacing(file, "gb18030", data + read, repairs, progress, size)
                return
            is_known = True
            text, n_used = codecs.utf_8_decode(data, "replace", not read)
            repairs[BAD_BYTES] += text.count("\ufffd")
        if text:
            yield text
        data = data[n_used:] + read


def _is_gb18030(data: bytes) -> bool:
    """Whether more of the bytes are valid GB18030 than valid UTF-8."""
    as_utf_8 = data.decode(errors="replace")
    bad = as_utf_8.count("\ufffd")
    other = len(as_utf_8) - len(as_utf_8.encode("ascii", "ignore"))
    if bad < _MOST_BAD * other:
        return False
    as_chinese = data.decode("gb18030", errors="replace")
    return as_chinese.count("\ufffd") < bad
