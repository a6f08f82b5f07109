"""What is new to a fact: the marks of later batches, and the accounts whose person changed.

A fact that joins and leaves decide on follows `member_change` as well: it reads those that snapshots imply beside the
events, and records the batch that `member_change` includes, which can lag behind that of `events`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.events.identity import with_person
from pipelines.groups.member_change import with_derived
from pipelines.ingest.event_writer import BATCH
from pipelines.lake import Handle, Lake
from pipelines.refresh.written import SETTINGS, input_id, through_input
from schemas.lake import EVENTS, IDENTITY, IDENTITY_CHANGE, MEMBER_CHANGE, TOUCHED, LakeTable

BATCH_INPUT: Final = input_id(BATCH)
IDENTITY_INPUT: Final = input_id(IDENTITY.name)
MEMBER_CHANGE_INPUT: Final = input_id(MEMBER_CHANGE.name)


def included(fact: Handle) -> dict[str, int]:
    """What a fact of events includes, by what it noted: the newest batch, and the newest change of a person."""
    return {name: fact.position(name) or 0 for name in (BATCH_INPUT, IDENTITY_INPUT)}


def complete_inputs(days: Handle, through: dt.date | None, settings: int) -> dict[str, int]:
    """What a fact of the complete days of `person_day` records: what that includes, the last of them, the settings."""
    return included(days) | through_input(through) | {input_id(SETTINGS): settings}


def member_change_input(changes: Handle) -> dict[str, int]:
    """What a fact records of `member_change`: the newest batch that it includes."""
    return {MEMBER_CHANGE_INPUT: changes.position(BATCH_INPUT) or 0}


def batch_input(events: Handle) -> dict[str, int]:
    """What a fact of events in which persons have no part records: the newest batch."""
    return {BATCH_INPUT: events.position(BATCH) or 0}


def marks_since(lake: Lake, batch: int | None) -> pl.DataFrame:
    """The rows of `TOUCHED` of later batches; of all batches where there is none."""
    later = pl.col("batch") > pl.lit(batch or 0)
    return lake.open(TOUCHED).scan().filter(later).collect(engine="streaming")


def n_parts(rows: int, at_once: int) -> int:
    """In how many parts, at least one, rows are taken if each is to have about so many: it bounds memory."""
    return max(1, -(-rows // at_once))


@dataclass(frozen=True)
class Sources:
    """`events` and `identity` as one refresh sees them: loaded once, so that what is read and what is noted agree.

    `member_change` is there for facts that joins and leaves decide on, and None for all others.
    """

    events: Handle
    people: pl.DataFrame
    member_change: Handle | None = None

    @classmethod
    def of(cls, lake: Lake, fact: LakeTable | None = None) -> Sources:
        """Load them; `member_change` where the fact reads it."""
        is_read = fact is not None and MEMBER_CHANGE in (*fact.inputs, *fact.guided_by)
        changes = lake.open(MEMBER_CHANGE) if is_read else None
        return cls(lake.open(EVENTS), lake.open(IDENTITY).scan().collect(), changes)

    def positions(self) -> dict[str, int]:
        """How far these are: the newest batch, and the batch that last changed a person, which can lag behind."""
        newest_change = self.people["batch"].max()
        changed = {} if self.member_change is None else member_change_input(self.member_change)
        return {
            **batch_input(self.events),
            IDENTITY_INPUT: newest_change if isinstance(newest_change, int) else 0,
            **changed,
        }

    def scan(self) -> pl.LazyFrame:
        """The events; with `member_change` also the joins and leaves that snapshots imply, as if they were events."""
        events = self.events.scan()
        return events if self.member_change is None else with_derived(events, self.member_change.scan())

    def n_parts(self, at_once: int) -> int:
        """In how many parts all events are taken, if each is to have about so many."""
        return n_parts(self.events.scan().select(pl.len()).collect().item(), at_once)

    def inputs(self, settings: int) -> dict[str, int]:
        """What a fact of events and persons records: how far these are, and the fingerprint of its settings."""
        return {**self.positions(), input_id(SETTINGS): settings}

    def timeline(self, events: pl.LazyFrame | None = None) -> pl.LazyFrame:
        """Add `person_id` to events, by default to all."""
        return with_person(self.scan() if events is None else events, self.people.lazy())

    def moved_events(self, changes: Changes) -> pl.LazyFrame:
        """The events of accounts whose person changed."""
        return self._of_accounts(changes.moved_accounts())

    def events_of(self, persons: pl.Series) -> pl.LazyFrame:
        """The events of persons, with `person_id`."""
        return self.timeline(self._of_accounts(self.accounts_of(persons)["account_id"]))

    def accounts_of(self, persons: pl.Series) -> pl.DataFrame:
        """The accounts that belong to persons now: `person_id`, `account_id`.

        An account that was never linked is a person of its own. One that was merged away is none now and has none.
        """
        linked = self.people.join(persons.alias("person_id").to_frame(), on="person_id", how="semi")
        alone = (
            persons.alias("person_id")
            .to_frame()
            .join(self.people, left_on="person_id", right_on="account_id", how="anti")
        )
        columns = ("person_id", "account_id")
        return pl.concat([linked.select(columns), alone.select("person_id", account_id="person_id")])

    def _of_accounts(self, accounts: pl.Series) -> pl.LazyFrame:
        """The events of accounts; where there are none, nothing is read."""
        if accounts.is_empty():
            return self.scan().clear()
        return self.scan().filter(pl.col("account_id").is_in(accounts.implode()))


@dataclass(frozen=True)
class Changes:
    """What a fact does not include yet.

    `marks` are rows of `TOUCHED`, `moved` rows of `IDENTITY_CHANGE`, `people` the rows of `IDENTITY` now.
    """

    marks: pl.DataFrame
    moved: pl.DataFrame
    people: pl.DataFrame

    @classmethod
    def since(cls, lake: Lake, sources: Sources, done: Mapping[str, int | None]) -> Changes:
        """All that came after the positions `done`. Read after the sources were: marks are written before changes."""
        changed = pl.col("batch") > pl.lit(done[IDENTITY_INPUT] or 0)
        oldest = done[BATCH_INPUT] or 0
        if sources.member_change is not None:
            before, now = done[MEMBER_CHANGE_INPUT] or 0, member_change_input(sources.member_change)
            # Marks of what snapshots imply have the batch that `member_change` then included.
            oldest = oldest if before == now[MEMBER_CHANGE_INPUT] else min(oldest, before)
        return cls(
            marks_since(lake, oldest),
            lake.open(IDENTITY_CHANGE).scan().filter(changed).collect(engine="streaming"),
            sources.people,
        )

    def moved_accounts(self) -> pl.Series:
        """The accounts whose person changed."""
        return self.moved["account_id"].unique()

    def with_persons(self, accounts: pl.DataFrame) -> pl.DataFrame:
        """Add `person_id` to rows with `account_id`: a row for each person the account is, or was to the fact."""
        known = [
            self.people.select("account_id", "person_id"),
            self.moved.select("account_id", "person_id"),
            self.moved.select("account_id", person_id="person_before"),
        ]
        return (
            accounts.drop_nulls("account_id")
            .join(pl.concat(known).unique(), on="account_id", how="left")
            .with_columns(pl.coalesce("person_id", "account_id").alias("person_id"))
        )

    def persons_since(self) -> pl.DataFrame:
        """`person_id, since`: the first day on which a person's own events changed, null of one who is another now."""
        marked = self.marks.group_by("account_id").agg(since=pl.col("day").min())
        moved = self.moved.select("account_id", since=pl.lit(None, pl.Date)).unique()
        return (
            self.with_persons(pl.concat([marked, moved]))
            .group_by("person_id")
            .agg(pl.when(pl.col("since").is_not_null().all()).then(pl.col("since").min()))
        )

    def persons_in_groups(self, sources: Sources, through: dt.date | None) -> pl.DataFrame:
        """`person_id, group_id`: whose events in which group changed on a complete day, or are another person's now."""
        marked = self.marks.lazy().filter(pl.col("day") <= pl.lit(through, pl.Date))
        parts = [part.select("account_id", "group_id") for part in (marked, sources.moved_events(self))]
        accounts = pl.concat(parts).drop_nulls().unique().collect(engine="streaming")
        return self.with_persons(accounts).select("person_id", "group_id").unique()

    def persons(self) -> pl.Series:
        """The persons whose own events changed, and those who gained or lost an account."""
        return self.persons_since()["person_id"]


def touched_since(sources: Sources, changes: Changes, through: dt.date | None) -> pl.DataFrame:
    """Groups with a change on a complete day, that are described anew, or in which a person is another one.

    Returns:
        `group_id`, and `since` and `newest`, the days of the group's earliest and its newest change.
    """
    is_complete = pl.col("day") <= pl.lit(through, pl.Date)
    marked = changes.marks.lazy().filter(is_complete | pl.col("describes_group"))
    parts = (marked, sources.moved_events(changes))
    days = [part.group_by("group_id").agg(since=pl.col("day").min(), newest=pl.col("day").max()) for part in parts]
    return (
        pl.concat(days)
        .drop_nulls("group_id")
        .group_by("group_id")
        .agg(pl.col("since").min(), pl.col("newest").max())
        .collect(engine="streaming")
    )
