"""Archives of Zulip messages as the payloads that Zulip would have sent."""

from __future__ import annotations

import polars as pl


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
