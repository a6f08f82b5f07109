"""Accounts -> persons: the connected components of identity links (definitions, section 1)."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from schemas import kinds
from schemas.lake import IDENTITY, IDENTITY_CHANGE


def identity(events: pl.LazyFrame, before: pl.DataFrame, batch: int) -> pl.DataFrame:
    """The person of every account that is or was linked: the smallest account id of its component.

    Args:
        events: rows of `EVENTS`.
        before: the `IDENTITY` table so far, to tell which accounts' persons changed.
        batch: the newest batch in `events`, noted for accounts whose person is new.

    Returns:
        `IDENTITY`, sorted by account.
    """
    links = (
        events.filter(pl.col("type") == kinds.IDENTITY_LINKED)
        .select(account="account_id", other="linked_account_id")
        .unique()
        .collect(engine="streaming")
    )
    # An account stays when its last link is replaced: it is itself again, and whoever follows persons must learn of it.
    known = [links["account"], links["other"].alias("account"), before["account_id"].alias("account")]
    accounts = pl.concat(known).unique().sort()
    code = pl.Series(np.arange(len(accounts), dtype=np.int64))
    ends = [links[name].replace_strict(accounts, code, return_dtype=pl.Int64).to_numpy() for name in links.columns]
    graph = coo_array((np.ones(links.height, dtype=np.int8), (ends[0], ends[1])), shape=(len(accounts),) * 2)
    _, component = connected_components(graph, directed=False)
    return (
        pl.DataFrame(
            {"account_id": accounts, "component": component}, schema={"account_id": pl.String, "component": pl.Int32}
        )
        .with_columns(person_id=pl.col("account_id").min().over("component"))
        .join(before.rename({"person_id": "person_before", "batch": "batch_before"}), on="account_id", how="left")
        .with_columns(
            batch=pl.when(pl.col("person_id").eq_missing(pl.col("person_before")))
            .then("batch_before")
            .otherwise(pl.lit(batch, pl.Int64))
        )
        .select(IDENTITY.schema.names())
        .sort("account_id")
    )


def changes(before: pl.DataFrame, after: pl.DataFrame, batch: int) -> pl.DataFrame:
    """The accounts that are another person after than before; an account that was never linked was its own.

    Args:
        before: rows of `IDENTITY`.
        after: rows of `IDENTITY`, of all accounts in `before` and maybe more.
        batch: the batch that changed them.

    Returns:
        `IDENTITY_CHANGE`.
    """
    return (
        after.select("account_id", "person_id", batch=pl.lit(batch, pl.Int64))
        .join(before.select("account_id", person_before="person_id"), on="account_id", how="left")
        .with_columns(pl.coalesce("person_before", "account_id").alias("person_before"))
        .filter(pl.col("person_before") != pl.col("person_id"))
        .select(IDENTITY_CHANGE.schema.names())
    )


def with_person(events: pl.LazyFrame, identity: pl.LazyFrame) -> pl.LazyFrame:
    """Add `person_id` to events: the account's person, itself where it was never linked, null without an account."""
    return events.join(identity.select("account_id", "person_id"), on="account_id", how="left").with_columns(
        person_id=pl.coalesce("person_id", "account_id")
    )
