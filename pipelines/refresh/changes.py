"""Changes that a fact does not include yet: the change log of later batches, and reassigned accounts.

A fact that depends on joins and leaves also follows `member_change`: it reads the joins and leaves derived from
snapshots beside the events, and records the batch that `member_change` includes, which can lag behind `events`.
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
    """Return what a fact of events includes by its recorded inputs: the newest batch and the newest identity change."""
    return {name: fact.position(name) or 0 for name in (BATCH_INPUT, IDENTITY_INPUT)}


def complete_inputs(days: Handle, through: dt.date | None, settings: int) -> dict[str, int]:
    """Return the inputs that a fact of complete days of `person_day` records: its positions, last day and settings."""
    return included(days) | through_input(through) | {input_id(SETTINGS): settings}


def member_change_input(changes: Handle) -> dict[str, int]:
    """Return what a fact records of `member_change`: the newest batch that it includes."""
    return {MEMBER_CHANGE_INPUT: changes.position(BATCH_INPUT) or 0}


def batch_input(events: Handle) -> dict[str, int]:
    """Return what a fact of events that does not depend on persons records: the newest batch."""
    return {BATCH_INPUT: events.position(BATCH) or 0}


def change_log_since(lake: Lake, batch: int | None) -> pl.DataFrame:
    """Return the rows of `TOUCHED` of batches after `batch`; of all batches if it is None."""
    later = pl.col("batch") > pl.lit(batch or 0)
    return lake.open(TOUCHED).scan().filter(later).collect(engine="streaming")


def n_parts(rows: int, at_once: int) -> int:
    """Return the number of parts, at least 1, for parts of about `at_once` rows, which bounds memory."""
    return max(1, -(-rows // at_once))


@dataclass(frozen=True)
class Sources:
    """`events` and `identity` of one refresh, loaded once, so that it records exactly the versions that it reads.

    `member_change` is set for facts that depend on joins and leaves, and None for all others.
    """

    events: Handle
    people: pl.DataFrame
    member_change: Handle | None = None

    @classmethod
    def of(cls, lake: Lake, fact: LakeTable | None = None) -> Sources:
        """Load the tables; `member_change` only if the fact reads it."""
        is_read = fact is not None and MEMBER_CHANGE in fact.reads
        changes = lake.open(MEMBER_CHANGE) if is_read else None
        return cls(lake.open(EVENTS), lake.open(IDENTITY).scan().collect(), changes)

    def positions(self) -> dict[str, int]:
        """Return the newest batch, and the batch that last changed a person, which can lag behind."""
        newest_change = self.people["batch"].max()
        changed = {} if self.member_change is None else member_change_input(self.member_change)
        return {
            **batch_input(self.events),
            IDENTITY_INPUT: newest_change if isinstance(newest_change, int) else 0,
            **changed,
        }

    def scan(self) -> pl.LazyFrame:
        """Scan the events; with `member_change` also the joins and leaves derived from snapshots, as events."""
        events = self.events.scan()
        return events if self.member_change is None else with_derived(events, self.member_change.scan())

    def n_parts(self, at_once: int) -> int:
        """Return the number of parts for parts of about `at_once` events."""
        return n_parts(self.events.rows, at_once)

    def inputs(self, settings: int) -> dict[str, int]:
        """Return what a fact of events and persons records: their positions and the fingerprint of its settings."""
        return {**self.positions(), input_id(SETTINGS): settings}

    def timeline(self, events: pl.LazyFrame | None = None) -> pl.LazyFrame:
        """Add `person_id` to events, by default to all of them."""
        return with_person(self.scan() if events is None else events, self.people.lazy())

    def reassigned_events(self, changes: Changes) -> pl.LazyFrame:
        """Return the events of reassigned accounts."""
        return self._of_accounts(changes.reassigned_accounts())

    def events_of(self, persons: pl.Series) -> pl.LazyFrame:
        """Return the events of persons, with `person_id`."""
        return self.timeline(self._of_accounts(self.accounts_of(persons)["account_id"]))

    def accounts_of(self, persons: pl.Series) -> pl.DataFrame:
        """Return the current accounts of persons: `person_id`, `account_id`.

        An account that was never linked is a person of its own. A person that was merged into another has no accounts.
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
        """Return the events of accounts; without accounts, nothing is read."""
        if accounts.is_empty():
            return self.scan().clear()
        return self.scan().filter(pl.col("account_id").is_in(accounts.implode()))


