"""Who joined and left groups."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.columns import ORDINAL, Meaning
from schemas.table import UTC_TIME, LakeTable, copied
from schemas.tables.ingest import EVENTS, ORDERING_KEY, TOUCHED

MEMBER_CHANGE: Final = LakeTable(
    name="member_change",
    group="groups",
    description="""Joins and leaves of accounts in groups: from events, and derived from snapshots.

A derived row names the snapshot that shows it; it happened after `earliest_at` and up to `time`.""",
    columns={
        "source": pl.String(),
        "event_id": pl.String(),
        "group_id": pl.String(),
        "account_id": pl.String(),
        "change": pl.String(),
        "role": pl.String(),
        "time": UTC_TIME,
        "topic_id": pl.String(),
        "partition": pl.Int32(),
        "offset": pl.Int64(),
        "position": pl.Int32(),
        "earliest_at": UTC_TIME,
        "time_quality": pl.String(),
        "coverage": pl.String(),
        "is_derived": pl.Boolean(),
        "day": pl.Date(),
        "month": pl.Date(),
    },
    key=("source", "event_id", "account_id"),
    partition_by=("month",),
    sort_by=("group_id", "account_id", "time"),
    unsought=("source", "event_id", "role", "partition", "offset", "position", "coverage"),
    meanings={
        "change": Meaning("joined or left"),
        "position": Meaning("place in its record of the event that shows it, from 0", ORDINAL),
        "earliest_at": Meaning("instant after which it happened, UTC; for an event the same as `time`"),
        "time_quality": Meaning("how well the time is known; bound: between `earliest_at` and `time`"),
        "is_derived": Meaning("true if it is derived from the difference of two snapshots, not from an event"),
    },
    made_of={
        **copied(EVENTS, "source", "event_id", "group_id", "time_quality", "coverage", "day", *ORDERING_KEY),
        "account_id": EVENTS.of("account_id", "members"),
        "role": EVENTS.of("role", "members"),
        "change": EVENTS.of("type", "members", *ORDERING_KEY),
        "earliest_at": EVENTS.of("members", *ORDERING_KEY),
        "is_derived": EVENTS.of("type"),
        "month": EVENTS.of("day"),
    },
    guided_by=(TOUCHED,),
    code_version=2,
)
