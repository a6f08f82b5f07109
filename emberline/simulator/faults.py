"""Delivery as it is: late, twice, contradictory, broken."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from emberline.simulator.broken import broken
from emberline.simulator.clock import DAY, MINUTE, SECOND
from emberline.simulator.encode import encoded
from emberline.simulator.scenario import Scenario

_CHANGEABLE = ("text_length", "total_minor")


def delivered(scenario: Scenario, events: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """All records in the order of sending: topic, key, value, kind, sort (of broken ones).

    Args:
        scenario: Shares of the faults.
        events: Planned events as `numbered` gives them, in order of time.
        rng: What chance is drawn from.
    """
    n = events.height
    values = encoded(events)
    late = pl.Series(rng.random(n) < scenario.late) & events["held"].is_null()
    some_days = pl.Series(rng.integers(DAY, 40 * DAY, n))
    sent = events["time"] + pl.Series(rng.exponential(2 * SECOND, n).astype(np.int64)) + SECOND
    delay = pl.select(pl.when(late).then(some_days).otherwise(events["held"])).to_series()
    firsts = values.with_columns(
        sent=sent + delay.fill_null(0),
        kind=pl.select(pl.when(delay.is_null()).then(pl.lit("event")).otherwise(pl.lit("late"))).to_series(),
    )
    again = firsts[_some(n, scenario.duplicates, rng)]
    lag = np.where(
        rng.random(again.height) < 0.7,
        rng.integers(SECOND, 10 * MINUTE, again.height),
        rng.integers(DAY, 20 * DAY, again.height),
    )
    again = again.with_columns(sent=pl.col("sent") + pl.Series(lag), kind=pl.lit("duplicate"))
    return (
        pl.concat([firsts, again, _conflicts(scenario, events, firsts, rng)])
        .with_columns(sort=pl.lit(None, pl.String), value=pl.col("value").cast(pl.Binary))
        .pipe(lambda whole: pl.concat([whole, broken(firsts, _count(n, scenario.broken), rng)]))
        .sort("sent", maintain_order=True)
        .select("topic", "key", "value", "kind", "sort")
    )


def _conflicts(
    scenario: Scenario, events: pl.DataFrame, firsts: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """Copies with one number changed, later than the first delivery; half of them payments, where it would cost."""
    if not scenario.conflicts:
        return firsts.head(0)
    wanted = max(2, _count(events.height, scenario.conflicts))
    texts = events.filter(pl.col("text_length").is_not_null())["row"].to_numpy()
    sums = events.filter(pl.col("total_minor").is_not_null())["row"].to_numpy()
    chosen = np.concatenate([_from(texts, wanted - wanted // 2, rng), _from(sums, wanted // 2, rng)])
    rows = pl.Series(np.sort(chosen)).cast(pl.Int64)
    changed = encoded(events[rows].with_columns(pl.col(*_CHANGEABLE) + 1))
    lag = pl.Series(rng.integers(MINUTE, 2 * DAY, len(rows)))
    return changed.with_columns(sent=firsts["sent"].gather(rows) + lag, kind=pl.lit("conflict"))


def _some(n: int, share: float, rng: np.random.Generator) -> pl.Series:
    return pl.Series(np.sort(_from(np.arange(n), _count(n, share), rng)))


def _from(values: npt.NDArray[np.generic], wanted: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    return rng.choice(values, size=min(wanted, len(values)), replace=False)


def _count(n: int, share: float) -> int:
    return round(n * share)
