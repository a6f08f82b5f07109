"""Rebuilds of facts: requests, and which of them concern a fact.

A request is a row of `rebuild` and an input of the fact it names: the fact records the newest request it includes. If a
rebuild changed rows, the fact's commit records that, and dependent facts are rebuilt in turn. Requests come from people
and from a refresh whose code version differs from the one that computed the fact.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.inputs import CODE_INPUT, FIRST_CODE
from pipelines.lake import Handle, Lake
from pipelines.refresh.written import REBUILD_INPUT, REBUILT
from schemas.errors import EmberlineError
from schemas.lake import EVENTS, FACTS, IDENTITY, REBUILD, TABLES, LakeTable

BY_DAY: Final = tuple(table.name for table in FACTS if table.is_by_day)
"""Facts that can be rebuilt from a day on; in others, rows depend on other rows or on all history."""

EMBERLINE: Final = "emberline"
"""Actor of a request because a fact was computed by another version of its code."""


class NotRebuildable(EmberlineError):
    """There is no such fact, or it cannot be rebuilt from a day on."""


@dataclass(frozen=True)
class Rebuild:
    """The rebuilds that concern one fact: the newest request or rebuilt input, and whether it is still due.

    `named` are the facts in due requests; `since` is the earliest day in them, None if any is from scratch; `code` is
    the version of the fact's code, None if it is the first and no other was ever recorded.
    """

    number: int
    is_due: bool
    since: dt.date | None = None
    named: frozenset[str] = frozenset()
    code: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the fact must be computed from scratch."""
        return self.is_due and self.since is None

    def seen(self) -> dict[str, int]:
        """The inputs that the fact records; empty if it was never rebuilt and its code version never raised."""
        numbers = {REBUILD_INPUT: self.number or None, CODE_INPUT: self.code}
        return {name: number for name, number in numbers.items() if number is not None}


def request_rebuild(
    lake: Lake, fact: str, *, since: dt.date | None, actor: str, reason: str, now: dt.datetime | None
) -> int:
    """Request a rebuild of a fact, regardless of its recorded inputs; the next run of the pipeline does it.

    Args:
        lake: The lake.
        fact: The name of one of `schemas.lake.FACTS`, or `events` for a new decoding.
        since: The first day concerned; None: from scratch.
        actor: Who requests it.
        reason: Why.
        now: When; None if it is requested because of the code version.

    Returns:
        The number of the request.

    Raises:
        NotRebuildable: There is no such fact, or it can't be rebuilt from a day on.
        LakeConflict: Somebody else made a request at the same time; nothing was written.
    """
    if fact not in (names := sorted(table.name for table in FACTS)) and fact != EVENTS.name:
        raise NotRebuildable(f"There is no fact {fact!r}.", f"Facts: {', '.join(names)}.")
    if since is not None and fact not in BY_DAY:
        raise NotRebuildable(
            f"{fact} can't be rebuilt from a day on: its rows depend on earlier ones.",
            f"Leave out the day. These facts accept one: {', '.join(BY_DAY)}.",
        )
    handle = lake.open(REBUILD)
    number = (handle.scan().select(pl.col("rebuild").max()).collect().item() or 0) + 1
    row = {
        "rebuild": number, "fact": fact, "since": since, "actor": actor, "reason": reason, "requested_at": now
    }  # fmt: skip
    lake.append(handle, pl.DataFrame([row], schema=REBUILD.schema), {})
    return number


def rebuild_due(lake: Lake, fact: Handle) -> Rebuild:
    """Request a rebuild if other code computed the fact, then return the rebuilds that concern it.

    A run that dies after its request finds it the next time and makes no second one.
    """
    computed_by = fact.position(CODE_INPUT) or FIRST_CODE
    if fact.content and computed_by != (version := code_version(fact.table)):
        names = fact.table.computed_with or (fact.table.name,)
        done = fact.position(REBUILD_INPUT) or 0
        due = lake.open(REBUILD).scan().filter(pl.col("fact").is_in(names), pl.col("rebuild") > done)
        if due.filter(pl.col("since").is_null()).collect().is_empty():
            reason = f"Its code has version {version}, but it was computed by version {computed_by}."
            request_rebuild(lake, names[0], since=None, actor=EMBERLINE, reason=reason, now=None)
    return rebuild_of(lake, fact)


def rebuild_of(lake: Lake, fact: Handle) -> Rebuild:
    """Return the rebuilds that concern a fact.

    Call it before reading the inputs: an input that is rebuilt in between is followed the next time.
    """
    version, recorded_version = code_version(fact.table), fact.position(CODE_INPUT)
    code = None if recorded_version is None and version == FIRST_CODE else version
    if not (log := lake.open(REBUILD)).content:
        return Rebuild(0, is_due=False, code=code)
    names = fact.table.computed_with or (fact.table.name,)
    requests = log.scan().filter(pl.col("fact").is_in(names)).collect()
    rebuilt = max((lake.open(table).position(REBUILT) or 0 for table in _followed(names)), default=0)
    asked = requests["rebuild"].max()
    number, done = max(rebuilt, asked if isinstance(asked, int) else 0), fact.position(REBUILD_INPUT) or 0
    due = requests.filter(pl.col("rebuild") > done)
    earliest = due["since"].min() if rebuilt <= done and not due["since"].has_nulls() else None
    since = earliest if isinstance(earliest, dt.date) else None
    return Rebuild(number, number > done, since, frozenset(due["fact"]), code)


def code_version(table: LakeTable) -> int:
    """Return the version of the code that computes a fact."""
    return table.code_version or FIRST_CODE


def _followed(names: Sequence[str]) -> set[LakeTable]:
    """Return the tables whose rebuilds these facts follow; changes of `identity` are in `identity_change`."""
    read = {table for name in names for table in TABLES[name].reads}
    return {
        table
        for table in read
        if (table.is_fact or table is EVENTS) and table is not IDENTITY and table.name not in names
    }
