"""Simulated companies that act on their silent groups, as daily tables, and the same companies without an action.

A group is healthy or ill; it falls ill and recovers by chance. Larger groups recover more often, and groups that were
silent for longer recover less often. At noon the company acts on groups that were silent for some days: more often on
larger groups, after longer silences, and for some purposes, so that treated groups differ from untreated ones. An
operator who writes makes an ill group recover with the probability `planted`; a red packet does nothing, and is given
to groups that would recover sooner anyway. Groups sell while they are healthy, larger ones more often.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.groups.health import judged_days
from pipelines.groups.interventions.alike import Past
from pipelines.groups.state import group_state
from pipelines.groups.thresholds import LifeRules
from schemas.lake import FEED_DAY, FIRST_SEEN, GROUP, GROUP_DAY, GROUP_HOUR, GROUP_RISK, GROUP_SALES_DAY

PURPOSES: Final = ("retention", "sales", "referral", "service")
PLANTED: Final = "operator_wrote"
NULL: Final = "red_packet"
ACTIONS: Final = (PLANTED, NULL)
FIRST: Final = dt.date(2024, 1, 1)

_MORNING, _NOON, _EVENING = 9, 12, 20
_SOURCE: Final = "simulated"
_ILL: Final = 0.03
_ONSET: Final = 1 / 100
_RECOVERY: Final = 0.025
_SILENT: Final = 7
_REST: Final = 21
_NO_DAY: Final = -10_000
_ORDERS: Final = 0.05
_AMOUNTS: Final = (9.0, 0.9)
"""Mean and standard deviation of the logarithm of an order, in minor units."""

Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Chance:
    """All random numbers, one per group and day: a change on one day does not shift the draws of others."""

    purpose: Counts
    rate: npt.NDArray[np.float64]
    healthy: Counts
    ill: Counts
    falls: npt.NDArray[np.float64]
    recovers: npt.NDArray[np.float64]
    acts: npt.NDArray[np.float64]
    works: npt.NDArray[np.float64]
    sells: Counts

    @classmethod
    def of(cls, seed: int, groups: int, days: int) -> Chance:
        """Draw for so many groups and days."""
        rng = np.random.default_rng(seed)
        rate = rng.lognormal(1.0, 0.8, groups)
        halves = np.stack([rate * 0.4, rate * 0.6], axis=1)[:, None, :]
        return cls(
            purpose=rng.integers(0, len(PURPOSES), groups),
            rate=rate,
            healthy=rng.poisson(halves, (groups, days, 2)),
            ill=rng.poisson(_ILL * halves, (groups, days, 2)),
            falls=rng.random((groups, days)),
            recovers=rng.random((groups, days)),
            acts=rng.random((len(ACTIONS), groups, days)),
            works=rng.random((groups, days)),
            sells=_sales(rng, rate, days),
        )


def _sales(rng: np.random.Generator, rate: npt.NDArray[np.float64], days: int) -> Counts:
    """What each group would sell on each day, in minor units: on most days nothing."""
    is_sold = rng.random((len(rate), days)) < _ORDERS * np.sqrt(rate / np.e)[:, None]
    return np.where(is_sold, rng.lognormal(*_AMOUNTS, (len(rate), days)), 0).astype(np.int64)


@dataclass(frozen=True)
class Lived:
    """What happened by group and day: `said`, messages of each half; `sold`, minor units; `done`, by action."""

    said: Counts
    sold: Counts
    done: Flags


def live(chance: Chance, planted: float, withheld: Flags | None = None) -> Lived:
    """Let the company live, without the actions that are withheld.

    Args:
        chance: what is drawn.
        planted: probability that an operator who writes makes an ill group recover.
        withheld: [actions, groups, days] actions that are not done.
    """
    groups, days = chance.falls.shape
    said, done = np.zeros_like(chance.healthy), np.zeros(chance.acts.shape, bool)
    sold = np.zeros_like(chance.sells)
    is_ill, last_active = np.zeros(groups, bool), np.full(groups, -1)
    rested = np.full((len(ACTIONS), groups), _NO_DAY)
    size = np.sqrt(chance.rate / np.e)
    eager = np.array([[0.04, 0.02, 0.03, 0.01], [0.01, 0.04, 0.02, 0.03]])[:, chance.purpose]
    for day in range(days):
        said[:, day] = np.where(is_ill[:, None], chance.ill[:, day], chance.healthy[:, day])
        sold[:, day] = np.where(is_ill, 0, chance.sells[:, day])
        silent = day - 1 - last_active
        is_quiet = (silent >= _SILENT) & (said[:, day, 0] == 0)
        longing = np.stack([np.clip(silent / 14, 0.5, 1.5), np.clip(14 / np.maximum(silent, 1), 0.3, 1.5) * size])
        may = is_quiet & (day - rested > _REST)
        done[:, :, day] = may & (chance.acts[:, :, day] < eager * longing)
        if withheld is not None:
            done[:, :, day] &= ~withheld[:, :, day]
        rested[done[:, :, day]] = day
        last_active = np.where(said[:, day].sum(axis=1) > 0, day, last_active)
        recovery = _RECOVERY * size * np.exp(-np.maximum(silent, 0) / 60)
        is_well = (chance.recovers[:, day] < recovery) | (done[0, :, day] & (chance.works[:, day] < planted))
        is_ill = np.where(is_ill, ~is_well, chance.falls[:, day] < _ONSET)
    return Lived(said, sold, done)


def past(chance: Chance, lived: Lived) -> Past:
    """Return what happened as tables of the lake."""
    groups, days = chance.falls.shape
    ids = pl.Series([f"app:{number:03}" for number in range(groups)])
    dates = pl.date_range(FIRST, FIRST + dt.timedelta(days=days - 1), eager=True)

    def at(group: Counts, day: Counts) -> dict[str, pl.Series]:
        return {"group_id": ids.gather(group), "day": dates.gather(day)}

    group, day = np.nonzero(lived.said.sum(axis=2) + lived.done.any(axis=0))
    messages = lived.said[group, day].sum(axis=1)
    group_day = _table(GROUP_DAY.schema, {
        **at(group, day), "messages": messages, "speakers": (messages + 1) // 2, "active_members": (messages + 1) // 2,
        "source": pl.repeat(_SOURCE, len(group), eager=True), "coverage": pl.repeat("full", len(group), eager=True),
    })  # fmt: skip
    group, day, half = np.nonzero(lived.said)
    group_hour = _table(GROUP_HOUR.schema, {
        **at(group, day), "hour": np.where(half == 0, _MORNING, _EVENING), "messages": lived.said[group, day, half],
    })  # fmt: skip
    action, group, day = np.nonzero(lived.done)
    noon = pl.col("day").cast(pl.Datetime("us", "UTC")) + pl.duration(hours=_NOON)
    interventions = (
        pl.DataFrame({**at(group, day), "action": pl.Series(ACTIONS, dtype=pl.String).gather(action)})
        .with_columns(at=noon)
        .lazy()
    )
    born = pl.lit(FIRST).cast(pl.Datetime("us", "UTC"))
    group_rows = pl.DataFrame({"group_id": ids, "purpose": pl.Series(PURPOSES).gather(chance.purpose)})
    group_rows = _filled(GROUP.schema, group_rows.with_columns(born_at=born))
    feed_day = pl.LazyFrame({"source": _SOURCE, "day": dates}, schema=FEED_DAY.schema)
    first_seen = pl.LazyFrame(schema=FIRST_SEEN.schema)
    judged = judged_days(group_day, first_seen, feed_day, group_rows, dates[-1], "UTC", LifeRules())
    unknown = pl.lit(None, pl.Int32())
    states = group_state(judged.lazy().with_columns(half_writers_28d=unknown, half_writers_before=unknown))
    return Past(
        interventions=interventions, states=states.collect().lazy(), group_day=group_day, group_hour=group_hour,
        groups=group_rows, feed_day=feed_day, risks=pl.LazyFrame(schema=GROUP_RISK.schema), through=dates[-1],
        zone="UTC",
    )  # fmt: skip


def sold(lived: Lived) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Return what groups sold, and the days on which sales are known: all of them."""
    group, day = np.nonzero(lived.sold)
    days = pl.date_range(FIRST, FIRST + dt.timedelta(days=lived.sold.shape[1] - 1), eager=True).alias("day")
    rows = pl.DataFrame({
        "model": pl.repeat("last_click", len(group), eager=True),
        "group_id": pl.Series([f"app:{number:03}" for number in range(len(lived.sold))]).gather(group),
        "day": days.gather(day),
        "currency": pl.repeat("CNY", len(group), eager=True),
        "net_minor": lived.sold[group, day],
    })  # fmt: skip
    return _filled(GROUP_SALES_DAY.schema, rows), days.to_frame().lazy()


def _table(schema: pl.Schema, columns: dict[str, pl.Series | Counts]) -> pl.LazyFrame:
    return _filled(schema, pl.DataFrame(columns))


def _filled(schema: pl.Schema, rows: pl.DataFrame) -> pl.LazyFrame:
    """Return the columns of a table: counts that are not simulated are 0, texts and times null."""
    missing = [
        pl.lit(0 if dtype.is_integer() else None, dtype).alias(name)
        for name, dtype in schema.items()
        if name not in rows.columns
    ]
    return rows.with_columns(missing).select(schema.names()).cast(schema).lazy()
