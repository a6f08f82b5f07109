"""What the model would have told: of groups it never saw, and from the past alone."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.groups.risk.features import LEAST_MESSAGES
from pipelines.groups.risk.model import HORIZONS, encode, train, was_dead

MOST_FOLDS: Final = 40
FOLDS_FORWARD: Final = 10
BINS: Final = 10

BASELINES: Final[dict[str, pl.Expr]] = {
    "days of silence": pl.col("since_active_day_1"),
    "messages in 28 days": -pl.col("messages_28d"),
    "messages fell by half": -pl.col("messages_28d") / pl.max_horizontal(pl.col("messages_28d_before"), 1),
}
"""What a person would look at without a model, larger where death is likelier."""

_RISKS: Final = tuple(f"risk_{days}" for days in HORIZONS)


@dataclass(frozen=True)
class Bin:
    """Days whose risk lies in one tenth: how many, the mean risk, and the share on which the group was to die."""

    days: int
    risk: float
    dead: float


@dataclass(frozen=True)
class Calibration:
    """Brier score, expected calibration error over tenths, and the tenths that have days."""

    brier: float
    error: float
    bins: tuple[Bin, ...]


def across_groups(history: pl.DataFrame) -> pl.DataFrame:
    """Tell each group's risks by a model of the other groups.

    Each group is left out alone; of more than 40, as many at once as make 40 folds.

    Args:
        history: of `features.history`.

    Returns:
        The rows for which a model could be trained, with `risk_28` and `risk_56`, by group and day.
    """
    groups = history["group_id"].unique().sort()

    def parts() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        for fold in range(min(MOST_FOLDS, len(groups))):
            is_out = pl.col("group_id").is_in(groups[fold::MOST_FOLDS].implode())
            yield history.filter(~is_out), history.filter(is_out)

    return _told(history, parts())


def walking_forward(history: pl.DataFrame, retrain_days: int, *, other_groups: bool) -> pl.DataFrame:
    """Tell each period's risks by a model of what was known before it.

    A model learns from days whose longest silence was over when the period began, in groups that had 30 messages by
    then. Which groups are left out together follows from their ids alone, so that nothing later changes a risk.

    Args:
        history: of `features.history`.
        retrain_days: length of a period.
        other_groups: whether a model learns from other groups than those it tells of, in 10 folds.

    Returns:
        As `across_groups`.
    """
    every = dt.timedelta(days=retrain_days)

    def parts() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        if history.is_empty():
            return
        folded = history.with_columns(
            fold=pl.col("group_id").map_batches(lambda groups: _folds(groups), return_dtype=pl.Int64)
        )
        first, last = history.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0)
        # Periods of the calendar: a group whose history begins earlier than that of all others moves none of them.
        for period in range(first.toordinal() // retrain_days, last.toordinal() // retrain_days + 1):
            opens = dt.date.fromordinal(max(1, period * retrain_days))
            is_known = pl.col("messages_so_far").max().over("group_id") >= LEAST_MESSAGES
            before = folded.filter(pl.col("day") < opens).filter(is_known)
            before = before.with_columns(known_days=(pl.lit(opens) - pl.col("day")).dt.total_days() - 1)
            now = folded.filter(pl.col("day").is_between(opens, opens + every, closed="left"))
            if other_groups:
                for (fold,), rows in now.partition_by("fold", as_dict=True).items():
                    yield before.filter(pl.col("fold") != fold), rows.drop("fold")
            else:
                yield before, now.drop("fold")

    return _told(history, parts())


def _folds(groups: pl.Series) -> pl.Series:
    fold = {group: zlib.crc32(group.encode()) % FOLDS_FORWARD for group in groups.unique()}
    return groups.replace_strict(fold, return_dtype=pl.Int64)


def _told(history: pl.DataFrame, parts: Iterator[tuple[pl.DataFrame, pl.DataFrame]]) -> pl.DataFrame:
    told = [history.clear().with_columns(pl.lit(None, pl.Float64).alias(name) for name in _RISKS)]
    for known, rows in parts:
        model = train(known)
        if model is not None:
            risks = model.risks(encode(rows))
            told.append(rows.with_columns(pl.Series(name, risks[:, at]) for at, name in enumerate(_RISKS)))
    return pl.concat(told).sort("group_id", "day")


def judged(told: pl.DataFrame, days: int = HORIZONS[0]) -> pl.DataFrame:
    """The rows whose next `days` days are known, with `is_dead`: the group was to die within them."""
    known = told.filter(pl.col("known_days") >= days)
    return known.with_columns(is_dead=pl.Series(was_dead(known, days), dtype=pl.Boolean))


def calibration(rows: pl.DataFrame, risk: str = _RISKS[0]) -> Calibration:
    """Compare risks with what came of them; `rows` of `judged` for the same horizon."""
    told, dead = rows[risk].to_numpy(), rows["is_dead"].to_numpy()
    tenth = np.minimum((told * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(int((tenth == one).sum()), float(told[tenth == one].mean()), float(dead[tenth == one].mean()))
        for one in np.unique(tenth)
    )
    error = sum(one.days * abs(one.risk - one.dead) for one in bins) / len(told)
    return Calibration(float(np.mean((told - dead) ** 2)), float(error), bins)
