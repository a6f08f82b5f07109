"""Carriers: what a platform or shop sends, as fields of the one event schema.

A carrier knows its payload and nothing else: no Kafka, no lake, no pseudonyms. Most are a page of YAML in `sources`
(docs/reference/mapping.md); others can be brought by packages, as entry points of the group `emberline.carriers`.
"""

from __future__ import annotations

from typing import Final, Literal

from pipelines.carriers.base import Carrier, Decoded, ValueByValue
from pipelines.carriers.registry import CarriersOfTopics, Registry

CARRIERS: Final = Registry()
"""By name; a carrier is made when it is asked for."""

DecoderKind = Literal["fast", "safe"]
"""`safe` reads every value by msgspec alone; `fast` by a compiled reader those that it is certain of."""

__all__ = ["CARRIERS", "Carrier", "CarriersOfTopics", "Decoded", "DecoderKind", "Registry", "carrier_of"]


def carrier_of(carriers: Registry, name: str, *, decoder: DecoderKind) -> Carrier:
    """Give the carrier of this name; the decoder never changes what it makes of a value."""
    return carriers[name] if decoder == "fast" else ValueByValue(carriers[name])
