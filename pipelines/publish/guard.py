"""Keep a publication from emptying the warehouse: it needs the same lake, and no table may lose too many rows.

Both are enforced inside the transaction of the publication, so a refusal changes nothing.
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
    "Readers still see the previous version."
)


@dataclass(frozen=True)
class Guard:
    """Limits of a publication.

    Attributes:
        lake_id: Id of the lake that the rows come from.
        max_lost_share: The largest share of its rows that a table may lose at once.
        is_accepted: Whether a person accepted this publication, whatever is lost and whichever lake it is from.
        needs_check: Whether only tables that passed their checks are published.
    """

    lake_id: str
    max_lost_share: float = 0.5
    is_accepted: bool = False
    needs_check: bool = True


@dataclass(frozen=True)
class Loss:
    """How many rows a table had before, and how many of these it lost."""

    before: int
    lost: int


def refuse_another_lake(connection: sa.Connection, guard: Guard, now: dt.datetime) -> None:
    """Compare the lake with the warehouse's; a warehouse without a lake belongs to this one from now on.

    Args:
        connection: In the transaction of the publication.
        guard: The lake that the rows come from, `lake_id`.
        now: When it is published.

    Raises:
        AnotherLake: They differ, and nobody accepted that.
    """
    known = connection.execute(sa.select(lake.c.lake_id).order_by(lake.c.change.desc()).limit(1)).scalar()
    if known == guard.lake_id:
        return
    if known is not None and not guard.is_accepted:
        raise AnotherLake(
            f"The warehouse was published from lake {known}, but this is lake {guard.lake_id}.",
            url=connection.engine.url,
            next_step=f"Check that lake.uri and warehouse.url belong together. If this lake is to take over: {_ACCEPT}",
        )
    connection.execute(sa.insert(lake).values(lake_id=guard.lake_id, recorded_at=now))


def refuse_lost_rows(connection: sa.Connection, losses: Mapping[sa.Table, int], guard: Guard) -> None:
    """Refuse the publication if a table lost more of its rows than the limit.

    Tables that only ever have the newest days (`ROLLING`) have no limit.

    Args:
        connection: In the transaction of the publication, after the tables were changed.
        losses: Rows deleted less rows inserted, by table. Tables that lost none are not counted.
        guard: The limit, `max_lost_share`.

    Raises:
        RowsLost: A table lost more, and nobody accepted that.
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
            f"More than {guard.max_lost_share:.0%} of the rows would be deleted: {shown}{others}.",
            url=connection.engine.url,
            next_step=f"Examine the lake: `emberline doctor`. If the rows should be deleted: {_ACCEPT}",
        )


def _loss(connection: sa.Connection, table: sa.Table, lost: int) -> Loss:
    left = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    return Loss(before=left + lost, lost=lost)
