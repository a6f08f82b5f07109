"""Births of groups: the first burst of messages in which members talk to each other."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import polars as pl

from pipelines.arrays import fixed
from pipelines.compiled import compiled
from pipelines.engagement.activity import is_member_message
from schemas.lake import UTC_TIME

BIRTH_MEMBERS: Final = 3
BIRTH_MESSAGES: Final = 4
BIRTH_WINDOW: Final = dt.timedelta(minutes=20)


def births(events: pl.LazyFrame) -> pl.LazyFrame:
    """Find the first 3 members who exchange 4 messages within 20 minutes (docs/definitions.md#life-of-a-group).

    The definition is that of Raban, Moldovan & Jones (CSCW 2010). Members are counted as persons:
    one human with two accounts is one. The window is half open: the first and the last message lie
    less than 20 minutes apart.

    Args:
        events: Columns of `schemas.lake.EVENTS` plus `person_id`, distinct, in any order.

    Returns:
        `group_id` (String) and `born_at` (UTC, microseconds), the time of the message that
        completed the four: one row for each group that was ever born.
    """
    # Strings become categories so that sorting and the loop compare integers; their order has no
    # meaning here.
    return (
        events.filter(is_member_message())
        .select(
            group_id=pl.col("group_id").cast(pl.Categorical),
            group=pl.col("group_id").cast(pl.Categorical).to_physical(),
            person=pl.col("person_id").cast(pl.Categorical).to_physical(),
            time=pl.col("time"),
        )
        # The order of messages with equal times does not change the instant of birth, so sorting by
        # time is enough.
        .sort("group", "time")
        .map_batches(_completing, schema={"group_id": pl.String, "born_at": UTC_TIME})
    )


def _completing(messages: pl.DataFrame) -> pl.DataFrame:
    window = BIRTH_WINDOW // dt.timedelta(microseconds=1)
    completes = _completes_birth(
        fixed(messages["group"]),
        fixed(messages["time"]),
        fixed(messages["person"]),
        BIRTH_MEMBERS,
        BIRTH_MESSAGES,
        window,
    )
    return messages.filter(pl.Series(completes)).select(pl.col("group_id").cast(pl.String), born_at=pl.col("time"))


@compiled
def _completes_birth(
    group: np.ndarray,
    time: np.ndarray,
    person: np.ndarray,
    members: int,
    messages: int,
    window: int,
) -> np.ndarray:
    """Mark the message that completes the birth of its group; rows sorted by group, time (us).

    The window that ends at a message has enough members exactly if the last message of the
    `members`-th newest writer is inside it, and enough messages exactly if the message
    `messages - 1` rows back is. So the loop keeps only the times of the last messages of the
    `members` newest writers: one pass, constant work per row.
    """
    completes = np.zeros(len(group), np.bool_)
    writer = np.zeros(members, person.dtype)
    last_word = np.zeros(members, time.dtype)
    known = 0
    start = 0
    is_born = False
    for row in range(len(group)):
        if row == 0 or group[row] != group[row - 1]:
            known, start, is_born = 0, row, False
        if is_born:
            continue
        place = 0
        while place < known and writer[place] != person[row]:
            place += 1
        if place == known:
            known = min(known + 1, members)
            place = known - 1
        for later in range(place, 0, -1):
            writer[later] = writer[later - 1]
            last_word[later] = last_word[later - 1]
        writer[0] = person[row]
        last_word[0] = time[row]
        opens = time[row] - window
        if (
            known == members
            and last_word[members - 1] > opens
            and row - start + 1 >= messages
            and time[row - messages + 1] > opens
        ):
            completes[row] = True
            is_born = True
    return completes
