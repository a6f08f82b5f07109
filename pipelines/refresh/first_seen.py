"""`first_seen` follows `person_day`: the persons that a later state of it touched."""

from __future__ import annotations

import polars as pl

from pipelines.engagement.first_seen import first_seen
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import Changes, Sources, included
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, noted, unchanged, write
from schemas.lake import FIRST_SEEN, PERSON_DAY


def refresh_first_seen(lake: Lake) -> Refreshed:
    """Recompute the persons of whom `person_day` includes more than this fact does.

    What `person_day` includes stands in its commits. Marks that are even newer cost a recomputation, never a number.
    """
    handle, days = lake.open(FIRST_SEEN), lake.open(PERSON_DAY)
    seen = included(days)
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    if done[input_id(SETTINGS)] != seen[input_id(SETTINGS)]:
        return write(lake, handle, first_seen(days.scan()).collect(engine="streaming"), seen)
    persons = Changes.since(lake, Sources.of(lake), done).persons()
    touched = pl.col("person_id").is_in(persons.implode())
    fresh = first_seen(days.scan().filter(touched)).collect(engine="streaming")
    return write(lake, handle, fresh, seen, Refreshed(is_changed=False, rows=0, persons=len(persons)), touched)


def first_days(lake: Lake, days: Handle) -> pl.LazyFrame:
    """The rows of `first_seen` that follow from this very version of `person_day`: computed where the stored lag."""
    firsts, wanted = lake.open(FIRST_SEEN), included(days)
    return firsts.scan() if noted(firsts, wanted) == wanted else first_seen(days.scan())
