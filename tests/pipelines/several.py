"""A carrier whose records hold several canonical events, or one, or none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import polars as pl

from pipelines.carriers import CARRIERS, Carrier, Decoded
from pipelines.carriers.base import IGNORED_SCHEMA, REJECTED_SCHEMA
from tests.pipelines.canonical import TOPIC, Event


class Several(Carrier):
    """A record is a canonical event, a JSON list of some, a text (why it is to be ignored), or broken.

    A header `kind` of `ping` makes it ignored whatever it holds.
    """

    name = "several"
    title = "Several canonical events a record"
    coverage = "full"
    membership = "events"
    kinds = ()

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:
        """Decode each event of each record as `cloudevents` does."""
        parts: list[tuple[int, int, bytes]] = []
        rejected: list[tuple[int, str, str]] = []
        ignored: list[tuple[int, str]] = []
        given = [[]] * len(values) if headers is None else headers.to_list()
        named = [{one["key"]: one["value"] for one in of_one} for of_one in given]
        for row, (value, header) in enumerate(zip(values, named, strict=True)):
            try:
                held = "ping" if header.get("kind") == b"ping" else json.loads(value)
            except ValueError:
                rejected.append((row, "bad_json", ""))
                continue
            if isinstance(held, str):
                ignored.append((row, held))
            else:
                events = held if isinstance(held, list) else [held]
                parts += [(row, position, json.dumps(event).encode()) for position, event in enumerate(events)]
        placed = pl.DataFrame(parts, schema={"row": pl.UInt32, "place": pl.Int32, "value": pl.Binary}, orient="row")
        decoded = CARRIERS["cloudevents"].decode(placed["value"].to_list())
        at = decoded.events["row"]
        found = decoded.events.with_columns(row=placed["row"].gather(at), position=placed["place"].gather(at))
        broken = decoded.rejected.with_columns(row=placed["row"].gather(decoded.rejected["row"]))
        first = broken.unique("row", keep="first", maintain_order=True)
        return Decoded(
            found,
            pl.concat([pl.DataFrame(rejected, schema=REJECTED_SCHEMA, orient="row"), first]),
            pl.DataFrame(ignored, schema=IGNORED_SCHEMA, orient="row"),
        )


SEVERAL: Final = {TOPIC: Several()}


def several(*events: Event) -> bytes:
    """The value of a record that holds these events."""
    return json.dumps(events).encode()


def ignored(reason: str) -> bytes:
    """The value of a record that is ignored for this reason."""
    return json.dumps(reason).encode()
