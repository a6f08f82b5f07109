"""One row an event: `source` + `id` is the identity, the copy that Kafka had first wins.

The winner depends only on the set of copies, (Kafka time, topic id, partition, offset), never on how they were
batched, so that events rebuilt from raw are the same events.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from schemas.lake import EVENT_BODY, EVENTS

_DELIVERY = ("kafka_time", "topic_id", "partition", "offset")


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
