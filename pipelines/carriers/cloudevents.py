"""The canonical shape: CloudEvents 1.0 in structured JSON mode with the payload of `schemas.kinds.Data`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl

from pipelines.carriers.base import Decoded, columns, parse
from schemas.kinds import Data, Envelope

_decoder = msgspec.json.Decoder(Envelope)

_SAME_NAME = (
    "role", "message_id", "message_kind", "reply_to", "text_length", "links", "mentions", "product_id", "order_id",
    "currency",
)  # fmt: skip
_RENAMED = {
    "amount_minor": "total_minor",
    "linked_account_id": "linked_id",
    "group_name": "name",
    "group_purpose": "purpose",
    "group_operators": "operators",
    "group_planned_end": "planned_end",
}


class CloudEvents:
    """Adapter of the canonical events."""

    name = "cloudevents"

    def decode(self, values: Sequence[bytes]) -> Decoded:
        """Decode canonical events; the group is the payload's `group_id` or else the envelope's `subject`."""
        rows, envelopes, rejected = parse(values, _decoder.decode)
        payloads: list[Data] = [envelope.data for envelope in envelopes]
        events = columns(
            rows,
            {
                "source": [e.source for e in envelopes],
                "event_id": [e.id for e in envelopes],
                "type": [e.type for e in envelopes],
                "time": [e.time for e in envelopes],
                "group_id": [d.group_id or e.subject for e, d in zip(envelopes, payloads, strict=True)],
                "account_id": [d.member_id or d.customer_id for d in payloads],
                "carrier": pl.coalesce("group_id", "account_id").str.extract("^([^:]+):"),
                **{name: [getattr(d, name) for d in payloads] for name in _SAME_NAME},
                **{column: [getattr(d, name) for d in payloads] for column, name in _RENAMED.items()},
            },
        )
        return Decoded(events, rejected)
