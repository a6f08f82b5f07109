"""One row an event: `source` + `id` is the identity, the copy that Kafka had first wins.

The winner depends only on the set of copies, (Kafka time, topic id, partition, offset, position), never on how they
were batched, so that events rebuilt from raw are the same events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from schemas.lake import EVENT_BODY, EVENTS

_DELIVERY = ("kafka_time", "topic_id", "partition", "offset", "position")


@dataclass(frozen=True)
class Deduplicated:
    """`added` are the rows to append, `superseded` the keys of stored rows that copies delivered earlier replace.

    `duplicates` counts the copies that are not kept, `conflicts` those of them that say something else than the winner.
    """

    added: pl.DataFrame
    superseded: pl.DataFrame
    duplicates: int
    conflicts: int


def deduplicate(new: pl.DataFrame, stored: pl.DataFrame) -> Deduplicated:
    """Deduplicate a batch, also against the rows already stored.

    Args:
        new: rows of `EVENTS`, any number of copies of an event.
        stored: the stored rows with the same keys as any of `new`, at most one each.
    """
    # Sorting whole rows is dear and few have a second copy: only those of equal hashes are compared.
    keys = new.select(hash=key_hash())["hash"]
    if stored.is_empty() and keys.n_unique() == len(keys):
        return Deduplicated(new, stored.select(EVENTS.key), 0, 0)
    is_lone = ~keys.is_in(stored.select(key_hash()).to_series().implode()) & keys.is_unique()
    found = _compare(new.filter(~is_lone), stored)
    return replace(found, added=pl.concat([new.filter(is_lone), found.added]))


def first_delivered(copies: pl.DataFrame) -> pl.DataFrame:
    """Keep of each event the copy that Kafka had first."""
    in_order = copies.sort([*EVENTS.key, *_DELIVERY], nulls_last=True)
    return in_order.unique(EVENTS.key, keep="first", maintain_order=True)


def key_hash() -> pl.Expr:
    """A 64-bit hash of an event's key, the same within one process."""
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
