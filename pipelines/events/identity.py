"""Accounts -> persons: the connected components of identity links (docs/definitions.md#things)."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from schemas import kinds
from schemas.lake import IDENTITY, IDENTITY_CHANGE

LINK: Final = ("account_id", "linked_account_id")


def links(events: pl.LazyFrame, withdrawn: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return the distinct links between accounts in events, without withdrawn ones.

    Args:
        events: Rows of `EVENTS`.
        withdrawn: `account_id`, `linked_account_id` in either order; without the second: every link of the account.
            None: no link is withdrawn.

    Returns:
        `account_id`, `linked_account_id`.
    """
    found = events.filter(pl.col("type") == kinds.IDENTITY_LINKED).select(LINK).unique().collect(engine="streaming")
    if withdrawn is None or withdrawn.is_empty():
        return found
    pairs = withdrawn.filter(pl.col("linked_account_id").is_not_null())
    either_way = pl.concat([pairs, pairs.select(account_id="linked_account_id", linked_account_id="account_id")])
    alone = withdrawn.filter(pl.col("linked_account_id").is_null())["account_id"]
    is_alone = pl.any_horizontal(pl.col(LINK).is_in(alone.implode()))
    return found.join(either_way, on=LINK, how="anti").filter(~is_alone)


def united(persons: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Merge persons whose accounts are linked; the new person id is the smallest account id among them.

    Args:
        persons: `account_id`, `person_id`; an account that is not in it is a person of its own.
        links: `account_id`, `linked_account_id`.

    Returns:
        `account_id`, `person_id` of all accounts in either.
    """
    new = pl.concat([links["account_id"], links["linked_account_id"].alias("account_id")]).unique().to_frame()
    known = persons.select("account_id", "person_id")
    fresh = new.join(known, on="account_id", how="anti").select("account_id", person_id="account_id")
    table = pl.concat([known, fresh])
    ends = links.join(table, on="account_id").join(
        table, left_on="linked_account_id", right_on="account_id", suffix="_other"
    )
    joined = _components(ends["person_id"], ends["person_id_other"])
    return (
        table.join(joined, left_on="person_id", right_on="node", how="left")
        .select("account_id", person_id=pl.coalesce("smallest", "person_id"))
        .sort("account_id")
    )


def identity(persons: pl.DataFrame, links: pl.DataFrame, before: pl.DataFrame, batch: int) -> pl.DataFrame:
    """Return the person of every account that is or was linked: the smallest account id of its component.

    Args:
        persons: `account_id`, `person_id` to which the links are added: `before` if all its links are still valid,
            else its accounts as separate persons (`apart`).
        links: `account_id`, `linked_account_id` of the links that `persons` does not include.
        before: Previous `IDENTITY` of these accounts, to find changed ones.
        batch: Recorded for accounts whose person changed.

    Returns:
        `IDENTITY` of the accounts in `persons` and `links`, sorted by account.
    """
    return (
        united(persons, links)
        .join(before.rename({"person_id": "person_before", "batch": "batch_before"}), on="account_id", how="left")
        .with_columns(
            batch=pl.when(pl.col("person_id").eq_missing(pl.col("person_before")))
            .then("batch_before")
            .otherwise(pl.lit(batch, pl.Int64))
        )
        .select(IDENTITY.schema.names())
        .sort("account_id")
    )


def apart(before: pl.DataFrame) -> pl.DataFrame:
    """Return the accounts of `IDENTITY`, each as a person of its own.

    An account stays in the table when its last link is removed, because facts must see that its person changed.
    """
    return before.select("account_id", person_id="account_id")


def changes(before: pl.DataFrame, after: pl.DataFrame, batch: int) -> pl.DataFrame:
    """Return the reassigned accounts; an account that was never linked was its own person.

    Args:
        before: Rows of `IDENTITY`.
        after: Rows of `IDENTITY` of all accounts in `before`, and possibly more.
        batch: The batch that changed them.

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
    """Add `person_id` to events: the account's person, the account itself if never linked, null without account."""
    return events.join(identity.select("account_id", "person_id"), on="account_id", how="left").with_columns(
        person_id=pl.coalesce("person_id", "account_id")
    )


def _components(one: pl.Series, other: pl.Series) -> pl.DataFrame:
    """Return the smallest node in each node's component of the edges `one`, `other`: `node`, `smallest`."""
    nodes = pl.concat([one.alias("node"), other.alias("node")]).unique().sort()
    code = pl.Series(np.arange(len(nodes), dtype=np.int64))
    ends = [side.replace_strict(nodes, code, return_dtype=pl.Int64).to_numpy() for side in (one, other)]
    graph = coo_array((np.ones(len(one), dtype=np.int8), (ends[0], ends[1])), shape=(len(nodes),) * 2)
    _, component = connected_components(graph, directed=False)
    return pl.DataFrame(
        {"node": nodes, "component": component}, schema={"node": pl.String, "component": pl.Int32}
    ).select("node", smallest=pl.col("node").min().over("component"))
