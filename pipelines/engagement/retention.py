"""Retention: of the persons who started in a calendar unit, how many returned in each period since."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import polars as pl

from pipelines.arrays import fixed
from pipelines.engagement import retention_kernel as kernel
from pipelines.engagement.calendar import Unit, is_complete, later_unit_start, next_unit_start, unit_start, unit_starts
from pipelines.time import business_day, day_end
from schemas.lake import UTC_TIME

Cohort = Literal["first_ever", "every_start"]
Mode = Literal["on", "on_or_after"]
Periods = Literal["calendar", "rolling"]

ROLLING: Final[dict[Unit, dt.timedelta]] = {
    "day": dt.timedelta(hours=24),
    "week": 7 * dt.timedelta(hours=24),
    "month": 30 * dt.timedelta(hours=24),
}
"""Lengths of rolling periods."""

COHORTS: Final = pl.Schema(
    {
        "unit": pl.String(),
        "cohort": pl.Date(),
        "period": pl.Int32(),
        "cohort_size": pl.Int64(),
        "returned": pl.Int64(),
        "is_complete": pl.Boolean(),
    }
)

_A_DAY: Final = dt.timedelta(days=1)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_NEVER: Final = np.iinfo(np.int64).min


def retention(
    events: pl.LazyFrame,
    start: pl.Expr,
    returns: pl.Expr,
    *,
    unit: Unit,
    zone: str,
    complete_through: dt.date | None,
    cohort: Cohort = "first_ever",
    mode: Mode = "on",
    periods: Periods = "calendar",
    first_starts: pl.LazyFrame | None = None,
) -> pl.LazyFrame:
    """Count persons by the unit in which they started, and who of them returned in each period.

    See docs/definitions.md#engagement.

    A person who starts at 20:00 and returns at 06:00 returned in day 1 by calendar and in day 0 of rolling 24 hours:

    >>> import datetime as dt
    >>> import polars as pl
    >>> from pipelines.engagement import retention
    >>> times = [dt.datetime(2025, 3, 3, 20, tzinfo=dt.UTC), dt.datetime(2025, 3, 4, 6, tzinfo=dt.UTC)]
    >>> events = pl.LazyFrame({"person_id": ["ann", "ann"], "type": ["member.joined", "message.sent"], "time": times})
    >>> joined, spoke = pl.col("type") == "member.joined", pl.col("type") == "message.sent"
    >>> asked = {"unit": "day", "zone": "UTC", "complete_through": dt.date(2025, 3, 5)}
    >>> calendar = retention(events, joined, spoke, **asked).collect()
    >>> calendar.select("period", "cohort_size", "returned").rows()
    [(0, 1, 0), (1, 1, 1), (2, 1, 0)]
    >>> rolling = retention(events, joined, spoke, periods="rolling", **asked).collect()
    >>> rolling.select("period", "cohort_size", "returned").rows()
    [(0, 1, 1), (1, 1, 0), (2, 1, None)]

    A return is an event at or after the start and before the end of `complete_through`. The start itself is a return of
    period 0 if it also satisfies `returns`.

    Args:
        events: `person_id` (String), `time` (UTC microseconds) and the columns of the predicates, in any order. Rows
            without a person do not count.
        start: Predicate of the starting events.
        returns: Predicate of the returns.
        unit: Calendar unit of cohorts, and length of periods (`ROLLING` for rolling ones).
        zone: IANA name of the business zone.
        complete_through: Last complete day, None if no day is complete.
        cohort: `first_ever`: a person is in the cohort of the first start. `every_start`: in the cohort of every unit
            with a start, once, from the first start in it on.
        mode: `on`: returned in exactly that period. `on_or_after`: in that period or any later one.
        periods: `calendar`: units of the business zone after that of the cohort. `rolling`: time since the start.
        first_starts: `person_id, time` of first starts over all history, if `events` is only a range of it; cohorts
            from before the range then lack earlier returns. None: `events` is all history.

    Returns:
        `COHORTS`: for every cohort with a person a row per period, without gaps, up to the one that contains the newer
        of the last event and the end of `complete_through`. `returned` is null while the period is not over for every
        possible member of the cohort.

    Raises:
        ValueError: `first_starts` was given with `every_start`.
    """
    if first_starts is not None and cohort == "every_start":
        raise ValueError("first_starts has only first starts: use it with cohort='first_ever'")
    asked = _Asked(unit, zone, complete_through, cohort, mode, periods)
    starts = start.fill_null(value=False) if first_starts is None else pl.lit(value=False)
    kind = starts.cast(pl.UInt8) * kernel.STARTS + returns.fill_null(value=False).cast(pl.UInt8) * kernel.RETURNS
    rows = events.select("person_id", "time", kind=kind)
    if first_starts is not None:
        firsts = first_starts.select("person_id", "time", kind=pl.lit(kernel.STARTS, pl.UInt8))
        rows = pl.concat([rows, firsts])
    return (
        rows.filter((pl.col("kind") > 0) & pl.col("person_id").is_not_null())
        # Its own categories: global ones would grow with every call.
        .with_columns(pl.col("person_id").cast(pl.Categorical(pl.Categories.random())).to_physical())
        .map_batches(asked.count, schema=COHORTS)
    )


@dataclass(frozen=True)
class _Asked:
    unit: Unit
    zone: str
    complete_through: dt.date | None
    cohort: Cohort
    mode: Mode
    periods: Periods

    def count(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `COHORTS` of rows with `person_id` as a number, `time` and `kind`."""
        if rows.is_empty():
            return COHORTS.to_frame()
        end = None if self.complete_through is None else day_end(self.complete_through, self.zone)
        first, newest = rows.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)
        newest = newest if end is None else max(newest, end - _MICROSECOND)
        units = self._units(first, newest)
        bounds = np.array([_microseconds(day_end(day - _A_DAY, self.zone)) for day in units])
        length = ROLLING[self.unit] // _MICROSECOND if self.periods == "rolling" else 0
        n_periods = (_microseconds(newest) - int(bounds[0])) // length + 1 if length else len(units) - 1
        person = fixed(rows["person_id"])
        time = fixed(rows["time"].cast(UTC_TIME))
        kind = fixed(rows["kind"])
        grouped = kernel.group_rows(person, time, kind, bounds, int(person.max()) + 1)
        size, returned = kernel.count_returns(
            *grouped,
            n_units=len(units) - 1,
            n_periods=n_periods,
            length=length,
            until=_NEVER if end is None else _microseconds(end),
            of_every_start=self.cohort == "every_start",
            newest_only=self.mode == "on_or_after",
        )
        if self.mode == "on_or_after":
            returned = np.flip(np.cumsum(np.flip(returned, axis=1), axis=1), axis=1)
        return self._rows(units[:-1], size, returned, newest, end)

    def _units(self, first: dt.datetime, newest: dt.datetime) -> pl.Series:
        """Return the first days of the units from that of `first` to that of `newest`, and of the one after."""
        first_day, newest_day = (business_day(pl.lit(time), self.zone) for time in (first, newest))
        last = next_unit_start(unit_start(newest_day, self.unit), self.unit)
        return pl.select(unit_starts(unit_start(first_day, self.unit), last, self.unit).explode()).to_series()

    def _rows(
        self,
        units: pl.Series,
        size: np.ndarray[tuple[int], np.dtype[np.int64]],
        returned: np.ndarray[tuple[int, int], np.dtype[np.int64]],
        newest: dt.datetime,
        end: dt.datetime | None,
    ) -> pl.DataFrame:
        """Return a row per cohort and period from the counts."""
        cohorts = np.flatnonzero(size)
        n_periods = returned.shape[1]
        laid = pl.DataFrame(
            {
                "cohort": units.gather(np.repeat(cohorts, n_periods)),
                "period": np.tile(np.arange(n_periods), len(cohorts)),
                "cohort_size": np.repeat(size[cohorts], n_periods),
                "returned": returned[cohorts].ravel(),
            }
        )
        has_begun, is_over = self._progress(newest, end)
        return (
            laid.lazy()
            .filter(has_begun)
            .with_columns(unit=pl.lit(self.unit), is_complete=is_over)
            .with_columns(returned=pl.when("is_complete").then("returned"))
            .select(COHORTS.names())
            .cast(COHORTS)
            .collect()
        )

    def _progress(self, newest: dt.datetime, end: dt.datetime | None) -> tuple[pl.Expr, pl.Expr]:
        """Whether a period has started by `newest` for the first of its cohort, and is over by `end` for the last."""
        cohort, period = pl.col("cohort"), pl.col("period")
        if self.periods == "calendar":
            begins = later_unit_start(cohort, period, self.unit)
            has_begun = begins <= business_day(pl.lit(newest), self.zone)
            return has_begun, is_complete(begins, self.unit, self.complete_through)
        # Days are compared at the instant one period earlier, because the zone may change its clock in between.
        length = ROLLING[self.unit]
        has_begun = business_day(pl.lit(newest) - period * length, self.zone) >= cohort
        if end is None:
            return has_begun, pl.lit(value=False)
        last_start = pl.lit(end) - (period + 1) * length
        return has_begun, business_day(last_start, self.zone) >= next_unit_start(cohort, self.unit)


def _microseconds(time: dt.datetime) -> int:
    return (time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // _MICROSECOND
