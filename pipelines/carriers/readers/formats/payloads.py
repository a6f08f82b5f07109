"""Unchanged payloads of any carrier: JSON lines, one JSON object, or a list of objects.

The carrier has to be given. Its text fields are replaced by measures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

import polars as pl

from pipelines.carriers import CARRIERS
from pipelines.carriers.readers.base import (
    Batch,
    Capabilities,
    Payloads,
    Reader,
    ReadOptions,
    Sniffed,
    UnreadableExport,
)
from pipelines.carriers.readers.encoding import Progress, texts
from pipelines.carriers.readers.json_lines import lines
from pipelines.carriers.readers.json_shape import shape_of, shapes_of_lines
from pipelines.carriers.readers.json_stream import JsonStream, NotJson
from pipelines.carriers.readers.source import Source

_LINES = frozenset({".jsonl", ".ndjson"})


class PayloadFile(Reader):
    """Reader of files of payloads."""

    name = "payloads"
    title = "a file of payloads"
    carrier = "payloads"
    capabilities = Capabilities(time="exact", limits=("What it contains depends on its carrier.",))

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise nothing: the carrier of payloads has to be given."""
        del source
        return None

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read payload by payload."""
        if options.carrier not in CARRIERS:
            raise UnreadableExport(
                "The carrier of its payloads is not given, or unknown.",
                "Give it with --carrier; `emberline carriers` lists them.",
                source.place,
            )
        repairs: Counter[str] = Counter()
        progress = Progress()
        batch = Batch(repairs)
        for value in _values(source, repairs, progress):
            batch.add(blake2b(value, digest_size=16).hexdigest(), value)
            if batch.is_full:
                yield _measured(batch.take(progress.done), options)
        yield _measured(batch.take(progress.done), options)


def _measured(payloads: Payloads, options: ReadOptions) -> Payloads:
    """Return the payloads with measures in place of texts, as their carrier defines."""
    measured = CARRIERS[options.carrier or ""].measured(payloads.values.to_list(), options.texts)
    return replace(payloads, values=pl.Series(measured, dtype=pl.Binary))


def _values(source: Source, repairs: Counter[str], progress: Progress) -> Iterator[bytes]:
    if source.suffix in _LINES or len(shapes_of_lines(source)) > 1:
        yield from lines(source, repairs, progress)
        return
    is_list = any(path.startswith("[]") for path in shape_of(source)) or source.head.lstrip().startswith(b"[")
    stream = JsonStream((block.encode() for block in texts(source, repairs, progress)), repairs)
    try:
        for _, value in stream.values(lambda path: is_list and not path, lambda path: len(path) == is_list):
            yield value
    except NotJson as error:
        raise UnreadableExport(f"It is no JSON: {error}.", "Correct the file.", source.place) from error


READER = PayloadFile()
