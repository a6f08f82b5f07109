"""Adapters: what a carrier sends, as fields of the one event schema. One module a shape.

An adapter knows its payload and nothing else: no Kafka, no lake, no pseudonyms.
"""

from __future__ import annotations

from typing import Final

from pipelines.carriers.base import Carrier, Decoded
from pipelines.carriers.cloudevents import CloudEvents
from pipelines.carriers.zulip import Zulip

CARRIERS: Final[dict[str, Carrier]] = {carrier.name: carrier for carrier in (CloudEvents(), Zulip())}

__all__ = ["CARRIERS", "Carrier", "Decoded"]
