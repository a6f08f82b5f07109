"""Which rows may be stored already: none that is stored is missed, and beyond the room for hashes all may be."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipelines.ingest.known_keys import KnownKeys
from pipelines.lake import Lake
from schemas.lake import EVENTS


def rows(*keys: tuple[str, str]) -> pl.DataFrame:
    given = pl.DataFrame(keys, schema=["source", "event_id"], orient="row")
    others = [pl.lit(None, dtype).alias(name) for name, dtype in EVENTS.columns.items() if name not in given.columns]
    return given.with_columns(others).with_columns(month=pl.date(2025, 3, 1)).select(EVENTS.schema.names())


def stored(tmp_path: Path, *keys: tuple[str, str]) -> Lake:
    lake = Lake(str(tmp_path))
    lake.append(lake.open(EVENTS), rows(*keys), {})
    return lake


def test_stored_and_added_keys_are_known_and_others_are_not(tmp_path: Path):
    known = KnownKeys(stored(tmp_path, ("shop", "1"), ("shop", "2")).open(EVENTS), expected=10)
    known.add(rows(("shop", "3")))
    asked = rows(("shop", "1"), ("shop", "3"), ("shop", "4"), ("other", "1"), ("shop1", ""))
    assert known.may_hold(asked).to_list() == [True, True, False, False, False]


def test_beyond_the_room_for_hashes_every_key_may_be_stored(tmp_path: Path):
    known = KnownKeys(stored(tmp_path, ("shop", "1")).open(EVENTS), expected=2, most=2)
    assert known.may_hold(rows(("shop", "1"), ("shop", "9"))).to_list() == [True, True]
