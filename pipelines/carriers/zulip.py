"""Zulip: `message` events of its event queue, one stream a group.

Identity is the message id, which is unique in a realm: a message that a rename delivers again, in the same or another
stream, is the same event. Times are seconds. Connectors that withhold the text send its measures (`text_length`,
`links`, `mentions`) in its place.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import polars as pl

from pipelines.carriers.base import Carrier, Decoded, columns, parse
from schemas.kinds import MESSAGE_SENT, Count, Id

_Seconds = Annotated[int, msgspec.Meta(ge=0, le=int(dt.datetime(9999, 1, 1, tzinfo=dt.UTC).timestamp()))]


class ZulipMessage(msgspec.Struct, frozen=True, gc=False):
    """A message of a stream. `display_recipient` is the stream's name at the time of sending."""

    id: int
    stream_id: int
    display_recipient: str
    sender_id: int | Id
    timestamp: _Seconds
    is_bot: bool = False
    content: str | None = None
    text_length: Count | None = None
    links: Count | None = None
    mentions: Count | None = None


class ZulipEvent(msgspec.Struct, frozen=True, gc=False):
    """An event of the queue; only messages are read."""

    type: Literal["message"]
    message: ZulipMessage


_decoder = msgspec.json.Decoder(ZulipEvent)


class Zulip(Carrier):
    """Adapter of Zulip's event queue."""

    name = "zulip"

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:  # noqa: ARG002
        """Decode Zulip message events into `message.sent`."""
        rows, parsed, rejected = parse(values, _decoder.decode)
        messages = [event.message for event in parsed]
        events = columns(
            rows,
            {
                "source": pl.lit("zulip"),
                "event_id": [f"message/{m.id}" for m in messages],
                "type": pl.lit(MESSAGE_SENT),
                "time": [m.timestamp * 1_000_000 for m in messages],
                "time_quality": pl.lit("second"),
                "carrier": pl.lit("zulip"),
                "group_id": [f"zulip:{m.stream_id}" for m in messages],
                "group_name": [m.display_recipient for m in messages],
                "account_id": [f"zulip:{m.sender_id}" for m in messages],
                "role": ["bot" if m.is_bot else "member" for m in messages],
                "message_id": [str(m.id) for m in messages],
                "text_length": [m.text_length if m.content is None else len(m.content) for m in messages],
                "links": [m.links for m in messages],
                "mentions": [m.mentions for m in messages],
            },
        )
        return Decoded(events, rejected)


def archive_values(rows: pl.DataFrame) -> pl.Series:
    """Rows of a message archive without text as the events Zulip would have sent (Binary, one a row).

    Args:
        rows: `stream_id`, `stream`, `msg_id`, `sender`, `ts` (seconds), `is_bot`, `text_len`, `n_links`, `n_mentions`.
    """
    message = pl.struct(
        id="msg_id",
        stream_id="stream_id",
        display_recipient="stream",
        sender_id="sender",
        timestamp="ts",
        is_bot="is_bot",
        text_length="text_len",
        links="n_links",
        mentions="n_mentions",
    )
    event = pl.struct(type=pl.lit("message"), message=message)
    return rows.select(value=event.struct.json_encode().cast(pl.Binary))["value"]
