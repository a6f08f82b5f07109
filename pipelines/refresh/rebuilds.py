"""What people asked to rebuild, and what of it concerns a fact.

A request is a row of `rebuild`, and an input of the fact it names like any other: the fact records the newest one it
includes. Where a rebuild changed rows, the fact says so in its commit, and what depends on it is rebuilt in its turn.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.lake import Handle, Lake
from pipelines.refresh.written import REBUILD_INPUT, REBUILT
from schemas import lake as tables
from schemas.errors import EmberlineError
from schemas.lake import FACTS, REBUILD, LakeTable

BY_DAY: Final = ("person_day", "group_day", "feed_day", "retention")
"""Facts that can be rebuilt from a day on: of all others a row follows from other rows, or from all of history."""

_TOGETHER: Final = (("group_health", "group_state"), ("risk_model", "group_risk"))
"""Facts that one refresh computes."""

_DEPENDS_ON: Final[Mapping[str, tuple[LakeTable, ...]]] = {
    "identity": (tables.EVENTS,),
    "person_day": (tables.EVENTS,),
    "group_day": (tables.EVENTS,),
    "feed_day": (tables.EVENTS,),
    "group": (tables.EVENTS,),
    "first_seen": (tables.PERSON_DAY,),
    "retention": (tables.PERSON_DAY, tables.FIRST_SEEN),
    "lifecycle": (tables.PERSON_DAY, tables.FIRST_SEEN),
    "member_state": (tables.EVENTS, tables.PERSON_DAY, tables.FIRST_SEEN),
    "funnel_entry": (tables.EVENTS, tables.FIRST_SEEN),
    "order_credit": (tables.EVENTS, tables.FIRST_SEEN),
    "order_refund": (tables.EVENTS,),
    "person_value": (tables.ORDER_CREDIT,),
    "group_health": (tables.GROUP, tables.GROUP_DAY, tables.FEED_DAY, tables.PERSON_DAY, tables.FIRST_SEEN),
    "group_risk": (tables.PERSON_DAY, tables.GROUP_HEALTH),
    "group_engagement": (tables.MEMBER_STATE,),
    "funnel_step": (tables.FUNNEL_ENTRY,),
    "funnel_breakdown": (tables.FUNNEL_ENTRY, tables.EVENTS, tables.GROUP),
    "funnel_time_to_convert": (tables.FUNNEL_ENTRY,),
    "funnel_curve": (tables.FUNNEL_ENTRY,),
    "funnel_trend": (tables.FUNNEL_ENTRY,),
    "group_sales": (tables.ORDER_CREDIT,),
    "message_sales": (tables.ORDER_CREDIT,),
    "segment_sales": (tables.ORDER_CREDIT, tables.GROUP),
}
"""The tables whose rebuilding is followed. `identity` is not among them: whom it changes, `identity_change` says."""


class NotRebuildable(EmberlineError):
    """There is no such fact, or none that can be rebuilt from a day on."""


@dataclass(frozen=True)
class Rebuild:
    """What concerns one fact: the newest request or rebuilt input, and whether the fact does not include it yet.

    `named` are the facts that requests not included yet name; `since` is the day from which all of these want it.
    """

    number: int
    is_due: bool
    since: dt.date | None = None
    named: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether the fact has to be computed from scratch."""
        return self.is_due and self.since is None

    def seen(self) -> dict[str, int]:
        """The input that the fact records; none while nothing was ever rebuilt."""
        return {REBUILD_INPUT: self.number} if self.number else {}


def request_rebuild(lake: Lake, fact: str, *, since: dt.date | None, actor: str, reason: str, now: dt.datetime) -> int:
    """Ask for a fact to be computed again, whatever inputs it recorded; the next run of the pipeline does it.

    Args:
        lake: holds the request.
        fact: the name of one of `schemas.lake.FACTS`.
        since: the first day concerned; None: from scratch.
        actor: who asks.
        reason: why.
        now: when.

    Returns:
        The number of the request.

    Raises:
        NotRebuildable: there is no such fact, or it can't be rebuilt from a day on.
        LakeConflict: somebody asked at the same time; nothing was written.
    """
    if fact not in (names := sorted(table.name for table in FACTS)):
        raise NotRebuildable(f"There is no fact {fact!r}.", f"There are: {', '.join(names)}.")
    if since is not None and fact not in BY_DAY:
        raise NotRebuildable(
            f"{fact} can't be rebuilt from a day on: its rows follow from earlier ones.",
            f"Leave the day out. These take one: {', '.join(BY_DAY)}.",
        )
    handle = lake.open(REBUILD)
    number = (handle.scan().select(pl.col("rebuild").max()).collect().item() or 0) + 1
    row = {
        "rebuild": number, "fact": fact, "since": since, "actor": actor, "reason": reason, "requested_at": now
    }  # fmt: skip
    lake.append(handle, pl.DataFrame([row], schema=REBUILD.schema), {})
    return number


def rebuild_of(lake: Lake, fact: Handle) -> Rebuild:
    """What concerns a fact. Taken before its inputs are read: what is rebuilt in between is followed the next time."""
    if not (log := lake.open(REBUILD)).content:
        return Rebuild(0, is_due=False)
    name = fact.table.name
    names = next((names for names in _TOGETHER if name in names), (name,))
    requests = log.scan().filter(pl.col("fact").is_in(names)).collect()
    inputs = [table for one in names for table in _DEPENDS_ON.get(one, ())]
    rebuilt = max((lake.open(table).position(REBUILT) or 0 for table in inputs), default=0)
    asked = requests["rebuild"].max()
    number, done = max(rebuilt, asked if isinstance(asked, int) else 0), fact.position(REBUILD_INPUT) or 0
    due = requests.filter(pl.col("rebuild") > done)
    earliest = due["since"].min() if rebuilt <= done and not due["since"].has_nulls() else None
    since = earliest if isinstance(earliest, dt.date) else None
    return Rebuild(number, number > done, since, frozenset(due["fact"]))
