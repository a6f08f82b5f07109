"""Convert archives of Zulip messages to the payloads that Zulip would have sent."""

from __future__ import annotations

import polars as pl


def archive_values(rows: pl.DataFrame) -> pl.Series:
    """Convert rows of a message archive without texts to the events Zulip would have sent (Binary, one per row).

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