@dataclass(frozen=True)
class Changes:
    """The changes that a fact does not include yet.

    `log` are rows of the change log `TOUCHED`, `reassigned` rows of `IDENTITY_CHANGE`, `people` the current rows of
    `IDENTITY`.
    """

    log: pl.DataFrame
    reassigned: pl.DataFrame
    people: pl.DataFrame

    @classmethod
    def since(cls, lake: Lake, sources: Sources, done: Mapping[str, int | None]) -> Changes:
        """Return all changes after the positions `done`.

        Call it after loading the sources: the change log is written before the changes.
        """
        changed = pl.col("batch") > pl.lit(done[IDENTITY_INPUT] or 0)
        oldest = done[BATCH_INPUT] or 0
        if sources.member_change is not None:
            before, now = done[MEMBER_CHANGE_INPUT] or 0, member_change_input(sources.member_change)
            # Rows for joins and leaves derived from snapshots carry the batch that `member_change` included then.
            oldest = oldest if before == now[MEMBER_CHANGE_INPUT] else min(oldest, before)
        return cls(
            change_log_since(lake, oldest),
            lake.open(IDENTITY_CHANGE).scan().filter(changed).collect(engine="streaming"),
            sources.people,
        )

    def reassigned_accounts(self) -> pl.Series:
        """Return the reassigned accounts."""
        return self.reassigned["account_id"].unique()

    def with_persons(self, accounts: pl.DataFrame) -> pl.DataFrame:
        """Add `person_id` to rows with `account_id`: a row per person that has the account, or had it in the fact."""
        known = [
            self.people.select("account_id", "person_id"),
            self.reassigned.select("account_id", "person_id"),
            self.reassigned.select("account_id", person_id="person_before"),
        ]
        return (
            accounts.drop_nulls("account_id")
            .join(pl.concat(known).unique(), on="account_id", how="left")
            .with_columns(pl.coalesce("person_id", "account_id").alias("person_id"))
        )

    def persons_since(self) -> pl.DataFrame:
        """Return `person_id, since`: the first day on which a person's events changed; null for reassigned accounts."""
        logged = self.log.group_by("account_id").agg(since=pl.col("day").min())
        reassigned = self.reassigned.select("account_id", since=pl.lit(None, pl.Date)).unique()
        return (
            self.with_persons(pl.concat([logged, reassigned]))
            .group_by("person_id")
            .agg(pl.when(pl.col("since").is_not_null().all()).then(pl.col("since").min()))
        )

    def persons_in_groups(self, sources: Sources, through: dt.date | None) -> pl.DataFrame:
        """Return `person_id, group_id` whose events changed on a complete day or belong to another person now."""
        logged = self.log.lazy().filter(pl.col("day") <= pl.lit(through, pl.Date))
        parts = [part.select("account_id", "group_id") for part in (logged, sources.reassigned_events(self))]
        accounts = pl.concat(parts).drop_nulls().unique().collect(engine="streaming")
        return self.with_persons(accounts).select("person_id", "group_id").unique()

    def persons(self) -> pl.Series:
        """Return the persons whose events changed or who gained or lost an account."""
        return self.persons_since()["person_id"]


def changed_groups(sources: Sources, changes: Changes, through: dt.date | None) -> pl.DataFrame:
    """Return groups with changed complete days, changed attributes or reassigned accounts.

    Returns:
        `group_id`, and `since` and `newest`, the days of the group's earliest and newest change.
    """
    is_complete = pl.col("day") <= pl.lit(through, pl.Date)
    logged = changes.log.lazy().filter(is_complete | pl.col("describes_group"))
    parts = (logged, sources.reassigned_events(changes))
    days = [part.group_by("group_id").agg(since=pl.col("day").min(), newest=pl.col("day").max()) for part in parts]
    return (
        pl.concat(days)
        .drop_nulls("group_id")
        .group_by("group_id")
        .agg(pl.col("since").min(), pl.col("newest").max())
        .collect(engine="streaming")
    )
