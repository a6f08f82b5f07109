"""Adapters: what a carrier sends, as fields of the one event schema. One module a shape.

An adapter knows its payload and nothing else: no Kafka, no lake, no pseudonyms.
"""

from __future__ import annotations

from typing import Final, Literal

from pipelines.carriers.base import Carrier, Decoded, ValueByValue
from pipelines.carriers.cloudevents import CloudEvents
from pipelines.carriers.zulip import Zulip

CARRIERS: Final[dict[str, Carrier]] = {carrier.name: carrier for carrier in (CloudEvents(), Zulip())}

DecoderKind = Literal["fast", "safe"]
"""`safe` reads every value by msgspec alone; `fast` by a compiled reader those that it is certain of."""

__all__ = ["CARRIERS", "Carrier", "Decoded", "DecoderKind", "carrier_of"]


def carrier_of(name: str, decoder: DecoderKind) -> Carrier:
    """Give the adapter of this name; the decoder never changes what it makes of a value."""
    return CARRIERS[name] if decoder == "fast" else ValueByValue(CARRIERS[name])
