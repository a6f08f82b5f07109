"""Archives of Zulip become the payloads that Zulip would have sent."""

from __future__ import annotations

import polars as pl

from pipelines.carriers import CARRIERS
from pipelines.carriers.zulip_archive import archive_values


def test_an_archive_row_is_the_event_zulip_would_have_sent():
    archive = pl.DataFrame(
        {
            "stream_id": [7, 7],
            "stream": ["general", 'with "quotes" and ☃'],
            "msg_id": [412, 413],
            "sender": ["a1", "b2"],
            "ts": [1_600_000_000, 1_600_000_001],
            "is_bot": [False, True],
            "text_len": [5, 0],
            "n_links": [1, 0],
            "n_mentions": [0, 3],
        }
    )
    values = archive_values(archive)
    assert values.dtype == pl.Binary
    decoded = CARRIERS["zulip"].decode(values.to_list())
    assert decoded.rejected.is_empty()
    columns = ("event_id", "group_name", "account_id", "role", "text_length", "links", "mentions")
    assert decoded.events.select(columns).rows() == [
        ("message/412", "general", "zulip:a1", "member", 5, 1, 0),
        ("message/413", 'with "quotes" and ☃', "zulip:b2", "bot", 0, 0, 3),
    ]
