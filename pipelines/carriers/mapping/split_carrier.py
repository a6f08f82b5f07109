"""Payloads that contain several: each element of a list is decoded as a payload of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import polars as pl

from pipelines.carriers.base import DECODED_SCHEMA, JSON_ERRORS, MAX_VALUE_BYTES, REJECTED_SCHEMA, Carrier, Decoded
from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from pipelines.carriers.texts import Texts

MOST_PARTS: Final = 1000
PART: Final = "_part"
_MOST_BYTES: Final = 64 * MAX_VALUE_BYTES
"""Of all parts of a payload, each of which has what stands beside the list."""

_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class SplitCarrier(Carrier):
    """Carrier of a mapping with `split`: each element is decoded instead of its list, with its number in `_part`.

    Attributes:
        mapping: The mapping.
    """

    def __init__(self, of_parts: MappedCarrier, at: str) -> None:
        self.mapping = of_parts.mapping
        self.name, self.title, self.limits = of_parts.name, of_parts.title, of_parts.limits
        self.coverage, self.membership, self.kinds = of_parts.coverage, of_parts.membership, of_parts.kinds
        self._of_parts = of_parts
        self._at = at

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:
        """Decode payloads part by part. One whose list has too many elements is rejected."""
        return self._decoded(values, headers, self._of_parts.decode)

    def decode_column(self, values: pl.Series, headers: pl.Series | None = None) -> Decoded:
        """Decode a Binary column without nulls, exactly as `decode` does."""

        def decode(parts: list[bytes], of_parts: pl.Series | None) -> Decoded:
            return self._of_parts.decode_column(pl.Series(parts, dtype=pl.Binary), of_parts)

        return self._decoded(values.to_list(), headers, decode)

    def _decoded(
        self,
        values: Sequence[bytes],
        headers: pl.Series | None,
        decode: Callable[[list[bytes], pl.Series | None], Decoded],
    ) -> Decoded:
        parts: list[bytes] = []
        of_row: list[int] = []
        crowded: list[tuple[int, str, str]] = []
        for row, value in enumerate(values):
            payload, elements = self._with_elements(value) or ({}, [])
            if len(elements) > MOST_PARTS or len(elements) * len(value) > _MOST_BYTES:
                crowded.append((row, "too_large", f"{len(elements)} elements of {self._at} in {len(value)} bytes"))
                continue
            made = [payload | {self._at: element, PART: number} for number, element in enumerate(elements)]
            parts += [msgspec.json.encode(part) for part in made] or [value]
            of_row += [row] * max(len(made), 1)
        rows = pl.Series(of_row, dtype=pl.UInt32)
        decoded = decode(parts, None if headers is None else headers.gather(rows))
        events, rejected, ignored, *stated = decoded.placed(rows).parts
        rejected = pl.concat([pl.DataFrame(crowded, schema=REJECTED_SCHEMA, orient="row"), rejected])
        rejected = rejected.unique("row", keep="first", maintain_order=True).sort("row")
        told = pl.concat([events["row"], rejected["row"]]).unique()
        return Decoded(
            events.with_columns(position=pl.int_range(pl.len()).over("row").cast(DECODED_SCHEMA["position"])),
            rejected,
            ignored.filter(~pl.col("row").is_in(told.implode())).unique("row", keep="first", maintain_order=True),
            *stated,
        )

    def measured(self, values: Sequence[bytes], texts: Texts) -> list[bytes]:
        """Replace texts that people wrote by their measures; see `measures`."""
        return self._of_parts.measured(values, texts)

    def _with_elements(self, value: bytes) -> tuple[dict[str, msgspec.Raw], list[msgspec.Raw]] | None:
        """Return a payload and the elements of its list as raw JSON; None if the payload has no list to split."""
        if len(value) > MAX_VALUE_BYTES:
            return None
        try:
            payload = _FIELDS.decode(value)
            elements = _ELEMENTS.decode(payload[self._at])
        except (*JSON_ERRORS, KeyError):
            return None
        return (payload, elements) if elements else None
