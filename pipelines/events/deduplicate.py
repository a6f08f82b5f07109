"""Keep one row per event: `source` + `id` is the identity, and the copy that Kafka received first wins.

The winner depends only on (Kafka time, topic id, partition, offset, position) of the copies, never on batches, so that
a rebuild from `raw` gives the same events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from schemas.lake import EVENT_BODY, EVENTS

_DELIVERY = ("kafka_time", "topic_id", "partition", "offset", "position")


@dataclass(frozen=True)
class Deduplicated:
    """Rows to append (`added`), and keys of stored rows to replace by copies delivered earlier (`superseded`).

    `duplicates` counts the copies that are not kept, `conflicts` those of them whose content differs from the winner's.
    """

    added: pl.DataFrame
    superseded: pl.DataFrame
    duplicates: int
    conflicts: int


def deduplicate(new: pl.DataFrame, stored: pl.DataFrame) -> Deduplicated:
    """Deduplicate a batch, also against the stored rows.

    Args:
        new: Rows of `EVENTS`, any number of copies per event.
        stored: The stored rows with the same keys as any of `new`, at most one each.
    """
    # Sorting whole rows is expensive and few have a second copy, so only rows with equal hashes are compared.
    keys = new.select(hash=key_hash())["hash"]
    if stored.is_empty() and keys.n_unique() == len(keys):
        return Deduplicated(new, stored.select(EVENTS.key), 0, 0)
    is_lone = ~keys.is_in(stored.select(key_hash()).to_series().implode()) & keys.is_unique()
    found = _compare(new.filter(~is_lone), stored)
    return replace(found, added=pl.concat([new.filter(is_lone), found.added]))


def first_delivered(copies: pl.DataFrame) -> pl.DataFrame:
    """Keep the copy of each event that Kafka received first."""
    in_order = copies.sort([*EVENTS.key, *_DELIVERY], nulls_last=True)
    return in_order.unique(EVENTS.key, keep="first", maintain_order=True)


def key_hash() -> pl.Expr:
    """Return a 64-bit hash of an event's key, stable within one process."""
    return pl.struct(EVENTS.key).hash()


def _compare(new: pl.DataFrame, stored: pl.DataFrame) -> Deduplicated:
    copies = pl.concat(
        [new.with_columns(is_stored=pl.lit(value=False)), stored.with_columns(is_stored=pl.lit(value=True))]
    ).sort([*EVENTS.key, *_DELIVERY], nulls_last=True)
    judged = copies.with_columns(is_winner=pl.struct(EVENTS.key).is_first_distinct())
    winners = judged.filter("is_winner")
    losers = judged.filter(~pl.col("is_winner"))
    conflicting = losers.join(
        winners.select(*EVENTS.key, *EVENT_BODY), on=[*EVENTS.key, *EVENT_BODY], how="anti", nulls_equal=True
    )
    return Deduplicated(
        added=winners.filter(~pl.col("is_stored")).select(EVENTS.schema.names()),
        superseded=losers.filter("is_stored").select(EVENTS.key),
        duplicates=losers.height,
        conflicts=conflicting.height,
    )
