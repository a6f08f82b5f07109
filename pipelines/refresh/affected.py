"""Persons whose funnel entries can differ, found from the entries and the events since the change, not all history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.funnel.affected import affected, exposed_rows, own_rows, possible_steps, step_columns, within_reach
from pipelines.funnel.predicates import columns
from pipelines.funnel.steps import is_product_message
from pipelines.lake import Lake
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.first_seen import known_first_seen
from schemas.funnel import FunnelDefinition


@dataclass(frozen=True)
class _Funnel:
    """A definition, its stored entries, and the `possible_steps` of product messages since the first change."""

    definition: FunnelDefinition
    entries: pl.DataFrame
    exposed: pl.DataFrame


def affected_persons(
    lake: Lake, sources: Sources, changes: Changes, definitions: Sequence[FunnelDefinition], stored: pl.DataFrame
) -> pl.DataFrame:
    """Find the persons whose entries of any of the funnels can differ.

    Args:
        lake: The lake. Its `first_seen` shows which activity is the first in a group; while outdated, any may be.
        sources: Current events and identity.
        changes: The changes that the stored entries do not include.
        definitions: The funnels whose definition is that of the entries, at least one.
        stored: `schemas.lake.FUNNEL_ENTRY`.

    Returns:
        A row per person: `person_id`, and `is_changed`: whether their own events changed, or they gained or lost an
        account. The others are related to a group in which a product message was added or removed.
    """
    own, offers = changes.persons_since(), changes.log.filter("reaches_group")
    earliest = pl.concat([own["since"], offers["day"]]).min()
    offered = exposed_rows(_from(sources, earliest).filter(is_product_message()))
    needed = columns(definitions) | {"person_id"}
    messages = offered.select(needed).collect(engine="streaming")
    funnels = [
        _Funnel(one, stored.filter(pl.col("funnel") == one.name), possible_steps(messages, one)) for one in definitions
    ]
    cuts = (
        pl.concat([own, _reached(sources, changes, offers, funnels)])
        .group_by("person_id")
        .agg(pl.when(pl.col("since").is_not_null().all()).then(pl.col("since").min()))
    )
    rows = _own_rows(lake, sources, cuts.drop_nulls()).select(needed).collect(engine="streaming")
    found = [affected(one.entries, _with_steps(cuts, rows, one), one.definition) for one in funnels]
    persons = pl.concat(found).unique().alias("person_id").to_frame()
    return persons.with_columns(is_changed=pl.col("person_id").is_in(own["person_id"].implode()))


def _reached(sources: Sources, changes: Changes, offers: pl.DataFrame, funnels: Sequence[_Funnel]) -> pl.DataFrame:
    """Return `person_id, since` of persons who may have been exposed to an added or removed product message."""
    since = offers["day"].min()
    if not isinstance(since, dt.date):
        return pl.DataFrame(schema={"person_id": pl.String, "since": pl.Date})
    of_funnels = [within_reach(one.entries, one.exposed, since, one.definition) for one in funnels]
    named = [persons for persons in of_funnels if persons is not None]
    if len(named) < len(funnels):
        in_groups = pl.col("group_id").is_in(offers["group_id"].unique().implode())
        members = sources.scan().filter(in_groups).select("account_id").unique().collect(engine="streaming")
        named.append(changes.with_persons(members)["person_id"])
    return pl.concat(named).unique().alias("person_id").to_frame().with_columns(since=since)


def _own_rows(lake: Lake, sources: Sources, cuts: pl.DataFrame) -> pl.LazyFrame:
    accounts = sources.accounts_of(cuts["person_id"])["account_id"]
    events = _from(sources, cuts["since"].min()).filter(pl.col("account_id").is_in(accounts.implode()))
    return own_rows(sources.timeline(events), cuts.lazy(), known_first_seen(lake, sources))


def _with_steps(cuts: pl.DataFrame, rows: pl.DataFrame, funnel: _Funnel) -> pl.DataFrame:
    """Return the cuts with the steps that own rows or exposures since then could satisfy."""
    steps = step_columns(funnel.definition)
    own = possible_steps(rows, funnel.definition).group_by("person_id").agg(pl.col(steps).any())
    return cuts.join(own, on="person_id", how="left").with_columns(
        pl.col(step).fill_null(value=False) | funnel.exposed[step].any() for step in steps
    )


def _from(sources: Sources, day: object) -> pl.LazyFrame:
    """Return the events from a day on; none if `since` is None."""
    first = pl.lit(day, pl.Date)
    # Files are skipped by month.
    return sources.scan().filter((pl.col("month") >= first.dt.month_start()) & (pl.col("day") >= first))
