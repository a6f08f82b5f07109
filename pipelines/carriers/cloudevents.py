"""The canonical format: CloudEvents 1.0 in structured JSON mode with the payload of `schemas.kinds.Data`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import msgspec
import polars as pl
import pyarrow as pa

from pipelines.carriers.base import DECODED_SCHEMA, REJECTED_SCHEMA, Carrier, Decoded, columns, parse
from pipelines.carriers.json_table import JsonTable
from schemas.kinds import REQUIRED, Data, Envelope
from schemas.lake import ITEMS, MEMBERS

_decoder = msgspec.json.Decoder(Envelope)
_KEY = pl.coalesce("group_id", "account_id")
_CARRIER = _KEY.str.head(_KEY.str.find(":", literal=True))
"""The end of the carrier in a key; byte and character positions are equal, since carriers are ASCII."""

_LISTS = pa.list_(pa.string())
"""Built by Arrow: Polars would create a series per list, which takes as long as everything else."""

_SAME_NAME = (
    "role", "message_id", "message_kind", "reply_to", "text_length", "links", "mentions", "product_id", "order_id",
    "currency", "campaign", "intervention", "intervention_note",
)  # fmt: skip
_RENAMED = {
    "amount_minor": "total_minor",
    "linked_account_id": "linked_id",
    "group_name": "name",
    "group_purpose": "purpose",
    "group_planned_end": "planned_end",
}


@cache
def _table() -> JsonTable:
    return JsonTable.of(Envelope)


class CloudEvents(Carrier):
    """Carrier of the canonical events."""

    name = "cloudevents"
    title = "Canonical events: CloudEvents 1.0, structured JSON"
    coverage = "full"
    membership = "events"
    kinds = tuple(REQUIRED)

    def decode_column(self, values: pl.Series, headers: pl.Series | None = None) -> Decoded:  # noqa: ARG002
        """Decode a Binary column like `decode`, mostly without Python objects per value."""
        # Imported here: loading the compiler of the fast path takes longer than most commands.
        from pipelines.carriers.json_columns import read_json

        table = _table()
        read = read_json(values, table)
        rows = read.accepted.arg_true()
        events = _events(read.fields).with_columns(rows.alias("row")).select(DECODED_SCHEMA.names())
        made = Decoded(events, pl.DataFrame(schema=REJECTED_SCHEMA))
        if read.accepted.all():
            return made
        rest = ~read.accepted
        return made.joined(self.decode(values.filter(rest).to_list()).placed(rest.arg_true()))

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:  # noqa: ARG002
        """Decode canonical events; the group is the payload's `group_id`, else the envelope's `subject`."""
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
                "carrier": _CARRIER,
                **{name: [getattr(d, name) for d in payloads] for name in _SAME_NAME},
                **{column: [getattr(d, name) for d in payloads] for column, name in _RENAMED.items()},
                "group_operators": pl.lit(pl.Series(pa.array([d.operators for d in payloads], _LISTS))),
                "items": pl.lit(pl.Series([_rows(d.items) for d in payloads], dtype=ITEMS)),
                "members": pl.lit(pl.Series([_rows(d.members) for d in payloads], dtype=MEMBERS)),
                "time_quality": pl.lit("exact"),
            },
        )
        return Decoded(events, rejected)


def _rows(structs: Sequence[msgspec.Struct] | None) -> list[dict[str, object]] | None:
    return None if structs is None else [msgspec.structs.asdict(one) for one in structs]


def _events(fields: pl.DataFrame) -> pl.DataFrame:
    """Return the fields of envelope and payload as `DECODED_SCHEMA` without `row`."""
    given = fields.select(
        "source",
        pl.col("id").alias("event_id"),
        "type",
        "time",
        pl.coalesce("group_id", "subject").alias("group_id"),
        pl.coalesce("member_id", "customer_id").alias("account_id"),
        *_SAME_NAME,
        *(pl.col(name).alias(column) for column, name in _RENAMED.items()),
    )
    return given.with_columns(
        _CARRIER.alias("carrier"),
        # The compiled reader never accepts lists.
        *(pl.lit(None, DECODED_SCHEMA[name]).alias(name) for name in ("group_operators", "items", "members")),
        position=pl.lit(0),
        time_quality=pl.lit("exact"),
    ).cast({name: dtype for name, dtype in DECODED_SCHEMA.items() if name != "row"})
