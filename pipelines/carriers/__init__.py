"""Carriers: decode the payloads of a platform or shop to the event schema.

A carrier only knows its payloads: no Kafka, no lake, no pseudonyms. Most are a page of YAML in `sources`
(docs/reference/mapping.md); packages can add others by entry points of the group `emberline.carriers`.
"""

from __future__ import annotations

from typing import Final, Literal

from pipelines.carriers.base import Carrier, Decoded, ValueByValue
from pipelines.carriers.registry import CarriersOfTopics, Registry

CARRIERS: Final = Registry()
"""Carriers by name; each is created on first access."""

DecoderKind = Literal["fast", "safe"]
"""`safe` reads every value with msgspec; `fast` uses a compiled reader for values that it surely reads the same."""

__all__ = ["CARRIERS", "Carrier", "CarriersOfTopics", "Decoded", "DecoderKind", "Registry", "carrier_of"]


def carrier_of(carriers: Registry, name: str, *, decoder: DecoderKind) -> Carrier:
    """Return the carrier of this name; the decoder does not change its results."""
    return carriers[name] if decoder == "fast" else ValueByValue(carriers[name])
