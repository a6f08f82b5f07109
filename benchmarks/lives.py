"""Simulated companies whose groups live and die in four ways, as days of persons in groups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl

from schemas.lake import PERSON_DAY

FIRST: Final = dt.date(2024, 1, 1)
DAYS: Final = 728
THROUGH: Final = FIRST + dt.timedelta(days=DAYS - 1)

_MINUTES: Final = 1440
_GROUPS: Final = 30


def company(kind: str, seed: int, groups: int = _GROUPS) -> pl.LazyFrame:
    """Draw two years of a company, as `schemas.lake.PERSON_DAY`.

    Half of the groups exist from the first day, the others begin within a year. Each ends 60 days plus an exponential
    time with a mean of 330 days later, at once or gradually; a quarter of them comes back.

    Args:
        kind: One of `KINDS`.
        seed: Seed of the random numbers.
        groups: Number of groups.
    """
    chance = np.random.default_rng([list(KINDS).index(kind), seed])
    frames = [_group(chance, kind, number, is_first=number < groups // 2) for number in range(groups)]
    at = pl.lit(FIRST).cast(pl.Datetime("us", "UTC")) + pl.duration(days="number")
    return (
        pl.concat(frames)
        .select(
            "person_id",
            "group_id",
            day=(pl.lit(FIRST) + pl.duration(days="number")).cast(pl.Date),
            messages="messages",
            replies=0,
            reactions=0,
            first_time=at + pl.duration(minutes="first"),
            last_time=at + pl.duration(minutes="last"),
        )
        .with_columns(month=pl.col("day").dt.truncate("1mo"))
        .select(PERSON_DAY.columns.keys())
        .cast(PERSON_DAY.schema)
        .lazy()
    )


def _group(chance: np.random.Generator, kind: str, number: int, *, is_first: bool) -> pl.DataFrame:
    days = np.arange(DAYS)
    start = 0 if is_first else int(chance.integers(0, DAYS // 2))
    rate = KINDS[kind](chance, days)
    end = start + 60 + int(chance.exponential(330))
    fade = int(chance.choice([0, 0, 20, 60, 120]))
    life = np.clip((end - days) / fade, 0, 1) if fade else (days < end).astype(float)
    if chance.random() < 0.25:
        life = np.where(days > end + 60 + chance.exponential(60), 0.8, life)
    counts = chance.poisson(rate * life * (days >= start))
    # Few members write most of what is written.
    writer = chance.zipf(1.6, size=int(counts.sum())) % int(chance.integers(4, 25))
    written = pl.DataFrame({"number": np.repeat(days, counts), "writer": writer})
    rows = written.group_by("number", "writer", maintain_order=True).agg(messages=pl.len())
    times = np.sort(chance.integers(0, _MINUTES, size=(rows.height, 2)), axis=1)
    return rows.select(
        pl.format("p{}-{}", pl.lit(number), "writer").alias("person_id"),
        pl.lit(f"app:{number:02}").alias("group_id"),
        "number",
        "messages",
        first=pl.Series(times[:, 0]),
        last=pl.Series(times[:, 1]),
    )


def _seasonal(chance: np.random.Generator, days: np.ndarray) -> np.ndarray:
    """Activity with weekends, a summer and a holiday of three weeks."""
    summer = 1 + 0.6 * np.sin(2 * np.pi * (days + chance.integers(0, 20)) / 364)
    week = np.where(days % 7 >= 5, 0.4, 1.2)
    holiday = np.where((days % 364 >= 20) & (days % 364 < 40), 0.1, 1.0)
    return chance.lognormal(-0.3, 0.9) * summer * week * holiday


def _bursts(chance: np.random.Generator, days: np.ndarray) -> np.ndarray:
    """A campaign of five days every 30 days or so, and little activity in between."""
    campaign = np.zeros(len(days))
    for month in range(0, len(days), 30):
        begin = max(0, month + int(chance.integers(-4, 5)))
        campaign[begin : begin + 5] = 1
    return chance.lognormal(-2.8, 0.7) + campaign * chance.lognormal(0.8, 0.6)


def _clubs(chance: np.random.Generator, days: np.ndarray) -> np.ndarray:
    """About one message a week."""
    return np.full(len(days), chance.lognormal(-1.9, 0.5))


def _support(chance: np.random.Generator, days: np.ndarray) -> np.ndarray:
    """Questions now and then, each with a few days of answers."""
    asked = chance.random(len(days)) < chance.lognormal(-1.6, 0.8)
    rate = np.zeros(len(days))
    for later, answers in enumerate((3.0, 1.2, 0.4)):
        rate[later:] += answers * asked[: len(days) - later]
    return rate


KINDS: Final[dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]]] = {
    "seasonal": _seasonal,
    "sales bursts": _bursts,
    "quiet clubs": _clubs,
    "support groups": _support,
}
"""Functions that return the mean number of messages of each day, by kind of company."""
