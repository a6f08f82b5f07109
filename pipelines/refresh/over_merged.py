"""Over-merged persons: an id that many people share links all their accounts."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.events.identity import LINK, links
from pipelines.lake import Lake
from pipelines.rulings import withdrawn
from schemas.lake import EVENTS, IDENTITY, IDENTITY_RULING

OVER_MERGED: Final = pl.Schema(
    {"person_id": pl.String, "accounts": pl.Int64, "most_linked": pl.String, "others": pl.Int64}
)
"""A person, the number of its accounts, and the account with the most links."""


def over_merged_persons(lake: Lake, most: int) -> pl.DataFrame:
    """Return the persons with more than `most` accounts, those with the most first: rows of `OVER_MERGED`."""
    people = lake.open(IDENTITY).scan().select("account_id", "person_id")
    over_merged = (
        people.group_by("person_id").agg(accounts=pl.len().cast(pl.Int64)).filter(pl.col("accounts") > most).collect()
    )
    if over_merged.is_empty():
        return pl.DataFrame(schema=OVER_MERGED)
    links_now = links(lake.open(EVENTS).scan(), withdrawn(lake.open(IDENTITY_RULING).scan())).lazy()
    either_way = pl.concat([links_now, links_now.select(account_id=LINK[1], linked_account_id=LINK[0])]).unique()
    most_linked = (
        either_way.filter(pl.col(LINK[0]) != pl.col(LINK[1]))
        .group_by("account_id")
        .agg(others=pl.len().cast(pl.Int64))
        .join(people, on="account_id")
        .sort(["others", "account_id"], descending=[True, False])
        .unique("person_id", keep="first", maintain_order=True)
        .select("person_id", "others", most_linked="account_id")
    )
    return (
        over_merged.lazy()
        .join(most_linked, on="person_id")
        .sort(["accounts", "person_id"], descending=[True, False])
        .select(OVER_MERGED.names())
        .collect()
    )
