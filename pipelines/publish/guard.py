"""Keep a publication from emptying the warehouse: it is of one lake, and no table loses too large a share of its rows.

Both are enforced inside the transaction of the publication: nothing gets past them, and a refusal leaves no trace.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from pipelines.printable import counted
from pipelines.publish.errors import AnotherLake, RowsLost
from schemas.mart_columns import ROLLING
from schemas.operations import lake

_SHOWN: Final = 5
_ACCEPT: Final = (
    "`emberline run --accept-loss`; in Dagster, launch the run with accept_loss: true in the config of `publish`. "
    "Readers still see the version before."
)


@dataclass(frozen=True)
class Guard:
    """What a publication may do to the warehouse.

    Attributes:
        lake_id: Id of the lake that the rows come from.
        max_lost_share: The largest share of its rows that a table may lose at once.
        is_accepted: Whether a person agreed to this publication, whatever is lost and wherever the rows come from.
        needs_check: Whether only what a check has passed is published.
    """

    lake_id: str
    max_lost_share: float = 0.5
    is_accepted: bool = False
    needs_check: bool = True


@dataclass(frozen=True)
class Loss:
    """How many rows a table had, and how many fewer it has now."""

    before: int
    lost: int


def refuse_another_lake(connection: sa.Connection, guard: Guard, now: dt.datetime) -> None:
    """Compare the lake with the one that the warehouse is of; a warehouse of none is of this one from now on.

    Args:
        connection: In the transaction of the publication.
        guard: Names the lake.
        now: When it is published.

    Raises:
        AnotherLake: They differ, and nobody agreed to that.
    """
    known = connection.execute(sa.select(lake.c.lake_id).order_by(lake.c.change.desc()).limit(1)).scalar()
    if known == guard.lake_id:
        return
    if known is not None and not guard.is_accepted:
        raise AnotherLake(
            f"The warehouse was published from lake {known}, and this is lake {guard.lake_id}.",
            url=connection.engine.url,
            next_step=f"See that lake.uri and warehouse.url belong together. If this lake is to take over: {_ACCEPT}",
        )
    connection.execute(sa.insert(lake).values(lake_id=guard.lake_id, recorded_at=now))


def refuse_lost_rows(connection: sa.Connection, losses: Mapping[sa.Table, int], guard: Guard) -> None:
    """Compare what tables lost with what they may lose; one that has the newest days only may lose all others.

    Args:
        connection: In the transaction of the publication, after the tables were changed.
        losses: Rows deleted beyond those inserted, by table. Tables that lost none are not counted.
        guard: Says what they may lose.

    Raises:
        RowsLost: A table lost more, and nobody agreed to that.
    """
    if guard.is_accepted:
        return
    found = {
        table.name: _loss(connection, table, lost)
        for table, lost in losses.items()
        if lost > 0 and table.info != ROLLING
    }
    refused = {name: loss for name, loss in found.items() if loss.lost > guard.max_lost_share * loss.before}
    if refused:
        largest = sorted(refused, key=lambda name: (refused[name].lost / refused[name].before, name), reverse=True)
        shown = ", ".join(f"{name} {refused[name].lost:,} of {refused[name].before:,}" for name in largest[:_SHOWN])
        others = f" and {counted(len(largest) - _SHOWN, 'more table')}" if len(largest) > _SHOWN else ""
        raise RowsLost(
            f"More than {guard.max_lost_share:.0%} of the rows would go: {shown}{others}.",
            url=connection.engine.url,
            next_step=f"See what became of the lake: `emberline doctor`. If the rows are to go: {_ACCEPT}",
        )


def _loss(connection: sa.Connection, table: sa.Table, lost: int) -> Loss:
    left = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    return Loss(before=left + lost, lost=lost)
